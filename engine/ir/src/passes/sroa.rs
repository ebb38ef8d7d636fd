//! Scalar replacement: slots that are only ever read and written by name, or through temporaries that hold nothing but
//! their address, become registers.
//!
//! Each slot is taken apart into *leaves*, the scalars that loads and stores name. Copies between two such slots
//! carry leaves from one to the other; copies from and to other memory become loads and stores, where that
//! doesn't cost more than it saves.

mod plan;

use super::Cx;
use crate::func::*;
use crate::ids::*;
use plan::Plan;
use smallvec::SmallVec;

/// Slots of more bytes stay memory.
const MAX_SLOT_BYTES: u32 = 256;
/// Slots of more scalars stay memory.
const MAX_SLOT_LEAVES: usize = 16;

/// A scalar in a slot, and its register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Leaf {
    off: u32,
    ty: Ty,
    reg: Option<Reg>,
}

/// Replaces slots; true when there were any.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) -> bool {
    let Some(mut plan) = Plan::new(func, cx.ptr_size()) else { return false };
    for slot in plan.slots.iter_mut().filter(|slot| slot.promoted) {
        for leaf in &mut slot.leaves {
            func.regs.push(RegInfo { ty: leaf.ty, mutable: true });
            leaf.reg = Some(Reg(func.regs.len() as u32 - 1));
        }
    }
    for i in 0..func.blocks.len() as u32 {
        rewrite(func, cx, &plan, BlockId(i));
    }
    let mut vars = std::mem::take(&mut func.debug_vars);
    vars.retain_mut(|var| match var.place {
        Place::Slot(slot) if plan.is_promoted(slot) => {
            match plan.all_scalars(slot, func.slots[slot.index()].size) {
                Some(regs) => {
                    var.place = Place::Regs(regs);
                    true
                }
                None => false,
            }
        }
        Place::Slot(_) | Place::Regs(_) => true,
    });
    func.debug_vars = vars;
    // What was in them is somewhere else; nobody needs to look at them again.
    for (slot, plan) in func.slots.iter_mut().zip(&plan.slots) {
        if plan.promoted {
            slot.size = 0;
        }
    }
    true
}

/// The instructions of one block without the slots that go.
fn rewrite(func: &mut Func, cx: &mut Cx<'_>, plan: &Plan, id: BlockId) {
    let touches = |inst: &Inst| {
        let mut touches = plan.is_address(inst);
        inst.addrs(|addr| touches |= plan.promoted_at(plan.named(addr)).is_some());
        touches
    };
    if !func.insts(id).iter().any(touches) {
        return;
    }
    let range = func.blocks[id.index()].range();
    let start = func.code.len() as u32;
    let mut replaced = SmallVec::<[Inst; 8]>::new();
    for at in range {
        let (mut inst, loc) = (func.code[at], func.code_locs[at]);
        if touches(&inst) {
            replaced.clear();
            if !plan.is_address(&inst) {
                inst.addrs_mut(|addr| *addr = plan.named(*addr));
                replace(func, cx, plan, inst, &mut replaced);
            }
            func.code.extend_from_slice(&replaced);
            func.code_locs.resize(func.code.len(), loc);
        } else {
            func.code.push(inst);
            func.code_locs.push(loc);
        }
    }
    (func.blocks[id.index()].start, func.blocks[id.index()].end) = (start, func.code.len() as u32);
}

/// What stands for one instruction that names a slot that goes.
fn replace(func: &mut Func, cx: &mut Cx<'_>, plan: &Plan, inst: Inst, out: &mut SmallVec<[Inst; 8]>) {
    let reg = |leaf: &Leaf| leaf.reg.expect("the leaves of a promoted slot have registers");
    match inst {
        Inst::Load { ty, dst, addr } => {
            if ty.vector().is_none()
                && let Some((leaf, ty, lane)) = plan.lane(addr)
            {
                return out.push(Inst::Lane { ty, dst, a: reg(leaf).into(), lane });
            }
            let leaf = plan.leaf(addr).expect("every load has its leaf");
            out.push(moved(ty, dst, leaf.ty, reg(leaf).into()));
        }
        Inst::Store { ty, addr, val } => {
            if ty.vector().is_none()
                && let Some((leaf, ty, lane)) = plan.lane(addr)
            {
                let vector = reg(leaf);
                return out.push(Inst::SetLane { ty, dst: vector, a: vector.into(), val, lane });
            }
            let leaf = plan.leaf(addr).expect("every store has its leaf");
            out.push(moved(leaf.ty, reg(leaf), ty, val));
        }
        Inst::MemZero { dst, size } => {
            for leaf in plan.leaves(dst, size) {
                let zero = cx.constant(func, leaf.ty.lane(), 0);
                out.push(match leaf.ty {
                    Ty::Vec(ty) => Inst::Splat { ty, dst: reg(leaf), a: zero },
                    _ => Inst::Copy { dst: reg(leaf), src: zero },
                });
            }
        }
        Inst::MemCopy { dst, src, size } => match (plan.promoted_at(dst), plan.promoted_at(src)) {
            (Some(_), Some(_)) => {
                for leaf in plan.leaves(dst, size) {
                    let off = src.off + (leaf.off as i32 - dst.off);
                    // What the source has no scalar for was never written there.
                    if let Some(from) = plan.leaf(Addr { base: src.base, off }) {
                        out.push(moved(leaf.ty, reg(leaf), from.ty, reg(from).into()));
                    }
                }
            }
            (Some(_), None) => {
                for leaf in plan.leaves(dst, size) {
                    let addr = Addr { base: src.base, off: src.off + (leaf.off as i32 - dst.off) };
                    out.push(Inst::Load { ty: leaf.ty, dst: reg(leaf), addr });
                }
            }
            (None, _) => {
                for leaf in plan.leaves(src, size) {
                    let addr = Addr { base: dst.base, off: dst.off + (leaf.off as i32 - src.off) };
                    out.push(Inst::Store { ty: leaf.ty, addr, val: reg(leaf).into() });
                }
            }
        },
        _ => out.push(inst),
    }
}

/// A copy, or the same bits as another type.
fn moved(to: Ty, dst: Reg, from: Ty, src: Operand) -> Inst {
    if to == from {
        Inst::Copy { dst, src }
    } else {
        Inst::Conv { op: ConvOp::Bitcast, from, to, dst, a: src }
    }
}

#[cfg(test)]
mod tests;
