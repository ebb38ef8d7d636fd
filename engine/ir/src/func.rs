//! Functions of the middle form: registers, slots, blocks, instructions.
//!
//! Made by lowering, changed by `passes`, eaten by every tier. *Temporaries* are assigned once and dominate
//! their uses; `var` registers are scalars that may be assigned again; aggregates and address-taken locals are
//! *slots*. An integer register's bits above its width are unspecified: each operation reads only the width
//! that its type names.

use crate::atomic::{Ordering, RmwOp};
use crate::ids::*;
use crate::vector::VecTy;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// The type of a register or of a memory access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Ty {
    /// 8 bits; `bool` too, as 0 or 1.
    I8,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// An address. Function values of the default ABI are `Ptr` too; null is 0.
    Ptr,
    /// Lanes. No constant has such a type, and no parameter or result: vectors travel in memory.
    Vec(VecTy),
}

impl Ty {
    /// Size in bytes, given the size of an address.
    #[inline]
    pub fn size(self, ptr_size: u32) -> u32 {
        match self {
            Ty::I8 => 1,
            Ty::I16 => 2,
            Ty::I32 | Ty::F32 => 4,
            Ty::I64 | Ty::F64 => 8,
            Ty::Ptr => ptr_size,
            Ty::Vec(vec) => vec.size(),
        }
    }
    /// True for `F32` and `F64`, not for vectors of them.
    #[inline]
    pub fn is_float(self) -> bool {
        matches!(self, Ty::F32 | Ty::F64)
    }
    /// Its name in the text form.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Ty::I8 => "i8",
            Ty::I16 => "i16",
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
            Ty::Ptr => "ptr",
            Ty::Vec(vec) => return Cow::Owned(vec.name()),
        })
    }
}

/// A constant operand: the low bits of `bits`, as many as the type has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Const {
    /// Its type. A `Ptr` constant is null or a made-up address, never a relocated one.
    pub ty: Ty,
    /// Its bits, zero-extended from the type's width; floats as their IEEE bits.
    pub bits: u64,
}

/// What an instruction reads: a register, or an entry of the function's constants.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand(u32);

const CONST_BIT: u32 = 1 << 31;

impl Operand {
    /// A register.
    #[inline]
    pub fn reg(reg: Reg) -> Operand {
        debug_assert!(reg.0 < CONST_BIT, "register numbers leave the top bit free");
        Operand(reg.0)
    }
    /// The `index`th constant of the function.
    #[inline]
    pub fn constant(index: u32) -> Operand {
        debug_assert!(index < CONST_BIT, "constant numbers leave the top bit free");
        Operand(index | CONST_BIT)
    }
    /// The register, if it is one.
    #[inline]
    pub fn as_reg(self) -> Option<Reg> {
        (self.0 & CONST_BIT == 0).then_some(Reg(self.0))
    }
    /// The constant's index, if it is one.
    #[inline]
    pub fn as_const(self) -> Option<u32> {
        (self.0 & CONST_BIT != 0).then_some(self.0 & !CONST_BIT)
    }
}

impl Operand {
    /// A number of its own: to hash it.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Operand {
        Operand::reg(reg)
    }
}

impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_const() {
            Some(c) => write!(f, "const{c}"),
            None => write!(f, "r{}", self.0),
        }
    }
}

/// A range of the function's operand pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct List {
    /// First operand.
    pub start: u32,
    /// How many.
    pub len: u32,
}

/// What an address counts from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Base {
    /// A `Ptr` operand.
    Reg(Operand),
    /// A slot of this frame.
    Slot(SlotId),
    /// A global of the running instance.
    Global(GlobalId),
    /// Read-only data.
    Data(DataId),
}

/// A place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Addr {
    /// Where to count from.
    pub base: Base,
    /// Bytes from there.
    pub off: i32,
}

