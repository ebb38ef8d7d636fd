//! Ids in range, operands of the right type, calls as their signatures say.

use super::*;
use crate::atomic::Ordering;
use crate::vector::VecTy;
use std::borrow::Cow;

/// The bits of a type; of an address as many as there can be.
pub(super) fn width(ty: Ty) -> u32 {
    ty.size(8) * 8
}

fn is_int(ty: Ty) -> bool {
    matches!(ty, Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64)
}

fn bin_takes(op: BinOp, ty: Ty) -> bool {
    let ty = ty.lane();
    match op {
        BinOp::Add | BinOp::Sub => is_int(ty) || ty == Ty::Ptr,
        BinOp::Mul
        | BinOp::SDiv
        | BinOp::UDiv
        | BinOp::SRem
        | BinOp::URem
        | BinOp::And
        | BinOp::Or
        | BinOp::Xor
        | BinOp::Shl
        | BinOp::SShr
        | BinOp::UShr => is_int(ty),
        BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv | BinOp::FRem | BinOp::FMin | BinOp::FMax => {
            ty.is_float()
        }
    }
}

fn un_takes(op: UnOp, ty: Ty) -> bool {
    let scalar = ty.vector().is_none();
    let ty = ty.lane();
    match op {
        UnOp::Neg | UnOp::Not | UnOp::Clz | UnOp::Ctz | UnOp::Popcnt | UnOp::Bswap => is_int(ty),
        UnOp::BoolNot => ty == Ty::I8,
        // Lanes have whole widths.
        UnOp::SextIn(n) | UnOp::ZextIn(n) => scalar && is_int(ty) && n >= 1 && n as u32 <= width(ty),
        UnOp::FNeg | UnOp::FAbs | UnOp::Sqrt | UnOp::Floor | UnOp::Ceil | UnOp::Trunc | UnOp::Round => {
            ty.is_float()
        }
    }
}

fn cmp_takes(op: CmpOp, ty: Ty) -> bool {
    let ty = ty.lane();
    match op {
        CmpOp::Eq | CmpOp::Ne | CmpOp::ULt | CmpOp::ULe | CmpOp::UGt | CmpOp::UGe => !ty.is_float(),
        CmpOp::SLt | CmpOp::SLe | CmpOp::SGt | CmpOp::SGe => is_int(ty),
        CmpOp::FEq | CmpOp::FNe | CmpOp::FLt | CmpOp::FLe | CmpOp::FGt | CmpOp::FGe => ty.is_float(),
    }
}

fn conv_takes(op: ConvOp, from: Ty, to: Ty, ptr_size: u32) -> bool {
    let lanes = |ty: Ty| ty.vector().map(|vec| vec.lanes);
    if lanes(from) != lanes(to) {
        return false;
    }
    let (from, to) = (from.lane(), to.lane());
    match op {
        ConvOp::Sext | ConvOp::Zext => is_int(from) && is_int(to) && width(from) < width(to),
        ConvOp::Trunc => is_int(from) && is_int(to) && width(from) > width(to),
        ConvOp::SToF | ConvOp::UToF => is_int(from) && to.is_float(),
        ConvOp::FToS | ConvOp::FToU => from.is_float() && is_int(to),
        ConvOp::FExt => from == Ty::F32 && to == Ty::F64,
        ConvOp::FTrunc => from == Ty::F64 && to == Ty::F32,
        ConvOp::Bitcast => (is_int(from) || is_int(to)) && from.size(ptr_size) == to.size(ptr_size),
    }
}

/// How many operands of which types a trap may have; none where the kind has a choice or takes nothing.
fn trap_operands(kind: TrapKind) -> &'static [&'static [Ty]] {
    match kind {
        TrapKind::IndexOutOfRange => &[&[Ty::I64, Ty::I64]],
        TrapKind::SliceOutOfRange => &[&[Ty::I64, Ty::I64, Ty::I64]],
        TrapKind::AssertionFailed => &[&[], &[Ty::Ptr, Ty::I64]],
        TrapKind::Panic => &[&[Ty::Ptr, Ty::I64]],
        TrapKind::DivisionByZero
        | TrapKind::DivisionOverflow
        | TrapKind::NullDereference
        | TrapKind::UnwrapNull
        | TrapKind::StackOverflow
        | TrapKind::BadCast
        | TrapKind::Unreachable
        | TrapKind::OutOfMemory
        | TrapKind::WrongUnionTag
        | TrapKind::BadEnumTag
        | TrapKind::IterableTooShort
        | TrapKind::Deadlock
        | TrapKind::Deadline
        | TrapKind::OutOfFuel
        | TrapKind::Canceled
        | TrapKind::InvalidMemory
        | TrapKind::MemoryLimit => &[&[]],
    }
}

