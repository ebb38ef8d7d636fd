//! The words of the text form, both ways.

use crate::atomic::{Ordering, RmwOp};
use crate::func::*;

macro_rules! words {
    ($($(#[$doc:meta])* $ty:ident { $($variant:ident $word:literal,)* })*) => {$(
        impl $ty {
            /// Its word in the text form.
            pub fn word(self) -> &'static str {
                match self { $($ty::$variant => $word,)* }
            }
            /// The one that a word of the text form names.
            pub fn from_word(word: &str) -> Option<$ty> {
                match word { $($word => Some($ty::$variant),)* _ => None }
            }
        }
    )*};
}

words! {
    BinOp {
        Add "add", Sub "sub", Mul "mul", SDiv "sdiv", UDiv "udiv", SRem "srem", URem "urem",
        And "and", Or "or", Xor "xor", Shl "shl", SShr "sshr", UShr "ushr",
        FAdd "fadd", FSub "fsub", FMul "fmul", FDiv "fdiv", FRem "frem", FMin "fmin", FMax "fmax",
    }
    CmpOp {
        Eq "eq", Ne "ne", SLt "slt", SLe "sle", SGt "sgt", SGe "sge",
        ULt "ult", ULe "ule", UGt "ugt", UGe "uge",
        FEq "feq", FNe "fne", FLt "flt", FLe "fle", FGt "fgt", FGe "fge",
    }
    ConvOp {
        Sext "sext", Zext "zext", Trunc "trunc", SToF "stof", UToF "utof", FToS "ftos", FToU "ftou",
        FExt "fext", FTrunc "ftrunc", Bitcast "bitcast",
    }
    Ordering {
        Relaxed "relaxed", Acquire "acquire", Release "release", AcqRel "acq_rel", SeqCst "seq_cst",
    }
    RmwOp {
        Swap "swap", Add "add", Sub "sub", And "and", Or "or", Xor "xor",
        SMin "smin", SMax "smax", UMin "umin", UMax "umax",
    }
    ErrTrace { Raise "raise", Propagate "propagate", Clear "clear", }
    TrapKind {
        IndexOutOfRange "index_out_of_range", SliceOutOfRange "slice_out_of_range",
        DivisionByZero "division_by_zero", DivisionOverflow "division_overflow",
        NullDereference "null_dereference", UnwrapNull "unwrap_null", StackOverflow "stack_overflow",
        BadCast "bad_cast", Unreachable "unreachable", AssertionFailed "assertion_failed",
        Panic "panic", OutOfMemory "out_of_memory", WrongUnionTag "wrong_union_tag",
        BadEnumTag "bad_enum_tag", IterableTooShort "iterable_too_short", Deadlock "deadlock",
        Deadline "deadline", OutOfFuel "out_of_fuel", Canceled "canceled",
        InvalidMemory "invalid_memory", MemoryLimit "memory_limit",
    }
}

impl Ty {
    /// The type that a word of the text form names.
    pub fn from_word(word: &str) -> Option<Ty> {
        Some(match word {
            "i8" => Ty::I8,
            "i16" => Ty::I16,
            "i32" => Ty::I32,
            "i64" => Ty::I64,
            "f32" => Ty::F32,
            "f64" => Ty::F64,
            "ptr" => Ty::Ptr,
            _ => return crate::vector::VecTy::from_word(word).map(Ty::Vec),
        })
    }
}

impl UnOp {
    /// Its word in the text form; the width of `SextIn` and `ZextIn` follows the word.
    pub fn word(self) -> &'static str {
        match self {
            UnOp::Neg => "neg",
            UnOp::Not => "not",
            UnOp::BoolNot => "boolnot",
            UnOp::FNeg => "fneg",
            UnOp::FAbs => "fabs",
            UnOp::Sqrt => "sqrt",
            UnOp::Floor => "floor",
            UnOp::Ceil => "ceil",
            UnOp::Trunc => "trunc",
            UnOp::Round => "round",
            UnOp::Clz => "clz",
            UnOp::Ctz => "ctz",
            UnOp::Popcnt => "popcnt",
            UnOp::Bswap => "bswap",
            UnOp::SextIn(_) => "sextin",
            UnOp::ZextIn(_) => "zextin",
        }
    }
    /// The width that follows the word.
    pub fn width(self) -> Option<u8> {
        match self {
            UnOp::SextIn(n) | UnOp::ZextIn(n) => Some(n),
            _ => None,
        }
    }
    /// The one that a word of the text form names, with its width.
    pub fn from_word(word: &str) -> Option<UnOp> {
        if let Some(n) = word.strip_prefix("sextin") {
            return n.parse().ok().map(UnOp::SextIn);
        }
        if let Some(n) = word.strip_prefix("zextin") {
            return n.parse().ok().map(UnOp::ZextIn);
        }
        Some(match word {
            "neg" => UnOp::Neg,
            "not" => UnOp::Not,
            "boolnot" => UnOp::BoolNot,
            "fneg" => UnOp::FNeg,
            "fabs" => UnOp::FAbs,
            "sqrt" => UnOp::Sqrt,
            "floor" => UnOp::Floor,
            "ceil" => UnOp::Ceil,
            "trunc" => UnOp::Trunc,
            "round" => UnOp::Round,
            "clz" => UnOp::Clz,
            "ctz" => UnOp::Ctz,
            "popcnt" => UnOp::Popcnt,
            "bswap" => UnOp::Bswap,
            _ => return None,
        })
    }
}
