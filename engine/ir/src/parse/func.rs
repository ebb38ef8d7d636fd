//! A function's text.

use super::*;
use crate::vector::VecTy;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// What follows `fnN = func`.
pub(super) fn func(parser: &mut Parser<'_>) -> Result<Func> {
    let name = parser.name()?;
    let func = Func {
        scopes: vec![name.as_str().into()],
        name: name.into(),
        sig: Signature::default(),
        conv: CallConv::Sx,
        c_sig: None,
        inline: false,
        regs: Vec::new(),
        slots: Vec::new(),
        consts: Vec::new(),
        pool: Vec::new(),
        code: Vec::new(),
        code_locs: Vec::new(),
        blocks: Vec::new(),
        locs: Vec::new(),
        debug_vars: Vec::new(),
    };
    let mut body = Body {
        parser,
        func,
        regs: Vec::new(),
        first_use: Vec::new(),
        consts: FxHashMap::default(),
        last_block: None,
    };
    body.header()?;
    body.declarations()?;
    body.blocks()?;
    body.finish()
}

pub(super) struct Body<'p, 'a> {
    parser: &'p mut Parser<'a>,
    func: Func,
    /// Registers by number, as far as they are declared or assigned.
    regs: Vec<Option<RegInfo>>,
    /// Where each register is named first, for the message when it has no declaration.
    first_use: Vec<Option<usize>>,
    consts: FxHashMap<Const, u32>,
    /// The highest block named, and where.
    last_block: Option<(u32, usize)>,
}

impl Body<'_, '_> {
    fn header(&mut self) -> Result<()> {
        self.parser.sign("(")?;
        while !self.parser.eat_sign(")")? {
            if !self.regs.is_empty() {
                self.parser.sign(",")?;
            }
            self.parser.entry("r", self.regs.len())?;
            self.parser.sign(":")?;
            let ty = self.parser.ty()?;
            self.func.sig.params.push(ty);
            self.regs.push(Some(RegInfo { ty, mutable: false }));
        }
        self.parser.sign("->")?;
        self.func.sig.rets = self.parser.tys()?;
        if self.parser.eat_word("c")? {
            self.func.conv = CallConv::C;
        }
        self.func.c_sig = self.parser.eat_id("sig")?.map(SigId);
        self.func.inline = self.parser.eat_word("inline")?;
        self.parser.sign("{")
    }

    fn declarations(&mut self) -> Result<()> {
        loop {
            let mutable = self.parser.is_word("var");
            if mutable || self.parser.is_word("temp") {
                self.parser.advance()?;
                let reg = self.reg()?;
                self.parser.sign(":")?;
                let ty = self.parser.ty()?;
                self.regs[reg.index()] = Some(RegInfo { ty, mutable });
            } else if self.parser.peek_id("slot").is_some() {
                self.parser.entry("slot", self.func.slots.len())?;
                self.parser.sign(":")?;
                let size = self.parser.int()?;
                self.parser.word("align")?;
                let align = self.parser.int()?;
                self.func.slots.push(Slot { size, align });
            } else if self.parser.peek_id("scope").is_some() {
                self.parser.entry("scope", self.func.scopes.len())?;
                self.parser.sign(":")?;
                let name = self.parser.name()?;
                self.func.scopes.push(name.into());
            } else if self.parser.peek_id("loc").is_some() {
                self.position()?;
            } else if self.parser.eat_word("debug")? {
                self.debug_var()?;
            } else {
                break;
            }
        }
        if self.func.locs.is_empty() {
            self.func.locs.push(SrcLoc { file: 0, offset: 0, inlined_at: None, scope: 0 });
        }
        Ok(())
    }

    fn position(&mut self) -> Result<()> {
        self.parser.entry("loc", self.func.locs.len())?;
        self.parser.sign(":")?;
        let file = self.parser.int()?;
        self.parser.sign(":")?;
        let offset = self.parser.int()?;
        let scope = self.parser.eat_id("scope")?.unwrap_or(0);
        let inlined_at = if self.parser.eat_word("at")? { Some(LocId(self.parser.id("loc")?)) } else { None };
        self.func.locs.push(SrcLoc { file, offset, inlined_at, scope });
        Ok(())
    }