impl<'a> Verifier<'a> {
    /// The type of an operand that is in range.
    fn ty(&mut self, operand: Operand) -> Option<Ty> {
        let ty = match operand.as_const() {
            Some(index) => self.func.consts.get(index as usize).map(|constant| constant.ty),
            None => operand.as_reg().and_then(|reg| self.func.regs.get(reg.index())).map(|info| info.ty),
        };
        if ty.is_none() {
            self.ids_broken = true;
            self.error(format!("there is no {operand:?}"));
        }
        ty
    }

    fn want(&mut self, operand: Operand, ty: Ty) {
        if let Some(found) = self.ty(operand)
            && found != ty
        {
            self.error(format!("{operand:?} is {}, not {}", found.name(), ty.name()));
        }
    }

    fn want_all(&mut self, operands: &[(Operand, Ty)]) {
        for &(operand, ty) in operands {
            self.want(operand, ty);
        }
    }

    fn block(&mut self, block: BlockId) {
        if block.index() >= self.func.blocks.len() {
            self.ids_broken = true;
            self.error(format!("there is no {block}"));
        }
    }

    /// A place and how many bytes are touched there; none when its address is all that matters.
    fn addr(&mut self, addr: Addr, size: Option<u32>) {
        match addr.base {
            Base::Reg(base) => self.want(base, Ty::Ptr),
            Base::Global(id) if id.index() >= self.module.globals.len() => {
                self.error(format!("there is no {id}"));
            }
            Base::Data(id) if id.index() >= self.module.datas.len() => {
                self.error(format!("there is no {id}"));
            }
            Base::Global(_) | Base::Data(_) => {}
            Base::Slot(id) => match (self.func.slots.get(id.index()), size) {
                (None, _) => {
                    self.ids_broken = true;
                    self.error(format!("there is no {id}"));
                }
                (Some(slot), Some(size)) => {
                    let end = addr.off as i64 + size as i64;
                    if addr.off < 0 || end > slot.size as i64 {
                        let have = slot.size;
                        self.error(format!("bytes {}..{end} of {id}, which has {have}", addr.off));
                    }
                }
                (Some(_), None) => {}
            },
        }
    }

    fn access(&mut self, addr: Addr, ty: Ty) {
        self.addr(addr, Some(ty.size(self.module.target.ptr_size)));
    }

    fn func_exists(&mut self, id: FuncId) {
        if id.index() >= self.module.funcs.len() {
            self.error(format!("there is no {id}"));
        }
    }

    fn func_value(&mut self, id: FuncId, conv: CallConv) {
        self.func_exists(id);
        if self.module.func(id).is_some_and(|func| func.conv != conv) {
            self.error(format!("{id} has the other calling convention"));
        }
    }