/// Operations on two operands of one type. Integers wrap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinOp {
    /// Integer or address sum.
    Add,
    /// Integer or address difference.
    Sub,
    /// Integer product.
    Mul,
    /// Signed quotient toward zero; traps on zero and on `MIN / -1`.
    SDiv,
    /// Unsigned quotient; traps on zero.
    UDiv,
    /// Signed remainder; traps on zero and on `MIN % -1`.
    SRem,
    /// Unsigned remainder; traps on zero.
    URem,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Left shift; the count is taken modulo the width.
    Shl,
    /// Arithmetic right shift; count modulo the width.
    SShr,
    /// Logical right shift; count modulo the width.
    UShr,
    /// Float sum.
    FAdd,
    /// Float difference.
    FSub,
    /// Float product.
    FMul,
    /// Float quotient.
    FDiv,
    /// C's `fmod`.
    FRem,
    /// The smaller; with one NaN, the other operand.
    FMin,
    /// The larger; with one NaN, the other operand.
    FMax,
}

/// Operations on one operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnOp {
    /// Wrapping negation.
    Neg,
    /// All bits flipped.
    Not,
    /// 1 for 0, 0 for everything else; `I8` only.
    BoolNot,
    /// Sign flipped.
    FNeg,
    /// Sign cleared.
    FAbs,
    /// Square root.
    Sqrt,
    /// Toward minus infinity.
    Floor,
    /// Toward plus infinity.
    Ceil,
    /// Toward zero.
    Trunc,
    /// To nearest, ties to even.
    Round,
    /// Leading zero bits; the width for 0.
    Clz,
    /// Trailing zero bits; the width for 0.
    Ctz,
    /// Bits set.
    Popcnt,
    /// Bytes reversed.
    Bswap,
    /// The low `n` bits, sign-extended to the register's width: for integers of odd width.
    SextIn(u8),
    /// The low `n` bits, zero-extended to the register's width.
    ZextIn(u8),
}

/// Comparisons; the result is `I8`, 0 or 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CmpOp {
    /// Integer or address equality.
    Eq,
    /// Integer or address inequality.
    Ne,
    /// Signed.
    SLt,
    /// Signed.
    SLe,
    /// Signed.
    SGt,
    /// Signed.
    SGe,
    /// Unsigned.
    ULt,
    /// Unsigned.
    ULe,
    /// Unsigned.
    UGt,
    /// Unsigned.
    UGe,
    /// Ordered and equal.
    FEq,
    /// Unordered or different.
    FNe,
    /// Ordered.
    FLt,
    /// Ordered.
    FLe,
    /// Ordered.
    FGt,
    /// Ordered.
    FGe,
}

/// Conversions between register types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConvOp {
    /// To a wider integer, sign kept.
    Sext,
    /// To a wider integer, zeros above.
    Zext,
    /// To a narrower integer.
    Trunc,
    /// Signed integer to float, to nearest.
    SToF,
    /// Unsigned integer to float, to nearest.
    UToF,
    /// Float to signed integer: toward zero, saturating, NaN gives 0.
    FToS,
    /// Float to unsigned integer: likewise.
    FToU,
    /// `F32` to `F64`.
    FExt,
    /// `F64` to `F32`, to nearest.
    FTrunc,
    /// The same bits as another type of the same size; integers and addresses, integers and floats.
    Bitcast,
}

