//! Bytecode: made by `codegen`, checked by `verify`, run by `interp`.
//!
//! | module | what |
//! |---|---|
//! | `table` | the opcodes: name, operand format, handler |
//! | [`format`] | which operand stands where in an instruction |
//! | [`pairs`] | instructions dispatched together |
//! | [`verify`] | what makes the interpreter's unchecked accesses sound |
//! | [`disasm`] | the text form |

pub(crate) mod disasm;
pub(crate) mod format;
pub(crate) mod pairs;
pub(crate) mod table;
pub(crate) mod verify;

use format::*;
use table::for_each_opcode;

/// Eight bytes: an instruction, or the extension of the one before it.
///
/// An instruction is an opcode and three 16-bit operands `a`, `b`, `c`; `b` and `c` together may be one 32-bit
/// operand `w`.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    pub op: u16,
    pub a: u16,
    pub b: u16,
    pub c: u16,
}

impl Word {
    /// An instruction of three operands.
    pub fn new(op: Op, a: u16, b: u16, c: u16) -> Word {
        Word { op: op as u16, a, b, c }
    }
    /// An instruction of a short and a long operand.
    pub fn with_w(op: Op, a: u16, w: i32) -> Word {
        Word { op: op as u16, a, b: w as u16, c: (w >> 16) as u16 }
    }
    /// An extension that holds one number.
    pub fn raw(value: u64) -> Word {
        Word { op: value as u16, a: (value >> 16) as u16, b: (value >> 32) as u16, c: (value >> 48) as u16 }
    }
    /// An extension that holds two numbers.
    pub fn halves(low: i32, high: i32) -> Word {
        Word::raw(low as u32 as u64 | (high as u32 as u64) << 32)
    }
    /// The eight bytes as one number.
    pub fn bits(self) -> u64 {
        self.op as u64 | (self.a as u64) << 16 | (self.b as u64) << 32 | (self.c as u64) << 48
    }
    /// The upper half.
    pub fn w(self) -> i32 {
        (self.bits() >> 32) as i32
    }
    /// The lower half of an extension.
    pub fn low(self) -> i32 {
        self.bits() as i32
    }
}

macro_rules! define_op {
    ($($name:ident $format:ident = $handler:expr;)*) => {
        /// The opcodes.
        #[allow(missing_docs, non_camel_case_types, reason = "the table's comments say what each family does")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub(crate) enum Op { $($name,)* }

        /// Every opcode, by number.
        pub(crate) const ALL: &[Op] = &[$(Op::$name,)*];

        static FORMATS: [Format; ALL.len()] = [$($format,)*];

        impl Op {
            /// Its name, as the disassembler prints it.
            pub fn name(self) -> &'static str {
                const NAMES: &[&str] = &[$(stringify!($name),)*];
                NAMES[self as usize]
            }
        }
    };
}
for_each_opcode!(define_op);

static WORDS: [u8; ALL.len()] = {
    let mut words = [1; ALL.len()];
    let mut op = 0;
    while op < words.len() {
        let format = ALL[op].format();
        let mut i = 0;
        while i < format.len() {
            if format[i].field.in_extension() {
                words[op] = 2;
            }
            i += 1;
        }
        op += 1;
    }
    words
};

/// How many words the table behind a switch takes.
pub(crate) fn table_words(op: Op, first: Word) -> usize {
    let count = first.w() as u32 as usize;
    match op {
        Op::Switch => (count + 1).div_ceil(2),
        Op::SwitchSparse => count + count.div_ceil(2),
        _ => 0,
    }
}

impl Op {
    /// The opcode with this number.
    #[inline]
    pub fn from_u16(number: u16) -> Option<Op> {
        ALL.get(number as usize).copied()
    }
    /// The opcode `step` further on in its family.
    #[inline]
    pub fn at(self, step: usize) -> Op {
        ALL[self as usize + step]
    }
    /// Its operands.
    #[inline]
    pub const fn format(self) -> Format {
        FORMATS[self as usize]
    }
    /// Words that it takes, without tables that follow it.
    #[inline]
    pub fn words(self) -> usize {
        WORDS[self as usize] as usize
    }
}
