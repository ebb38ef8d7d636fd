//! Calls of small functions become their bodies.
//!
//! The callee is taken as it is, optimised already; what comes from it isn't looked at again, so that this ends
//! whatever the program is. Positions say where they were inlined; names of scopes come along.

use super::{Cx, loops::leads_back};
use crate::func::*;
use crate::ids::*;
use smallvec::SmallVec;

/// Callees that ask for it may have so many instructions and blocks.
const MAX_ASKED: usize = 400;
/// Callees without calls of their own.
const MAX_LEAF: usize = 40;
/// Callees without calls of their own, where the call isn't in a loop: what runs often is called in some loop, and
/// copied there.
const MAX_ONCE: usize = 16;
/// Other callees.
const MAX_OTHER: usize = 12;
/// Frame memory of a callee that doesn't ask for it.
const MAX_FRAME: u32 = 256;
/// A caller may grow by this and twice its own size.
const GROWTH: usize = 1000;
/// No caller grows beyond this.
const MAX_CALLER: usize = 50_000;

/// Instructions and blocks: what a function costs to copy.
fn cost(func: &Func) -> usize {
    func.blocks.iter().map(|block| block.len() + 1).sum()
}

/// Whether a callee is worth its copy.
fn is_wanted(callee: &Func, cost: usize, in_loop: bool) -> bool {
    if callee.conv != CallConv::Sx {
        return false;
    }
    if callee.inline {
        return cost <= MAX_ASKED;
    }
    if cost > if in_loop { MAX_LEAF } else { MAX_ONCE }
        || callee.slots.iter().map(|slot| slot.size).sum::<u32>() > MAX_FRAME
    {
        return false;
    }
    // Where a callee loops, the call itself costs next to nothing, unless it is made over and over.
    if !in_loop && leads_back(callee) {
        return false;
    }
    cost <= MAX_OTHER || !callee.all_insts().any(|inst| matches!(inst, Inst::Call { .. }))
}

/// True when a call somewhere may be worth the function's copy.
pub fn is_candidate(func: &Func) -> bool {
    is_wanted(func, cost(func), true)
}

/// Expands calls of the functions that `allowed` admits; true when there were any.
pub fn run(func: &mut Func, cx: &mut Cx<'_>, allowed: &dyn Fn(FuncId) -> bool) -> bool {
    let before = cost(func);
    let mut left = (2 * before + GROWTH).min(MAX_CALLER.saturating_sub(before));
    let mut any = false;
    let in_loop = loops(func);
    for i in 0..func.blocks.len() as u32 {
        any |= expand(func, cx, allowed, (BlockId(i), in_loop[i as usize]), &mut left);
    }
    any
}

/// Which blocks are in loops, of a function whose blocks stand in reverse postorder: those between a jump back and where
/// it leads.
fn loops(func: &Func) -> SmallVec<[bool; 64]> {
    let mut ends: SmallVec<[u32; 64]> = SmallVec::from_elem(0, func.blocks.len());
    for (i, block) in func.blocks.iter().enumerate() {
        block.term.successors(|to| {
            if to.index() <= i {
                ends[to.index()] = i as u32 + 1;
            }
        });
    }
    let mut end = 0;
    let inside = ends.iter().enumerate().map(|(i, &until)| {
        end = until.max(end);
        (i as u32) < end
    });
    inside.collect()
}

/// Expands the calls of one block. What comes before the first keeps the id; what comes after each is a new block, of
/// the same stretch of code.
fn expand(
    func: &mut Func,
    cx: &mut Cx<'_>,
    allowed: &dyn Fn(FuncId) -> bool,
    (start, in_loop): (BlockId, bool),
    left: &mut usize,
) -> bool {
    let mut current = start;
    for at in func.blocks[start.index()].range() {
        let Inst::Call { callee: Callee::Func(id), args, rets } = func.code[at] else { continue };
        let Some(callee) = cx.module.func(id).filter(|_| allowed(id)) else { continue };
        let cost = cost(callee);
        if cost > *left || !is_wanted(callee, cost, in_loop) {
            continue;
        }
        *left -= cost;
        cx.work.shape_known = false;
        let after = BlockId(func.blocks.len() as u32);
        let loc = func.code_locs[at];
        let Block { end, term_loc, .. } = func.blocks[current.index()];
        let before = &mut func.blocks[current.index()];
        before.end = at as u32;
        before.term_loc = loc;
        let term = std::mem::replace(&mut before.term, Term::Unreachable);
        func.blocks.push(Block { start: at as u32 + 1, end, term, term_loc });
        let entry = copy_body(func, cx, callee, Site { args, rets, loc, current, after });
        func.blocks[current.index()].term = Term::Jump(entry);
        current = after;
    }
    current != start
}