/// What a call reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Callee {
    /// A function of this module.
    Func(FuncId),
    /// A symbol with the C ABI. Struct arguments are addresses of copies; a struct result is written through
    /// an address that comes before the arguments.
    Extern(ExternId),
    /// A function value of the default ABI; null traps.
    Value(Operand, SigId),
    /// A C function pointer; the signature is one of C types. Arguments as for `Extern`.
    CPtr(Operand, SigId),
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Inst {
    /// `dst = src`.
    Copy {
        /// Written.
        dst: Reg,
        /// Read.
        src: Operand,
    },
    /// `dst = op.ty a, b`.
    Bin {
        /// Operation.
        op: BinOp,
        /// Of both operands and the result.
        ty: Ty,
        /// Written.
        dst: Reg,
        /// Left.
        a: Operand,
        /// Right.
        b: Operand,
    },
    /// `dst = op.ty a`.
    Un {
        /// Operation.
        op: UnOp,
        /// Of operand and result.
        ty: Ty,
        /// Written.
        dst: Reg,
        /// Read.
        a: Operand,
    },
    /// `dst = cmp.op.ty a, b`; `dst` is `I8`, or of vectors as many lanes of it.
    Cmp {
        /// Comparison.
        op: CmpOp,
        /// Of the operands.
        ty: Ty,
        /// Written.
        dst: Reg,
        /// Left.
        a: Operand,
        /// Right.
        b: Operand,
    },
    /// `dst = conv.from.to a`.
    Conv {
        /// Conversion.
        op: ConvOp,
        /// The operand's type.
        from: Ty,
        /// The result's type.
        to: Ty,
        /// Written.
        dst: Reg,
        /// Read.
        a: Operand,
    },
    /// A vector whose lanes are all `a`.
    Splat {
        /// The vector's type.
        ty: VecTy,
        /// Written.
        dst: Reg,
        /// Of the lanes' type.
        a: Operand,
    },
    /// One lane of a vector.
    Lane {
        /// The vector's type.
        ty: VecTy,
        /// Written; of the lanes' type.
        dst: Reg,
        /// The vector.
        a: Operand,
        /// Which; the vector has it.
        lane: u8,
    },
    /// A vector with one lane changed.
    SetLane {
        /// The vector's type.
        ty: VecTy,
        /// Written.
        dst: Reg,
        /// The vector.
        a: Operand,
        /// The lane's new value.
        val: Operand,
        /// Which; the vector has it.
        lane: u8,
    },
    /// `dst = cond ? a : b`, both evaluated. Scalars only.
    Select {
        /// Of `a`, `b` and the result.
        ty: Ty,
        /// Written.
        dst: Reg,
        /// `I8`.
        cond: Operand,
        /// If 1.
        a: Operand,
        /// If 0.
        b: Operand,
    },
    /// `dst = load.ty addr`.
    Load {
        /// What is read.
        ty: Ty,
        /// Written.
        dst: Reg,
        /// Where.
        addr: Addr,
    },
    /// `store.ty addr, val`.
    Store {
        /// What is written.
        ty: Ty,
        /// Where.
        addr: Addr,
        /// The value.
        val: Operand,
    },
    /// `dst = addr`.
    AddrOf {
        /// Written, `Ptr`.
        dst: Reg,
        /// Of what.
        addr: Addr,
    },
    /// `dst = base + index * stride`, the index `I64`.
    Index {
        /// Written, `Ptr`.
        dst: Reg,
        /// `Ptr`.
        base: Operand,
        /// `I64`, signed.
        index: Operand,
        /// Bytes.
        stride: u32,
    },
    /// The value of a function: null never, the same for the same function.
    FuncAddr {
        /// Written, `Ptr`.
        dst: Reg,
        /// Whose.
        func: FuncId,
    },
    /// The C function pointer of a function with the C ABI.
    CFuncAddr {
        /// Written, `Ptr`.
        dst: Reg,
        /// Whose.
        func: FuncId,
    },
    /// The address behind a symbol.
    ExternAddr {
        /// Written, `Ptr`.
        dst: Reg,
        /// Which.
        ext: ExternId,
    },
    /// Copies `size` bytes between places that are the same or don't overlap.
    MemCopy {
        /// To.
        dst: Addr,
        /// From.
        src: Addr,
        /// Bytes.
        size: u32,
    },
    /// Writes zero to `size` bytes.
    MemZero {
        /// Where.
        dst: Addr,
        /// Bytes.
        size: u32,
    },
    /// `memmove` of a run-time length; null is allowed where the length is 0.
    MemMove {
        /// To, `Ptr`.
        dst: Operand,
        /// From, `Ptr`.
        src: Operand,
        /// Bytes, `I64`.
        len: Operand,
    },
    /// `memset` of a run-time length.
    MemSet {
        /// Where, `Ptr`.
        dst: Operand,
        /// `I8`.
        val: Operand,
        /// Bytes, `I64`.
        len: Operand,
    },
    /// `memcmp` of a run-time length: `dst` is `I32`, negative, zero or positive.
    MemCmp {
        /// Written.
        dst: Reg,
        /// `Ptr`.
        a: Operand,
        /// `Ptr`.
        b: Operand,
        /// Bytes, `I64`.
        len: Operand,
    },
    /// Reads in one step. Misaligned addresses trap, as with all that is atomic.
    AtomicLoad {
        /// What is read: an integer or an address.
        ty: Ty,
        /// What loads may have.
        order: Ordering,
        /// Written.
        dst: Reg,
        /// Where, `Ptr`.
        ptr: Operand,
    },
    /// Writes in one step.
    AtomicStore {
        /// What is written: an integer or an address.
        ty: Ty,
        /// What stores may have.
        order: Ordering,
        /// Where, `Ptr`.
        ptr: Operand,
        /// The value.
        val: Operand,
    },
    /// Reads, computes and writes in one step; `dst` is what was there before.
    AtomicRmw {
        /// What is computed.
        op: RmwOp,
        /// Of the place and the value; addresses are only swapped.
        ty: Ty,
        /// Any.
        order: Ordering,
        /// Written.
        dst: Reg,
        /// Where, `Ptr`.
        ptr: Operand,
        /// The right operand.
        val: Operand,
    },
    /// Writes `new` if the place holds `old`, in one step; `dst` is what was there before. It was written exactly if that
    /// is `old`: there are no failures without reason.
    AtomicCas {
        /// Of the place and the values: an integer or an address.
        ty: Ty,
        /// If it is written.
        order: Ordering,
        /// If not; a load's, and not stronger.
        failure: Ordering,
        /// Written.
        dst: Reg,
        /// Where, `Ptr`.
        ptr: Operand,
        /// What must be there.
        old: Operand,
        /// What is written then.
        new: Operand,
    },
    /// Orders the accesses before it and behind it.
    Fence {
        /// Not relaxed.
        order: Ordering,
    },
    /// A call. Results are registers of the pool.
    Call {
        /// What is called.
        callee: Callee,
        /// Arguments; of a default-ABI function the context comes first.
        args: List,
        /// Results.
        rets: List,
    },
    /// Traps unless `0 <= index < len`, both `I64`.
    Bounds {
        /// Index.
        index: Operand,
        /// Length.
        len: Operand,
        /// The trap names the index as an unsigned number, which it was before it became an `I64`.
        unsigned: bool,
    },
    /// Traps unless `0 <= lo <= hi <= len`, all `I64`.
    SliceBounds {
        /// Start.
        lo: Operand,
        /// End.
        hi: Operand,
        /// Length.
        len: Operand,
        /// The trap names start and end as unsigned numbers, which they were before they became `I64`.
        unsigned: bool,
    },
    /// Traps when the address is null.
    NullCheck {
        /// `Ptr`.
        ptr: Operand,
    },
    /// Traps with `kind` unless `cond` is 1.
    Check {
        /// `I8`.
        cond: Operand,
        /// The trap.
        kind: TrapKind,
    },
    /// Where outside requests are noticed: on every back edge.
    Poll,
    /// Error return traces.
    ErrTrace(ErrTrace),
}

