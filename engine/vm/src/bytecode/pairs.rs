//! Which instructions are dispatched together.
//!
//! A pair is the opcode of the first instruction replaced: operands and the second instruction stay as they are. So the second can
//! still be jumped to, and everything that reads code (verifier, call stacks, disassembler) sees both.

use super::{ALL, Op};

/// How the second instruction of a pair uses the first's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// Not known to.
    None,
    /// As its operand `b`.
    B,
    /// As its operand `c`.
    C,
    /// As its operand `a`, which it returns.
    A,
}

macro_rules! pairs {
    ($($first:ident $second:ident $link:ident => $pair:ident;)*) => {
        /// The opcode that stands for two.
        pub(crate) fn pair(first: Op, second: Op, link: Link) -> Option<Op> {
            match (first, second, link) {
                $((Op::$first, Op::$second, Link::$link) => Some(Op::$pair),)*
                _ => None,
            }
        }
        /// The two that an opcode stands for.
        pub(crate) const fn parts(pair: Op) -> Option<(Op, Op)> {
            match pair {
                $(Op::$pair => Some((Op::$first, Op::$second)),)*
                _ => None,
            }
        }
    };
}

/// Of each opcode, whether it is the first of some pair, and whether it is the second of one.
static PLACES: [(bool, bool); ALL.len()] = {
    let mut places = [(false, false); ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        if let Some((first, second)) = parts(ALL[at]) {
            places[first as usize].0 = true;
            places[second as usize].1 = true;
        }
        at += 1;
    }
    places
};

/// True for opcodes that are the first of some pair.
#[inline]
pub(crate) fn begins_pair(op: Op) -> bool {
    PLACES[op as usize].0
}

/// True for opcodes that are the second of some pair.
#[inline]
pub(crate) fn ends_pair(op: Op) -> bool {
    PLACES[op as usize].1
}