    pub(super) fn inst(&mut self, inst: &Inst) {
        if let Some(dst) = inst.dst() {
            let expected = match *inst {
                Inst::Bin { ty, .. }
                | Inst::Un { ty, .. }
                | Inst::Select { ty, .. }
                | Inst::Load { ty, .. }
                | Inst::AtomicLoad { ty, .. }
                | Inst::AtomicRmw { ty, .. }
                | Inst::AtomicCas { ty, .. } => Some(ty),
                Inst::Cmp { ty, .. } => Some(ty.with_lane(Ty::I8)),
                Inst::Splat { ty, .. } | Inst::SetLane { ty, .. } => Some(Ty::Vec(ty)),
                Inst::Lane { ty, .. } => Some(ty.lane.ty()),
                Inst::Conv { to, .. } => Some(to),
                Inst::MemCmp { .. } => Some(Ty::I32),
                Inst::Copy { src, .. } => self.ty(src),
                _ => Some(Ty::Ptr),
            };
            if let Some(ty) = expected {
                self.want(dst.into(), ty);
            }
        }
        let (i64, ptr) = (Ty::I64, Ty::Ptr);
        match *inst {
            Inst::Copy { .. } | Inst::Poll | Inst::ErrTrace(_) => {}
            Inst::Bin { op, ty, a, b, .. } => {
                self.takes(bin_takes(op, ty), ty);
                self.want_all(&[(a, ty), (b, ty)]);
            }
            Inst::Un { op, ty, a, .. } => {
                self.takes(un_takes(op, ty), ty);
                self.want(a, ty);
            }
            Inst::Cmp { op, ty, a, b, .. } => {
                self.takes(cmp_takes(op, ty), ty);
                self.want_all(&[(a, ty), (b, ty)]);
            }
            Inst::Conv { op, from, to, a, .. } => {
                if !conv_takes(op, from, to, self.module.target.ptr_size) {
                    self.error(format!("no such conversion from {} to {}", from.name(), to.name()));
                }
                self.want(a, from);
            }
            Inst::Select { ty, cond, a, b, .. } => {
                self.takes(ty.vector().is_none(), ty);
                self.want_all(&[(cond, Ty::I8), (a, ty), (b, ty)]);
            }
            Inst::Splat { ty, a, .. } => self.want(a, ty.lane.ty()),
            Inst::Lane { ty, a, lane, .. } => {
                self.has_lane(ty, lane);
                self.want(a, Ty::Vec(ty));
            }
            Inst::SetLane { ty, a, val, lane, .. } => {
                self.has_lane(ty, lane);
                self.want_all(&[(a, Ty::Vec(ty)), (val, ty.lane.ty())]);
            }
            Inst::Load { ty, addr, .. } => self.access(addr, ty),
            Inst::Store { ty, addr, val } => {
                self.access(addr, ty);
                self.want(val, ty);
            }
            Inst::AddrOf { addr, .. } => self.addr(addr, None),
            Inst::Index { base, index, .. } => self.want_all(&[(base, ptr), (index, i64)]),
            Inst::FuncAddr { func, .. } => self.func_value(func, CallConv::Sx),
            Inst::CFuncAddr { func, .. } => self.func_value(func, CallConv::C),
            Inst::ExternAddr { ext, .. } => {
                if ext.index() >= self.module.externs.len() {
                    self.error(format!("there is no {ext}"));
                }
            }
            Inst::MemCopy { dst, src, size } => {
                self.addr(dst, Some(size));
                self.addr(src, Some(size));
            }
            Inst::MemZero { dst, size } => self.addr(dst, Some(size)),
            Inst::MemMove { dst, src, len } => self.want_all(&[(dst, ptr), (src, ptr), (len, i64)]),
            Inst::MemSet { dst, val, len } => self.want_all(&[(dst, ptr), (val, Ty::I8), (len, i64)]),
            Inst::MemCmp { a, b, len, .. } => self.want_all(&[(a, ptr), (b, ptr), (len, i64)]),
            Inst::AtomicLoad { ty, order, ptr: place, .. } => {
                self.takes(ty.is_atomic(), ty);
                self.ordering(order.fits_load(), order);
                self.want(place, ptr);
            }
            Inst::AtomicStore { ty, order, ptr: place, val } => {
                self.takes(ty.is_atomic(), ty);
                self.ordering(order.fits_store(), order);
                self.want_all(&[(place, ptr), (val, ty)]);
            }
            Inst::AtomicRmw { op, ty, ptr: place, val, .. } => {
                self.takes(op.takes(ty), ty);
                self.want_all(&[(place, ptr), (val, ty)]);
            }
            Inst::AtomicCas { ty, order, failure, ptr: place, old, new, .. } => {
                self.takes(ty.is_atomic(), ty);
                self.ordering(order.fits_failure(failure), failure);
                self.want_all(&[(place, ptr), (old, ty), (new, ty)]);
            }
            Inst::Fence { order } => self.ordering(order.fits_fence(), order),
            Inst::Call { callee, args, rets } => self.call(callee, args, rets),
            Inst::Bounds { index, len, .. } => self.want_all(&[(index, i64), (len, i64)]),
            Inst::SliceBounds { lo, hi, len, .. } => self.want_all(&[(lo, i64), (hi, i64), (len, i64)]),
            Inst::NullCheck { ptr: address } => self.want(address, ptr),
            Inst::Check { cond, kind } => {
                self.want(cond, Ty::I8);
                if !trap_operands(kind).contains(&&[][..]) {
                    self.error(format!("{} needs operands, a check has none", kind.word()));
                }
            }
        }
    }

    fn takes(&mut self, fits: bool, ty: Ty) {
        if !fits {
            self.error(format!("not an operation on {}", ty.name()));
        }
    }

    fn ordering(&mut self, fits: bool, order: Ordering) {
        if !fits {
            self.error(format!("the ordering can't be {} here", order.word()));
        }
    }

    fn has_lane(&mut self, ty: VecTy, lane: u8) {
        if lane >= ty.lanes {
            self.error(format!("there is no lane {lane} in {}", ty.name()));
        }
    }