/// What happens to the fiber's error trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrTrace {
    /// An error begins here.
    Raise,
    /// It passes through here.
    Propagate,
    /// It was handled.
    Clear,
}

/// How a block ends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    /// To another block.
    Jump(BlockId),
    /// On an `I8`.
    Branch {
        /// 0 or 1.
        cond: Operand,
        /// If 1.
        then: BlockId,
        /// If 0.
        else_: BlockId,
    },
    /// On an integer.
    Switch {
        /// Of the value.
        ty: Ty,
        /// The value.
        val: Operand,
        /// Distinct values, zero-extended bits.
        cases: Vec<(u64, BlockId)>,
        /// For all others.
        default: BlockId,
    },
    /// The results, as the signature says.
    Return(List),
    /// The program ends here.
    Trap(TrapKind, List),
    /// Can't be reached; tiers trap with [`TrapKind::Unreachable`].
    Unreachable,
}

/// Why a program stops.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrapKind {
    /// `index I out of range for length L`: operands I, L.
    IndexOutOfRange,
    /// `slice A..B out of range for length L`: operands A, B, L.
    SliceOutOfRange,
    /// `division by zero`.
    DivisionByZero,
    /// `division overflow`: `MIN / -1`.
    DivisionOverflow,
    /// `null dereference`.
    NullDereference,
    /// `unwrap of null`.
    UnwrapNull,
    /// `stack overflow`.
    StackOverflow,
    /// `bad cast`.
    BadCast,
    /// `unreachable`.
    Unreachable,
    /// `assertion failed`, with `: message` when operands (`Ptr`, `I64`) are given.
    AssertionFailed,
    /// The message is all: operands (`Ptr`, `I64`).
    Panic,
    /// `out of memory`.
    OutOfMemory,
    /// `wrong union tag`.
    WrongUnionTag,
    /// `tag outside the enum`.
    BadEnumTag,
    /// `iterables of different length`.
    IterableTooShort,
    /// `deadlock`.
    Deadlock,
    /// `interrupted: deadline`.
    Deadline,
    /// `interrupted: out of fuel`.
    OutOfFuel,
    /// `interrupted: canceled`.
    Canceled,
    /// `invalid memory`.
    InvalidMemory,
    /// `memory limit reached`.
    MemoryLimit,
}