pairs! {
    Ld64 Ld64 None => Ld64_Ld64;
    Ld64 FMul64 None => Ld64_FMul64;
    Ld64 FSub64 None => Ld64_FSub64;
    Ld64 FAdd64 None => Ld64_FAdd64;
    Ld64 JEqI64 None => Ld64_JEqI64;
    Ld64 JNeI64 None => Ld64_JNeI64;
    Ld64 Mov None => Ld64_Mov;
    Ld64 MovI None => Ld64_MovI;
    Ld64 Add None => Ld64_Add;
    Ld64 AddI None => Ld64_AddI;
    Ld64 St64 None => Ld64_St64;
    St64 Ld64 None => St64_Ld64;
    St64 St64 None => St64_St64;
    St64 AddI None => St64_AddI;
    AddI St64 None => AddI_St64;
    AddI Ld64 None => AddI_Ld64;
    StI64 StI64 None => StI64_StI64;
    Ld32 Ld32 None => Ld32_Ld32;
    Ld32 Add None => Ld32_Add;
    Add St32 None => Add_St32;
    Ld8 Add None => Ld8_Add;
    Ld8 JEqI8 None => Ld8_JEqI8;
    Ld8 JNeI8 None => Ld8_JNeI8;
    FMul64 FMul64 None => FMul64_FMul64;
    FMul64 FAdd64 None => FMul64_FAdd64;
    FMul64 FSub64 None => FMul64_FSub64;
    FMul64 AddI None => FMul64_AddI;
    FMul64 Ld64 None => FMul64_Ld64;
    FAdd64 FMul64 None => FAdd64_FMul64;
    FAdd64 FAdd64 None => FAdd64_FAdd64;
    FAdd64 FSub64 None => FAdd64_FSub64;
    FAdd64 St64 None => FAdd64_St64;
    FAdd64 LSLtI64 None => FAdd64_LSLtI64;
    FAdd64 LSLt64 None => FAdd64_LSLt64;
    FSub64 FSub64 None => FSub64_FSub64;
    FSub64 FMul64 None => FSub64_FMul64;
    FSub64 FAdd64 None => FSub64_FAdd64;
    FSub64 Ld64 None => FSub64_Ld64;
    FSub64 St64 None => FSub64_St64;
    LdXC64 LdXC64 None => LdXC64_LdXC64;
    LdXC64 FMul64 None => LdXC64_FMul64;
    LdXC64 FAdd64 None => LdXC64_FAdd64;
    Add Add None => Add_Add;
    Add AddI None => Add_AddI;
    Add Mov None => Add_Mov;
    Add PSLt64 None => Add_PSLt64;
    AddI AddI None => AddI_AddI;
    AddI Add None => AddI_Add;
    AddI Mov None => AddI_Mov;
    AddI Mul None => AddI_Mul;
    AddI MulI None => AddI_MulI;
    AddI CallX None => AddI_CallX;
    AddI PSLt64 None => AddI_PSLt64;
    AddI PSLtI64 None => AddI_PSLtI64;
    AddI PSGeI64 None => AddI_PSGeI64;
    AddI LdFK32 None => AddI_LdFK32;
    AddI LdXC8 None => AddI_LdXC8;
    AddI SToF64F64 None => AddI_SToF64F64;
    Mul Add None => Mul_Add;
    Mul SDivI64 None => Mul_SDivI64;
    MulI Add None => MulI_Add;
    SDivI64 Add None => SDivI64_Add;
    SToF64F64 FDiv64 None => SToF64F64_FDiv64;
    FDiv64 LdXC64 None => FDiv64_LdXC64;
    AddI Ret1 None => AddI_Ret1;
    Ld64 Ret1 None => Ld64_Ret1;
    Mov Ret1 None => Mov_Ret1;
    Mov Mov None => Mov_Mov;
    Mov MovI None => Mov_MovI;
    Mov Add None => Mov_Add;
    Mov AddI None => Mov_AddI;
    Mov CallX None => Mov_CallX;
    MovI Mov None => MovI_Mov;
    MovI MovI None => MovI_MovI;
    MovI CallX None => MovI_CallX;
    JSGeI64 Ret1 None => JSGeI64_Ret1;
    JSLtI64 Ret1 None => JSLtI64_Ret1;
    StXC8 Add None => StXC8_Add;
    IdxK IdxK None => IdxK_IdxK;
    LdFX64 StFX64 None => LdFX64_StFX64;
    LdFK64 JNeI64 None => LdFK64_JNeI64;
    LdFK64 JEqI64 None => LdFK64_JEqI64;
    LdX8 JTrue None => LdX8_JTrue;
    LdX8 JFalse None => LdX8_JFalse;
    LdXC8 JTrue None => LdXC8_JTrue;
    LdXC8 JFalse None => LdXC8_JFalse;
    LdXC8 JEqI8 None => LdXC8_JEqI8;
    LdXC8 JNeI8 None => LdXC8_JNeI8;
    JEqI8 JNeI8 None => JEqI8_JNeI8;
    JEqI8 JEqI8 None => JEqI8_JEqI8;
    JNeI8 JNeI8 None => JNeI8_JNeI8;
    RotRI32 RotRI32 None => RotRI32_RotRI32;
    RotRI32 Xor None => RotRI32_Xor;
    Xor RotRI32 None => Xor_RotRI32;
    Xor And None => Xor_And;
    Xor Add None => Xor_Add;
    Xor Xor None => Xor_Xor;
    Xor UShrI32 None => Xor_UShrI32;
    UShrI32 Xor None => UShrI32_Xor;
    And Xor None => And_Xor;
    And And None => And_And;
    And AndNot None => And_AndNot;
    AndNot Xor None => AndNot_Xor;
    LdFK32 Add None => LdFK32_Add;
    LdFX32 Add None => LdFX32_Add;
    LdX32 Add None => LdX32_Add;
    ShlI Or None => ShlI_Or;
    ShlI ShlI None => ShlI_ShlI;
    Or ShlI None => Or_ShlI;
    Or Or None => Or_Or;
    FMul64 FAdd64 B => FMul64_FAdd64_B;
    FMul64 FSub64 B => FMul64_FSub64_B;
    FMul64 FSub64 C => FMul64_FSub64_C;
    FMul64 FMul64 B => FMul64_FMul64_B;
    FAdd64 FMul64 B => FAdd64_FMul64_B;
    FAdd64 FAdd64 B => FAdd64_FAdd64_B;
    FSub64 FAdd64 B => FSub64_FAdd64_B;
    FSub64 FMul64 B => FSub64_FMul64_B;
    Xor Xor B => Xor_Xor_B;
    And Xor B => And_Xor_B;
    Add Add B => Add_Add_B;
    Mul Add B => Mul_Add_B;
    Xor Add B => Xor_Add_B;
    FMul64 FAdd64 C => FMul64_FAdd64_C;
    FAdd64 FAdd64 C => FAdd64_FAdd64_C;
    FSub64 FAdd64 C => FSub64_FAdd64_C;
    FAdd64 FMul64 C => FAdd64_FMul64_C;
    Xor Xor C => Xor_Xor_C;
    And Xor C => And_Xor_C;
    Add Add C => Add_Add_C;
    Mul Add C => Mul_Add_C;
    Xor Add C => Xor_Add_C;
    Add Ret1 A => Add_Ret1_A;
    Sub Ret1 A => Sub_Ret1_A;
    Mul Ret1 A => Mul_Ret1_A;
    FAdd64 Ret1 A => FAdd64_Ret1_A;
    FMul64 Ret1 A => FMul64_Ret1_A;
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;

    #[test]
    fn pairs_look_like_their_first() {
        for &op in ALL {
            if let Some((first, second)) = parts(op) {
                assert_eq!(op.format(), first.format(), "{op:?}");
                assert_eq!(op.words(), first.words(), "{op:?}");
                assert!(op.name().starts_with(&format!("{first:?}_{second:?}")), "{op:?}");
            }
        }
    }
}
