//! Which constants instructions hold themselves.

use super::analyze::{Analysis, Item};
use sx_ir::{Addr, Base, BinOp, CmpOp, Const, Inst, Operand, Term, Ty, UnOp};

/// The bits of an integer type.
pub(crate) fn int_bits(ty: Ty) -> u32 {
    ty.size(8) * 8
}

/// A constant sign-extended from its type's width.
pub(crate) fn signed(value: Const, ty: Ty) -> i64 {
    let unused = 64 - int_bits(ty);
    ((value.bits << unused) as i64) >> unused
}

/// A constant zero-extended from its type's width.
pub(crate) fn unsigned(value: Const, ty: Ty) -> u64 {
    let unused = 64 - int_bits(ty);
    (value.bits << unused) >> unused
}

/// The constant as an immediate of 16 bits.
pub(crate) fn short(value: Const, ty: Ty) -> Option<i16> {
    if ty.is_float() { None } else { i16::try_from(signed(value, ty)).ok() }
}

/// True for operations whose operands may change places.
pub(crate) fn commutes(op: BinOp) -> bool {
    matches!(op, BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor)
}

/// The second operand of an operation as an immediate.
pub(crate) fn bin(op: BinOp, ty: Ty, value: Const) -> Option<i16> {
    let short = short(value, ty)?;
    match op {
        BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor => Some(short),
        BinOp::Sub => short.checked_neg(),
        BinOp::Shl | BinOp::SShr | BinOp::UShr => Some((value.bits as u32 & (int_bits(ty) - 1)) as i16),
        BinOp::SDiv | BinOp::SRem if int_bits(ty) >= 32 && short != 0 && short != -1 => Some(short),
        BinOp::UDiv | BinOp::URem if int_bits(ty) >= 32 && short > 0 => Some(short),
        _ => None,
    }
}

/// The second operand of a comparison as an immediate, with the operation to use: only `<` and `>=` are left of the orders.
pub(crate) fn cmp(op: CmpOp, ty: Ty, value: Const) -> Option<(CmpOp, i16)> {
    let short = short(value, ty);
    let small = u16::try_from(unsigned(value, ty)).ok().and_then(|value| i16::try_from(value).ok());
    match op {
        CmpOp::Eq | CmpOp::Ne | CmpOp::SLt | CmpOp::SGe => short.map(|value| (op, value)),
        CmpOp::SLe => short?.checked_add(1).map(|value| (CmpOp::SLt, value)),
        CmpOp::SGt => short?.checked_add(1).map(|value| (CmpOp::SGe, value)),
        CmpOp::ULt | CmpOp::UGe => small.map(|value| (op, value)),
        CmpOp::ULe => small?.checked_add(1).map(|value| (CmpOp::ULt, value)),
        CmpOp::UGt => small?.checked_add(1).map(|value| (CmpOp::UGe, value)),
        _ => None,
    }
}

/// The comparison with its operands in each other's place.
pub(crate) fn swapped(op: CmpOp) -> CmpOp {
    match op {
        CmpOp::Eq | CmpOp::Ne | CmpOp::FEq | CmpOp::FNe => op,
        CmpOp::SLt => CmpOp::SGt,
        CmpOp::SLe => CmpOp::SGe,
        CmpOp::SGt => CmpOp::SLt,
        CmpOp::SGe => CmpOp::SLe,
        CmpOp::ULt => CmpOp::UGt,
        CmpOp::ULe => CmpOp::UGe,
        CmpOp::UGt => CmpOp::ULt,
        CmpOp::UGe => CmpOp::ULe,
        CmpOp::FLt => CmpOp::FGt,
        CmpOp::FLe => CmpOp::FGe,
        CmpOp::FGt => CmpOp::FLt,
        CmpOp::FGe => CmpOp::FLe,
    }
}

/// True when an item needs no slot for a constant that it reads. A wrong answer costs speed only: code generation loads
/// constants that have no slot right where they are needed.
pub(crate) fn folds(analysis: &Analysis<'_>, item: Item<'_>, index: u32) -> bool {
    let value = analysis.consts[index as usize];
    let is = |operand: Operand| analysis.resolve(operand).as_const() == Some(index);
    match item {
        Item::Term(Term::Branch { cond, .. }) => condition(analysis, *cond, index),
        Item::Term(Term::Return(_) | Term::Trap(..)) => true,
        Item::Term(_) => false,
        Item::Inst(inst) => match inst {
            Inst::Copy { .. } | Inst::Call { .. } => true,
            Inst::Bin { op: BinOp::Or, ty, a, b, .. } if analysis.rotation(*ty, *a, *b).is_some() => true,
            Inst::Bin { op, ty, a, b, .. } => {
                is(*b) && bin(*op, *ty, value).is_some()
                    || is(*a)
                        && (commutes(*op) && bin(*op, *ty, value).is_some()
                            || *op == BinOp::Sub && short(value, *ty).is_some())
            }
            Inst::Cmp { op, ty, a, b, .. } => compare(analysis, (*op, *ty, *a, *b), index),
            Inst::Check { cond, .. } => condition(analysis, *cond, index),
            Inst::Store { ty, addr, val } => {
                let small = short(value, *ty).is_some() && !value.ty.is_float() || is_float_zero(value);
                if is_element(analysis, addr) {
                    !is(*val) && is_checked_len(analysis, item, index)
                } else {
                    is(*val) && small && is_register(addr)
                }
            }
            Inst::Load { .. } | Inst::Index { .. } => is_checked_len(analysis, item, index),
            Inst::Bounds { len, .. } => is(*len),
            _ => false,
        },
    }
}

/// True for the bits that are the same as an integer's zero.
pub(crate) fn is_float_zero(value: Const) -> bool {
    value.ty.is_float() && value.bits == 0
}

/// True for an access that takes in the index of its element.
fn is_element(analysis: &Analysis<'_>, addr: &Addr) -> bool {
    let Base::Reg(base) = addr.base else { return false };
    matches!(analysis.definition(base), Some((def, Inst::Index { .. })) if analysis.absorbed[def as usize])
}

fn is_register(addr: &Addr) -> bool {
    matches!(addr.base, Base::Reg(_)) && i16::try_from(addr.off).is_ok()
}

/// A constant length or index inside an access.
fn is_checked_len(analysis: &Analysis<'_>, item: Item<'_>, index: u32) -> bool {
    let Item::Inst(Inst::Load { addr, .. } | Inst::Store { addr, .. }) = item else {
        return matches!(item, Item::Inst(Inst::Index { base, .. }) if analysis.resolve(*base).as_const() != Some(index));
    };
    let Base::Reg(base) = addr.base else { return false };
    match analysis.definition(base) {
        Some((_, Inst::Index { base, .. })) => analysis.resolve(*base).as_const() != Some(index),
        _ => false,
    }
}

fn condition(analysis: &Analysis<'_>, cond: Operand, index: u32) -> bool {
    match analysis.definition(cond) {
        Some((_, Inst::Cmp { op, ty, a, b, .. })) => compare(analysis, (*op, *ty, *a, *b), index),
        Some((_, Inst::Un { op: UnOp::BoolNot, a, .. })) => condition(analysis, *a, index),
        _ => false,
    }
}

fn compare(analysis: &Analysis<'_>, (op, ty, a, b): (CmpOp, Ty, Operand, Operand), index: u32) -> bool {
    let value = analysis.consts[index as usize];
    let is = |operand: Operand| analysis.resolve(operand).as_const() == Some(index);
    is(b) && cmp(op, ty, value).is_some() || is(a) && cmp(swapped(op), ty, value).is_some()
}