/// A source position, with the chain of calls through which it was inlined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SrcLoc {
    /// File number of the compilation.
    pub file: u32,
    /// Byte offset in it.
    pub offset: u32,
    /// Where the inlined function was called, if this instruction was inlined.
    pub inlined_at: Option<LocId>,
    /// The function that the instruction was written in: an index into [`Func::scopes`].
    pub scope: u32,
}

/// A register's declaration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RegInfo {
    /// Its type.
    pub ty: Ty,
    /// A `var`: may be assigned more than once.
    pub mutable: bool,
}

/// A slot's declaration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot {
    /// Bytes.
    pub size: u32,
    /// A power of two.
    pub align: u32,
}

/// Where a named variable lives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Its scalar leaves, in order; mostly a few.
    Regs(SmallVec<[Reg; 4]>),
    /// Its memory.
    Slot(SlotId),
}

/// A named variable, for debuggers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DebugVar {
    /// Its name in the source.
    pub name: Arc<str>,
    /// Its type, as printed.
    pub ty: Arc<str>,
    /// Where it lives.
    pub place: Place,
}

/// A basic block: a stretch of the function's code, and an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its first instruction in [`Func::code`].
    pub start: u32,
    /// Behind its last one.
    pub end: u32,
    /// How it ends.
    pub term: Term,
    /// The position of the end.
    pub term_loc: LocId,
}

impl Block {
    /// A block without instructions.
    pub fn empty(term: Term, term_loc: LocId) -> Block {
        Block { start: 0, end: 0, term, term_loc }
    }
    /// Where its instructions stand in [`Func::code`].
    #[inline]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
    /// How many instructions it has.
    #[inline]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
    /// True when there is nothing but the end.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallConv {
    /// Default ABI; the first parameter is the context.
    Sx,
    /// Callable from C through `CFuncAddr`; no context parameter. Parameters as for [`Callee::Extern`].
    C,
}