/// A call that is expanded.
#[derive(Clone, Copy)]
struct Site {
    args: List,
    rets: List,
    loc: LocId,
    /// Where the call stood at the end.
    current: BlockId,
    /// Where its results are needed.
    after: BlockId,
}

/// How the callee's numbers become the caller's.
struct Map {
    args: SmallVec<[Operand; 8]>,
    /// Added to a register that isn't a parameter.
    regs: u32,
    consts: SmallVec<[Operand; 16]>,
    slots: u32,
    blocks: u32,
    locs: u32,
}

impl Map {
    fn reg(&self, reg: Reg) -> Reg {
        Reg(reg.0 - self.args.len() as u32 + self.regs)
    }
    fn operand(&self, operand: Operand) -> Operand {
        match (operand.as_const(), operand.as_reg()) {
            (Some(index), _) => self.consts[index as usize],
            (None, Some(reg)) if reg.index() < self.args.len() => self.args[reg.index()],
            (None, Some(reg)) => self.reg(reg).into(),
            (None, None) => operand,
        }
    }
    fn block(&self, block: BlockId) -> BlockId {
        BlockId(block.0 + self.blocks)
    }
    fn loc(&self, loc: LocId) -> LocId {
        LocId(loc.0 + self.locs)
    }
    /// A list in the caller's pool.
    fn list(&self, func: &mut Func, callee: &Func, list: List) -> List {
        let start = func.pool.len() as u32;
        func.pool.extend(callee.list(list).iter().map(|&operand| self.operand(operand)));
        List { start, len: list.len }
    }
}

/// Copies the callee's blocks; gives the copy of its entry.
fn copy_body(func: &mut Func, cx: &mut Cx<'_>, callee: &Func, site: Site) -> BlockId {
    let map = prepare(func, cx, callee, site);
    let returns = callee.blocks.iter().filter(|block| matches!(block.term, Term::Return(_))).count();
    if returns > 1 {
        for &operand in &func.pool[site.rets.start as usize..][..site.rets.len as usize] {
            let reg = operand.as_reg().expect("results are registers");
            func.regs[reg.index()].mutable = true;
        }
    }
    for block in &callee.blocks {
        let start = func.code.len() as u32;
        for (&inst, &loc) in callee.code[block.range()].iter().zip(&callee.code_locs[block.range()]) {
            let inst = copy_inst(func, callee, &map, inst);
            func.code.push(inst);
            func.code_locs.push(map.loc(loc));
        }
        let term_loc = map.loc(block.term_loc);
        let term = copy_term(func, callee, &map, site, &block.term, term_loc);
        func.blocks.push(Block { start, end: func.code.len() as u32, term, term_loc });
    }
    map.block(BlockId(0))
}

/// Makes room in the caller's tables and binds the parameters.
fn prepare(func: &mut Func, cx: &mut Cx<'_>, callee: &Func, site: Site) -> Map {
    let mut args: SmallVec<[Operand; 8]> = func.list(site.args).into();
    for arg in &mut args {
        // A `var` may change while the body runs, its value at the call is what counts.
        if let Some(reg) = arg.as_reg()
            && func.regs[reg.index()].mutable
        {
            let dst = Reg(func.regs.len() as u32);
            func.regs.push(RegInfo { ty: func.regs[reg.index()].ty, mutable: false });
            func.append(site.current, Inst::Copy { dst, src: *arg }, site.loc);
            *arg = dst.into();
        }
    }
    let consts = callee.consts.iter().map(|constant| cx.constant(func, constant.ty, constant.bits)).collect();
    let map = Map {
        regs: func.regs.len() as u32,
        consts,
        slots: func.slots.len() as u32,
        blocks: func.blocks.len() as u32,
        locs: func.locs.len() as u32,
        args,
    };
    func.regs.extend_from_slice(&callee.regs[callee.sig.params.len()..]);
    func.slots.extend_from_slice(&callee.slots);
    let scopes: SmallVec<[u32; 8]> = callee
        .scopes
        .iter()
        .map(|name| {
            let known = func.scopes.iter().position(|scope| scope == name);
            known.unwrap_or_else(|| {
                func.scopes.push(name.clone());
                func.scopes.len() - 1
            }) as u32
        })
        .collect();
    func.locs.extend(callee.locs.iter().map(|loc| SrcLoc {
        inlined_at: Some(loc.inlined_at.map_or(site.loc, |at| map.loc(at))),
        scope: scopes[loc.scope as usize],
        ..*loc
    }));
    map
}