    /// The operands of a list that is in range.
    fn pool(&mut self, list: List) -> Option<&'a [Operand]> {
        let range = list.start as usize..list.start as usize + list.len as usize;
        let operands = self.func.pool.get(range);
        if operands.is_none() {
            self.ids_broken = true;
            self.error(format!("the list {}+{} reaches outside the pool", list.start, list.len));
        }
        operands
    }

    fn want_list(&mut self, what: &str, operands: &[Operand], tys: &[Ty], variadic: bool) {
        if operands.len() < tys.len() || (operands.len() > tys.len() && !variadic) {
            return self.error(format!("{} {what}, the signature has {}", operands.len(), tys.len()));
        }
        for (&operand, &ty) in operands.iter().zip(tys) {
            self.want(operand, ty);
        }
        for &extra in &operands[tys.len()..] {
            self.ty(extra);
        }
    }

    fn call(&mut self, callee: Callee, args: List, rets: List) {
        let (Some(args), Some(rets)) = (self.pool(args), self.pool(rets)) else { return };
        for (i, ret) in rets.iter().enumerate() {
            if ret.as_reg().is_none() {
                self.ids_broken = true;
                self.error(format!("result {i} isn't a register"));
            } else if rets[..i].contains(ret) {
                self.error(format!("{ret:?} takes two results"));
            }
        }
        let known = match callee {
            Callee::Func(id) => {
                self.func_exists(id);
                self.module.func_sig(id).map(|sig| (Cow::Borrowed(sig), false))
            }
            Callee::Extern(id) => match self.module.externs.get(id.index()) {
                Some(Extern { kind: ExternKind::Func(sig), .. }) => self.c_sig(*sig),
                Some(Extern { kind: ExternKind::Data, .. }) => {
                    self.error(format!("{id} is a variable"));
                    None
                }
                None => {
                    self.error(format!("there is no {id}"));
                    None
                }
            },
            Callee::Value(target, sig) => {
                self.want(target, Ty::Ptr);
                match self.module.sigs.get(sig.index()) {
                    Some(Sig::Sx(sig)) => Some((Cow::Borrowed(sig), false)),
                    Some(Sig::C { .. }) | None => {
                        self.error(format!("{sig} isn't a signature of the default ABI"));
                        None
                    }
                }
            }
            Callee::CPtr(target, sig) => {
                self.want(target, Ty::Ptr);
                self.c_sig(sig)
            }
        };
        match known {
            Some((sig, variadic)) => {
                self.want_list("arguments", args, &sig.params, variadic);
                self.want_list("results", rets, &sig.rets, false);
            }
            None => {
                // At least the operands have to be there.
                for &operand in args.iter().chain(rets) {
                    self.ty(operand);
                }
            }
        }
    }

    fn c_sig(&mut self, id: SigId) -> Option<(Cow<'a, Signature>, bool)> {
        match self.module.sigs.get(id.index()) {
            Some(Sig::C { sig, .. }) => Some((Cow::Owned(sig.lowered()), sig.variadic)),
            Some(Sig::Sx(_)) | None => {
                self.error(format!("{id} isn't a C signature"));
                None
            }
        }
    }

    pub(super) fn term(&mut self, term: &Term) {
        let func = self.func;
        term.successors(|to| self.block(to));
        match term {
            Term::Jump(_) | Term::Unreachable => {}
            Term::Branch { cond, .. } => self.want(*cond, Ty::I8),
            Term::Switch { ty, val, cases, .. } => {
                self.takes(is_int(*ty), *ty);
                self.want(*val, *ty);
                let mut seen: Vec<u64> = cases.iter().map(|case| case.0).collect();
                seen.sort_unstable();
                if seen.windows(2).any(|pair| pair[0] == pair[1]) {
                    self.error("two cases have the same value");
                }
                if width(*ty) < 64 && seen.last().is_some_and(|max| max >> width(*ty) != 0) {
                    self.error(format!("a case has bits above {}", ty.name()));
                }
            }
            Term::Return(list) => {
                if let Some(operands) = self.pool(*list) {
                    self.want_list("results", operands, &func.sig.rets, false);
                }
            }
            Term::Trap(kind, list) => {
                let Some(operands) = self.pool(*list) else { return };
                let shapes = trap_operands(*kind);
                match shapes.iter().find(|shape| shape.len() == operands.len()) {
                    Some(shape) => self.want_list("operands", operands, shape, false),
                    None => self.error(format!("{} doesn't take {} operands", kind.word(), operands.len())),
                }
            }
        }
    }
}