/// Parameters and results of a default-ABI function or call.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// Context first, where there is one.
    pub params: Vec<Ty>,
    /// The value's leaves; a failable adds its tag, `I32`, last.
    pub rets: Vec<Ty>,
}

/// A function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Func {
    /// Its qualified name, for backtraces.
    pub name: Arc<str>,
    /// Parameters and results.
    pub sig: Signature,
    /// How it is called.
    pub conv: CallConv,
    /// For `CallConv::C`: the C signature.
    pub c_sig: Option<SigId>,
    /// `#inline` or small by nature (a closure's thunk): expand when at all possible.
    pub inline: bool,
    /// The registers; the first `sig.params.len()` are the parameters, never assigned.
    pub regs: Vec<RegInfo>,
    /// Frame memory.
    pub slots: Vec<Slot>,
    /// Constants, each once.
    pub consts: Vec<Const>,
    /// Operands of calls, returns and traps.
    pub pool: Vec<Operand>,
    /// The instructions of all blocks. Stretches don't overlap; what no block names is left over from changes.
    pub code: Vec<Inst>,
    /// The position of each instruction; as long as `code`.
    pub code_locs: Vec<LocId>,
    /// Blocks; the first is the entry and has no predecessor.
    pub blocks: Vec<Block>,
    /// Source positions.
    pub locs: Vec<SrcLoc>,
    /// Names of the functions that instructions were written in; the first is this one.
    pub scopes: Vec<Arc<str>>,
    /// Named variables.
    pub debug_vars: Vec<DebugVar>,
}

impl Func {
    /// The instructions of a block.
    #[inline]
    pub fn insts(&self, block: BlockId) -> &[Inst] {
        &self.code[self.blocks[block.index()].range()]
    }
    /// The instructions of all blocks, in the order of blocks.
    pub fn all_insts(&self) -> impl Iterator<Item = &Inst> {
        self.blocks.iter().flat_map(|block| &self.code[block.range()])
    }
    /// Appends an instruction to a block. Cheap while one block grows at a time: another's stretch has to move to
    /// the end of the code first.
    #[inline]
    pub fn append(&mut self, block: BlockId, inst: Inst, loc: LocId) {
        self.open(block);
        self.code.push(inst);
        self.code_locs.push(loc);
        self.blocks[block.index()].end += 1;
    }
    /// Moves a block's stretch to the end of the code, where it can grow.
    #[inline]
    pub fn open(&mut self, block: BlockId) {
        let len = self.code.len() as u32;
        let block = &mut self.blocks[block.index()];
        if block.end != len {
            let range = block.range();
            block.start = len;
            block.end = len + range.len() as u32;
            self.code.extend_from_within(range.clone());
            self.code_locs.extend_from_within(range);
        }
    }
    /// Keeps the instructions of a block whose entry in `dead`, counted from the block's start, is false.
    pub fn remove(&mut self, block: BlockId, dead: &[bool]) {
        let range = self.blocks[block.index()].range();
        debug_assert_eq!(range.len(), dead.len(), "a flag for each instruction");
        let mut out = range.start;
        for (at, &dead) in range.zip(dead) {
            if !dead {
                self.code[out] = self.code[at];
                self.code_locs[out] = self.code_locs[at];
                out += 1;
            }
        }
        self.blocks[block.index()].end = out as u32;
    }
    /// The operands of a list.
    #[inline]
    pub fn list(&self, list: List) -> &[Operand] {
        &self.pool[list.start as usize..(list.start + list.len) as usize]
    }
    /// The type of an operand.
    #[inline]
    pub fn operand_ty(&self, operand: Operand) -> Ty {
        match operand.as_const() {
            Some(c) => self.consts[c as usize].ty,
            None => self.regs[operand.as_reg().expect("an operand is a register or a constant").index()].ty,
        }
    }
    /// The constant behind an operand, if it is one.
    #[inline]
    pub fn operand_const(&self, operand: Operand) -> Option<Const> {
        operand.as_const().map(|c| self.consts[c as usize])
    }
}