fn copy_inst(func: &mut Func, callee: &Func, map: &Map, mut inst: Inst) -> Inst {
    // Lists are copied as a whole; what is left are the operands in the instruction itself.
    if let Inst::Call { args, rets, .. } = &mut inst {
        *args = map.list(func, callee, *args);
        *rets = map.list(func, callee, *rets);
    }
    let mut no_pool: [Operand; 0] = [];
    inst.map_uses(&mut no_pool, |operand| map.operand(operand));
    inst.map_defs(&mut no_pool, |reg| map.reg(reg));
    inst.addrs_mut(|addr| {
        if let Base::Slot(slot) = &mut addr.base {
            slot.0 += map.slots;
        }
    });
    inst
}

/// The callee's end of a block: a return becomes copies to the call's results and a jump to what follows.
fn copy_term(func: &mut Func, callee: &Func, map: &Map, site: Site, term: &Term, loc: LocId) -> Term {
    let mut term = term.clone();
    match &mut term {
        Term::Return(values) => {
            for (i, &value) in callee.list(*values).iter().enumerate() {
                let dst = func.list(site.rets)[i].as_reg().expect("results are registers");
                func.code.push(Inst::Copy { dst, src: map.operand(value) });
                func.code_locs.push(loc);
            }
            return Term::Jump(site.after);
        }
        Term::Trap(_, list) => *list = map.list(func, callee, *list),
        Term::Jump(_) | Term::Branch { .. } | Term::Switch { .. } | Term::Unreachable => {
            let mut no_pool: [Operand; 0] = [];
            term.map_uses(&mut no_pool, |operand| map.operand(operand));
            term.successors_mut(|to| *to = map.block(*to));
        }
    }
    term
}

#[cfg(test)]
mod tests {
    use crate::func::Func;
    use crate::passes::Cx;
    use crate::passes::testing::{check, check_locs};

    fn pass(func: &mut Func, cx: &mut Cx<'_>) {
        super::run(func, cx, &|_| true);
        crate::passes::simplify_cfg::run(func, cx);
        crate::passes::compact::compact(func, cx);
    }