    fn debug_var(&mut self) -> Result<()> {
        let name = self.parser.name()?;
        self.parser.sign(":")?;
        let ty = self.parser.name()?;
        self.parser.word("in")?;
        let place = match self.parser.eat_id("slot")? {
            Some(slot) => Place::Slot(SlotId(slot)),
            None => {
                let mut regs = SmallVec::new();
                if self.parser.peek_id("r").is_some() {
                    regs.push(self.reg()?);
                    while self.parser.eat_sign(",")? {
                        regs.push(self.reg()?);
                    }
                }
                Place::Regs(regs)
            }
        };
        self.func.debug_vars.push(DebugVar { name: name.into(), ty: ty.into(), place });
        Ok(())
    }

    fn blocks(&mut self) -> Result<()> {
        while !self.parser.eat_sign("}")? {
            self.parser.entry("b", self.func.blocks.len())?;
            self.parser.sign(":")?;
            let start = self.func.code.len() as u32;
            let term = loop {
                if let Some(term) = self.term()? {
                    break term;
                }
                let inst = self.inst()?;
                let loc = self.loc()?;
                self.func.code.push(inst);
                self.func.code_locs.push(loc);
            };
            let end = self.func.code.len() as u32;
            let term_loc = self.loc()?;
            self.func.blocks.push(Block { start, end, term, term_loc });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Func> {
        let lexer = &self.parser.lexer;
        if let Some((block, at)) = self.last_block
            && block as usize >= self.func.blocks.len()
        {
            return Err(lexer.error(at, format!("there is no b{block}")));
        }
        // Of what is missing, rather tell a register that the text names than a gap in the numbers.
        let missing = |i: &usize| self.regs[*i].is_none();
        let named = |i: &usize| self.first_use.get(*i).copied().flatten();
        let all = 0..self.regs.len();
        if let Some(i) = all.clone().find(|i| missing(i) && named(i).is_some()).or(all.clone().find(missing))
        {
            let at = named(&i).unwrap_or(self.parser.at);
            return Err(lexer.error(at, format!("r{i} has neither an assignment nor a declaration")));
        }
        self.func.regs = self.regs.into_iter().flatten().collect();
        Ok(self.func)
    }

    fn loc(&mut self) -> Result<LocId> {
        let at = self.parser.at;
        if !self.parser.eat_sign("@")? {
            return Ok(LocId(0));
        }
        let loc: u32 = self.parser.int()?;
        if loc as usize >= self.func.locs.len() {
            return Err(self.parser.lexer.error(at, format!("there is no loc{loc}")));
        }
        Ok(LocId(loc))
    }

    fn reg(&mut self) -> Result<Reg> {
        let at = self.parser.at;
        let reg = Reg(self.parser.id("r")?);
        if reg.index() >= self.regs.len() {
            self.regs.resize(reg.index() + 1, None);
        }
        if reg.index() >= self.first_use.len() {
            self.first_use.resize(reg.index() + 1, None);
        }
        self.first_use[reg.index()].get_or_insert(at);
        Ok(reg)
    }

    /// An assigned register's type, unless it was declared.
    fn assign(&mut self, reg: Reg, ty: Ty) {
        self.regs[reg.index()].get_or_insert(RegInfo { ty, mutable: false });
    }

    fn block_id(&mut self) -> Result<BlockId> {
        let at = self.parser.at;
        let id = self.parser.id("b")?;
        if self.last_block.is_none_or(|(last, _)| id > last) {
            self.last_block = Some((id, at));
        }
        Ok(BlockId(id))
    }

    fn constant(&mut self, value: Const) -> Operand {
        let consts = &mut self.func.consts;
        let index = *self.consts.entry(value).or_insert_with(|| {
            consts.push(value);
            consts.len() as u32 - 1
        });
        Operand::constant(index)
    }

    /// A register, or a constant whose type is the expected one unless it follows.
    pub(super) fn operand(&mut self, expected: Option<Ty>) -> Result<Operand> {
        if self.parser.peek_id("r").is_some() {
            return Ok(self.reg()?.into());
        }
        let at = self.parser.at;
        let literal = match self.parser.token {
            Token::Number(text) => text,
            Token::Word("null") => "null",
            _ => return self.parser.expected("a register or a constant"),
        };
        self.parser.advance()?;
        let ty = if self.parser.eat_sign(":")? {
            self.parser.ty()?
        } else if literal == "null" {
            Ty::Ptr
        } else {
            match expected {
                Some(ty) => ty,
                None => return Err(self.parser.lexer.error(at, "the constant needs a type, as in 1:i64")),
            }
        };
        match bits(literal, ty) {
            Some(bits) => Ok(self.constant(Const { ty, bits })),
            None => Err(self.parser.lexer.error(at, format!("{literal} is no constant of {}", ty.name()))),
        }
    }

    fn next_operand(&mut self, ty: Ty) -> Result<Operand> {
        self.parser.sign(",")?;
        self.operand(Some(ty))
    }

    pub(super) fn two(&mut self, a: Ty, b: Ty) -> Result<(Operand, Operand)> {
        Ok((self.operand(Some(a))?, self.next_operand(b)?))
    }

    pub(super) fn three(&mut self, a: Ty, b: Ty, c: Ty) -> Result<(Operand, Operand, Operand)> {
        Ok((self.operand(Some(a))?, self.next_operand(b)?, self.next_operand(c)?))
    }

    fn push_list(&mut self, operands: Vec<Operand>) -> List {
        let start = self.func.pool.len() as u32;
        let len = operands.len() as u32;
        self.func.pool.extend(operands);
        List { start, len }
    }

    /// Operands in parentheses, each constant with its type.
    fn list(&mut self) -> Result<List> {
        self.parser.sign("(")?;
        let mut operands = Vec::new();
        while !self.parser.eat_sign(")")? {
            if !operands.is_empty() {
                self.parser.sign(",")?;
            }
            operands.push(self.operand(None)?);
        }
        Ok(self.push_list(operands))
    }

    fn addr(&mut self) -> Result<Addr> {
        self.parser.sign("[")?;
        let base = if let Some(id) = self.parser.eat_id("slot")? {
            Base::Slot(SlotId(id))
        } else if let Some(id) = self.parser.eat_id("glob")? {
            Base::Global(GlobalId(id))
        } else if let Some(id) = self.parser.eat_id("data")? {
            Base::Data(DataId(id))
        } else {
            Base::Reg(self.operand(Some(Ty::Ptr))?)
        };
        let at = self.parser.at;
        let Ok(off) = i32::try_from(self.parser.offset()?) else {
            return Err(self.parser.lexer.error(at, "the offset is beyond 32 bits"));
        };
        self.parser.sign("]")?;
        Ok(Addr { base, off })
    }

    fn size(&mut self) -> Result<u32> {
        self.parser.sign(",")?;
        self.parser.int()
    }

    fn inst(&mut self) -> Result<Inst> {
        let mut dsts: Vec<(Reg, Option<Ty>)> = Vec::new();
        while self.parser.peek_id("r").is_some() {
            let reg = self.reg()?;
            let ty = if self.parser.eat_sign(":")? { Some(self.parser.ty()?) } else { None };
            dsts.push((reg, ty));
            if !self.parser.eat_sign(",")? {
                self.parser.sign("=")?;
                break;
            }
        }
        let at = self.parser.at;
        let word = self.parser.any_word("an instruction")?;
        if word == "call" {
            return self.call(dsts);
        }
        let mut parts = word.split('.');
        let first = parts.next().unwrap_or("");
        let wrong = |parser: &Parser<'_>| {
            Err(parser.lexer.error(at, format!("no such instruction, or not with this result: {word}")))
        };
        let inst = match &dsts[..] {
            [] => self.effect(first, parts.clone())?,
            [(dst, None)] => {
                let dst = *dst;
                let value = self.value(dst, first, parts.clone())?;
                if let Some((_, ty)) = value {
                    self.assign(dst, ty);
                }
                value.map(|(inst, _)| inst)
            }
            _ => None,
        };
        inst.map_or_else(|| wrong(self.parser), Ok)
    }

    /// An instruction with one result, and the result's type; none when there is no such word.
    fn value<'w>(
        &mut self,
        dst: Reg,
        first: &str,
        mut parts: impl Iterator<Item = &'w str>,
    ) -> Result<Option<(Inst, Ty)>> {
        let plain = match first {
            "addr" => Some(Inst::AddrOf { dst, addr: self.addr()? }),
            "index" => {
                let (base, index) = self.two(Ty::Ptr, Ty::I64)?;
                Some(Inst::Index { dst, base, index, stride: self.size()? })
            }
            "funcaddr" => Some(Inst::FuncAddr { dst, func: FuncId(self.parser.id("fn")?) }),
            "cfuncaddr" => Some(Inst::CFuncAddr { dst, func: FuncId(self.parser.id("fn")?) }),
            "externaddr" => Some(Inst::ExternAddr { dst, ext: ExternId(self.parser.id("ext")?) }),
            "atomic" => return self.atomic_value(dst, parts),
            "memcmp" => {
                let (a, b, len) = self.three(Ty::Ptr, Ty::Ptr, Ty::I64)?;
                return Ok(Some((Inst::MemCmp { dst, a, b, len }, Ty::I32)));
            }
            _ => None,
        };
        if let Some(inst) = plain {
            return Ok(Some((inst, Ty::Ptr)));
        }
        let Some(second) = parts.next() else { return Ok(None) };
        match first {
            "cmp" => {
                let (Some(op), Some(ty)) = (CmpOp::from_word(second), parts.next().and_then(Ty::from_word))
                else {
                    return Ok(None);
                };
                let (a, b) = self.two(ty, ty)?;
                return Ok(Some((Inst::Cmp { op, ty, dst, a, b }, ty.with_lane(Ty::I8))));
            }
            "conv" => {
                let (Some(op), Some(from), Some(to)) = (
                    ConvOp::from_word(second),
                    parts.next().and_then(Ty::from_word),
                    parts.next().and_then(Ty::from_word),
                ) else {
                    return Ok(None);
                };
                let a = self.operand(Some(from))?;
                return Ok(Some((Inst::Conv { op, from, to, dst, a }, to)));
            }
            _ => {}
        }
        let Some(ty) = Ty::from_word(second) else { return Ok(None) };
        if let Some(ty) = ty.vector()
            && let Some(found) = self.lanes(dst, first, ty)?
        {
            return Ok(Some(found));
        }
        let inst = if let Some(op) = BinOp::from_word(first) {
            let (a, b) = self.two(ty, ty)?;
            Inst::Bin { op, ty, dst, a, b }
        } else if let Some(op) = UnOp::from_word(first) {
            Inst::Un { op, ty, dst, a: self.operand(Some(ty))? }
        } else {
            match first {
                "copy" => Inst::Copy { dst, src: self.operand(Some(ty))? },
                "load" => Inst::Load { ty, dst, addr: self.addr()? },
                "select" => {
                    let (cond, a, b) = self.three(Ty::I8, ty, ty)?;
                    Inst::Select { ty, dst, cond, a, b }
                }
                _ => return Ok(None),
            }
        };
        Ok(Some((inst, ty)))
    }