    #[test]
    fn positions_tell_the_chain() {
        check_locs(
            pass,
            "
            fn0 = func \"add\" (r0: ptr, r1: i64) -> (i64) {
              scope1: \"one\"
              loc0: 0:10
              loc1: 0:11
              loc2: 1:5 scope1 at loc1
            b0:
              r2 = add.i64 r1, 1 @2
              ret r2 @0
            }
            fn1 = func \"main\" (r0: ptr) -> (i64) {
              loc0: 0:0
              loc1: 0:77
            b0:
              r1:i64 = call fn0(r0, 4:i64) @1
              ret r1 @0
            }",
            "
            fn1 = func \"main\" (r0: ptr) -> (i64) {
              scope1: \"add\"
              scope2: \"one\"
              loc0: 0:0
              loc1: 0:77
              loc2: 0:10 scope1 at loc1
              loc3: 0:11 scope1 at loc1
              loc4: 1:5 scope2 at loc3
            b0:
              r2 = add.i64 4, 1 @4
              r1 = copy.i64 r2 @2
              ret r1 @0
            }",
        );
    }

    /// Whether `main` still calls a function of so many instructions, in a loop or outside.
    fn stays(insts: usize, in_loop: bool) -> bool {
        let adds: String = (0..insts).map(|i| format!("r{} = add.i64 r{i}, 1\n", i + 1)).collect();
        let callee = format!("fn0 = func \"f\" (r0: i64) -> (i64) {{\nb0:\n{adds}ret r{insts}\n}}\n");
        let end = if in_loop { "br r2, b1, b2\nb2:\nret r1" } else { "ret r1" };
        let main = format!(
            "fn1 = func \"main\" (r0: i64) -> (i64) {{\nb0:\njump b1\nb1:\nr1:i64 = call fn0(r0)\nr2 = cmp.eq.i64 r1, r0\n{end}\n}}"
        );
        let module = crate::passes::testing::module(&format!("{callee}{main}"));
        let mut func = module.funcs[1].as_deref().expect("main").clone();
        super::run(&mut func, &mut Cx::new(&module, &mut Default::default()), &|_| true);
        func.all_insts().any(|inst| matches!(inst, crate::Inst::Call { .. }))
    }

    #[test]
    fn calls_in_loops_are_worth_larger_copies() {
        assert_eq!([stays(10, false), stays(10, true)], [false, false]);
        assert_eq!([stays(30, false), stays(30, true)], [true, false]);
        assert_eq!([stays(60, false), stays(60, true)], [true, true]);
    }

    #[test]
    fn blocks_slots_vars_and_results() {
        check(
            pass,
            "
            fn0 = func \"clamp\" (r0: i64, r1: i64) -> (i64) {
              slot0: 8 align 8
              var r2: i64
            b0:
              r2 = copy.i64 r0
              store.i64 [slot0], 1
              r3 = cmp.slt.i64 r2, r1
              br r3, b1, b2
            b1:
              r2 = add.i64 r2, 1
              ret r2
            b2:
              ret r1
            }
            fn1 = func \"main\" (r0: i64) -> (i64) {
              slot0: 16 align 8
              var r1: i64
            b0:
              r1 = copy.i64 r0
              r2:i64 = call fn0(r1, 9:i64)
              r1:i64 = call fn0(r2, r1)
              store.i64 [slot0], r1
              ret r1
            }",
            "
            fn1 = func \"main\" (r0: i64) -> (i64) {
              slot0: 16 align 8
              slot1: 8 align 8
              slot2: 8 align 8
              var r1: i64
              var r2: i64
              var r4: i64
              var r8: i64
            b0:
              r1 = copy.i64 r0
              r3 = copy.i64 r1
              r4 = copy.i64 r3
              store.i64 [slot1], 1
              r5 = cmp.slt.i64 r4, 9
              br r5, b1, b2
            b1:
              r4 = add.i64 r4, 1
              r2 = copy.i64 r4
              jump b3
            b2:
              r2 = copy.i64 9
              jump b3
            b3:
              r6 = copy.i64 r2
              r7 = copy.i64 r1
              r8 = copy.i64 r6
              store.i64 [slot2], 1
              r9 = cmp.slt.i64 r8, r7
              br r9, b4, b5
            b4:
              r8 = add.i64 r8, 1
              r1 = copy.i64 r8
              jump b6
            b5:
              r1 = copy.i64 r7
              jump b6
            b6:
              store.i64 [slot0], r1
              ret r1
            }",
        );
    }

    #[test]
    fn callees_that_never_return() {
        check(
            pass,
            "
            fn0 = func \"stop\" (r0: i64) -> (i64) {
            b0:
              trap index_out_of_range(r0, 3:i64)
            }
            fn1 = func \"main\" (r0: i64) -> (i64) {
            b0:
              r1:i64 = call fn0(r0)
              r2 = add.i64 r1, 1
              ret r2
            }",
            "
            fn1 = func \"main\" (r0: i64) -> (i64) {
            b0:
              trap index_out_of_range(r0, 3:i64)
            }",
        );
    }

    #[test]
    fn large_callees_and_c_functions_stay_calls() {
        let many = "r1 = add.i64 r1, 1\n".repeat(super::MAX_LEAF);
        let text = format!(
            "sig0 = c 1 (s64) -> s64
            fn0 = func \"large\" (r0: i64) -> (i64) {{
              var r1: i64
            b0:
              {many}
              ret r1
            }}
            fn1 = func \"c\" (r0: i64) -> (i64) c sig0 {{
            b0:
              ret r0
            }}
            fn2 = declared (i64) -> (i64)
            "
        );
        let main = "fn3 = func \"main\" (r0: i64) -> (i64) {
            b0:
              r1:i64 = call fn0(r0)
              r2:i64 = call fn1(r1)
              r3:i64 = call fn2(r2)
              ret r3
            }";
        check(pass, &(text + main), main);
    }
}