    /// An instruction that makes a vector or takes one apart.
    fn lanes(&mut self, dst: Reg, word: &str, ty: VecTy) -> Result<Option<(Inst, Ty)>> {
        let (vec, of) = (Ty::Vec(ty), ty.lane.ty());
        Ok(Some(match word {
            "splat" => (Inst::Splat { ty, dst, a: self.operand(Some(of))? }, vec),
            "lane" => {
                let a = self.operand(Some(vec))?;
                self.parser.sign(",")?;
                (Inst::Lane { ty, dst, a, lane: self.parser.int()? }, of)
            }
            "setlane" => {
                let (a, val) = self.two(vec, of)?;
                self.parser.sign(",")?;
                (Inst::SetLane { ty, dst, a, val, lane: self.parser.int()? }, vec)
            }
            _ => return Ok(None),
        }))
    }

    /// An instruction without result.
    fn effect<'w>(&mut self, first: &str, mut parts: impl Iterator<Item = &'w str>) -> Result<Option<Inst>> {
        let (i64, ptr) = (Ty::I64, Ty::Ptr);
        Ok(Some(match first {
            "store" => {
                let Some(ty) = parts.next().and_then(Ty::from_word) else { return Ok(None) };
                let addr = self.addr()?;
                Inst::Store { ty, addr, val: self.next_operand(ty)? }
            }
            "atomic" => return self.atomic_effect(parts),
            "fence" => return Ok(self.fence(parts)),
            "memcopy" => {
                let dst = self.addr()?;
                self.parser.sign(",")?;
                Inst::MemCopy { dst, src: self.addr()?, size: self.size()? }
            }
            "memzero" => Inst::MemZero { dst: self.addr()?, size: self.size()? },
            "memmove" => {
                let (dst, src, len) = self.three(ptr, ptr, i64)?;
                Inst::MemMove { dst, src, len }
            }
            "memset" => {
                let (dst, val, len) = self.three(ptr, Ty::I8, i64)?;
                Inst::MemSet { dst, val, len }
            }
            "bounds" | "ubounds" => {
                let (index, len) = self.two(i64, i64)?;
                Inst::Bounds { index, len, unsigned: first == "ubounds" }
            }
            "slicebounds" | "uslicebounds" => {
                let (lo, hi, len) = self.three(i64, i64, i64)?;
                Inst::SliceBounds { lo, hi, len, unsigned: first == "uslicebounds" }
            }
            "nullcheck" => Inst::NullCheck { ptr: self.operand(Some(ptr))? },
            "check" => {
                let cond = self.operand(Some(Ty::I8))?;
                self.parser.sign(",")?;
                Inst::Check { cond, kind: self.trap_kind()? }
            }
            "poll" => Inst::Poll,
            "errtrace" => match ErrTrace::from_word(self.parser.any_word("raise, propagate or clear")?) {
                Some(what) => Inst::ErrTrace(what),
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    fn trap_kind(&mut self) -> Result<TrapKind> {
        let at = self.parser.at;
        let word = self.parser.any_word("a trap")?;
        TrapKind::from_word(word).ok_or_else(|| self.parser.lexer.error(at, format!("no such trap: {word}")))
    }

    fn call(&mut self, dsts: Vec<(Reg, Option<Ty>)>) -> Result<Inst> {
        let callee = if let Some(id) = self.parser.eat_id("fn")? {
            Callee::Func(FuncId(id))
        } else if let Some(id) = self.parser.eat_id("ext")? {
            Callee::Extern(ExternId(id))
        } else {
            let value = self.parser.is_word("value");
            if !value && !self.parser.is_word("cptr") {
                return self.parser.expected("fn, ext, value or cptr");
            }
            self.parser.advance()?;
            let target = self.operand(Some(Ty::Ptr))?;
            let sig = SigId(self.parser.id("sig")?);
            if value { Callee::Value(target, sig) } else { Callee::CPtr(target, sig) }
        };
        let args = self.list()?;
        let mut rets = Vec::new();
        for (reg, ty) in dsts {
            let Some(ty) = ty else {
                return self.parser.fail(format!("a call's result needs its type: {reg}:i64 = call …"));
            };
            self.assign(reg, ty);
            rets.push(reg.into());
        }
        let rets = self.push_list(rets);
        Ok(Inst::Call { callee, args, rets })
    }

    /// A block's end, if one comes next.
    fn term(&mut self) -> Result<Option<Term>> {
        let Token::Word(word) = self.parser.token else { return Ok(None) };
        if !matches!(word, "jump" | "br" | "ret" | "trap" | "unreachable") && !word.starts_with("switch.") {
            return Ok(None);
        }
        self.parser.advance()?;
        Ok(Some(match word {
            "jump" => Term::Jump(self.block_id()?),
            "br" => {
                let cond = self.operand(Some(Ty::I8))?;
                self.parser.sign(",")?;
                let then = self.block_id()?;
                self.parser.sign(",")?;
                Term::Branch { cond, then, else_: self.block_id()? }
            }
            "ret" => {
                let mut operands = Vec::new();
                if self.parser.peek_id("r").is_some()
                    || matches!(self.parser.token, Token::Number(_) | Token::Word("null"))
                {
                    operands.push(self.operand(None)?);
                    while self.parser.eat_sign(",")? {
                        operands.push(self.operand(None)?);
                    }
                }
                Term::Return(self.push_list(operands))
            }
            "trap" => {
                let kind = self.trap_kind()?;
                Term::Trap(kind, self.list()?)
            }
            "unreachable" => Term::Unreachable,
            _ => self.switch(word)?,
        }))
    }

    fn switch(&mut self, word: &str) -> Result<Term> {
        let Some(ty) = word.strip_prefix("switch.").and_then(Ty::from_word) else {
            return self.parser.fail(format!("no such switch: {word}"));
        };
        let val = self.operand(Some(ty))?;
        let mut cases = Vec::new();
        self.parser.sign("[")?;
        while !self.parser.eat_sign("]")? {
            if !cases.is_empty() {
                self.parser.sign(",")?;
            }
            let bits: u64 = self.parser.int()?;
            self.parser.sign(":")?;
            cases.push((bits, self.block_id()?));
        }
        self.parser.word("else")?;
        Ok(Term::Switch { ty, val, cases, default: self.block_id()? })
    }
}

/// The bits of a constant of a type.
fn bits(literal: &str, ty: Ty) -> Option<u64> {
    if literal == "null" {
        return (ty == Ty::Ptr).then_some(0);
    }
    if ty.vector().is_some() {
        return None;
    }
    let width = ty.size(8) * 8;
    if ty.is_float() && !literal.starts_with("0x") {
        return match ty {
            Ty::F32 => literal.parse::<f32>().ok().map(|value| value.to_bits() as u64),
            _ => literal.parse::<f64>().ok().map(f64::to_bits),
        };
    }
    let value = integer(literal)?;
    let fits = value >= -(1i128 << (width - 1)) && value < 1i128 << width;
    fits.then_some(value as u64 & (u64::MAX >> (64 - width)))
}
