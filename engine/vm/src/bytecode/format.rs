//! Operand formats: which field of an instruction means what.

/// A field of an instruction or of its extension word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// First short operand.
    A,
    /// Second short operand.
    B,
    /// Third short operand.
    C,
    /// The long operand in place of `B` and `C`.
    W,
    /// First 16 bits of the extension.
    X0,
    /// Second 16 bits of the extension.
    X1,
    /// Third 16 bits of the extension.
    X2,
    /// Lower half of the extension.
    XL,
    /// Upper half of the extension.
    XH,
    /// All of the extension.
    XX,
}

impl Field {
    /// True for fields of the second word.
    pub const fn in_extension(self) -> bool {
        matches!(self, Field::X0 | Field::X1 | Field::X2 | Field::XL | Field::XH | Field::XX)
    }
    /// Its bits, and how many they are.
    pub fn bits(self, first: u64, ext: u64) -> (u64, u32) {
        match self {
            Field::A => (first >> 16 & 0xffff, 16),
            Field::B => (first >> 32 & 0xffff, 16),
            Field::C => (first >> 48 & 0xffff, 16),
            Field::W => (first >> 32, 32),
            Field::X0 => (ext & 0xffff, 16),
            Field::X1 => (ext >> 16 & 0xffff, 16),
            Field::X2 => (ext >> 32 & 0xffff, 16),
            Field::XL => (ext & 0xffff_ffff, 32),
            Field::XH => (ext >> 32, 32),
            Field::XX => (ext, 64),
        }
    }
}

/// What a field means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A frame slot that is written.
    Dst,
    /// A frame slot that is read.
    Src,
    /// A frame slot that is read and written.
    Var,
    /// The first of two consecutive slots that are written.
    Dst2,
    /// The first of two consecutive slots that are read.
    Src2,
    /// A signed number.
    Imm,
    /// An unsigned number.
    Uimm,
    /// A jump: words from this instruction.
    Jump,
    /// The slot where the callee's frame begins.
    Window,
    /// Slots of arguments or results of a host call behind the window's header.
    Count,
    /// A function.
    Func,
    /// A function, as the byte offset of its entry cell.
    Cell,
    /// A signature class.
    Class,
    /// A C signature.
    CSig,
    /// An extern.
    Extern,
    /// A global or a piece of data of the instance.
    Object,
    /// A byte offset into the frame for an access of so many bytes.
    Frame(u8),
    /// A trap kind.
    Trap,
    /// How many entries the table behind a switch has.
    Table,
    /// Bytes of the vectors that the following operands are.
    Bytes,
    /// The first of the frame slots that a vector lies in.
    Vector,
    /// An operation on vectors.
    Routine,
    /// An atomic operation.
    Atomic,
}

/// One operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operand {
    pub field: Field,
    pub kind: Kind,
}

/// The operands of an opcode.
pub(crate) type Format = &'static [Operand];

macro_rules! formats {
    ($($name:ident: $($field:ident $kind:ident $(($size:literal))?),*;)*) => {
        $(pub(crate) const $name: Format =
            &[$(Operand { field: Field::$field, kind: Kind::$kind $(($size))? },)*];)*
    };
}

formats! {
    NONE:;
    D: A Dst;
    S: A Src;
    SS: A Src, B Src;
    SSS: A Src, B Src, C Src;
    SSSS: A Src, B Src, C Src, X0 Src;
    SSSK: A Src, B Src, C Src, XL Uimm;
    SW: A Src, W Uimm;
    W: W Imm;
    U: A Uimm;
    DS: A Dst, B Src;
    DSS: A Dst, B Src, C Src;
    DSI: A Dst, B Src, C Imm;
    DSX: A Dst, B Src, XX Imm;
    DSSS: A Dst, B Src, C Src, X0 Src;
    DSSK: A Dst, B Src, C Src, XL Uimm;
    DW: A Dst, W Imm;
    DX: A Dst, XX Imm;
    MOV2: A Dst2, B Src2;
    JUMP: W Jump;
    SJ: A Src, W Jump;
    SSJ: A Src, B Src, C Jump;
    SIJ: A Src, B Imm, C Jump;
    LSJ: A Var, B Src, C Jump;
    LIJ: A Var, B Imm, C Jump;
    SWITCH: A Src, W Table, XX Imm;
    SPARSE: A Src, W Table, XL Jump;
    LOAD: A Dst, B Src, C Imm;
    LOADW: A Dst, B Src, XL Imm;
    STORE: A Src, B Imm, C Src;
    STOREW: A Src, B Src, XL Imm;
    STOREI: A Src, B Imm, C Imm;
    LOADF8: A Dst, W Frame(1);
    LOADF16: A Dst, W Frame(2);
    LOADF32: A Dst, W Frame(4);
    LOADF64: A Dst, W Frame(8);
    STOREF8: A Src, W Frame(1);
    STOREF16: A Src, W Frame(2);
    STOREF32: A Src, W Frame(4);
    STOREF64: A Src, W Frame(8);
    ADDRF: A Dst, W Frame(0);
    ADDRFA: A Dst, W Frame(0), XL Uimm;
    LOADG: A Dst, W Object, XL Imm;
    STOREG: A Src, W Object, XL Imm;
    LOADXG: A Dst, B Src, C Src, X0 Src, X1 Imm, XH Uimm;
    STOREXG: A Src, B Src, C Src, X0 Src, X1 Imm, XH Uimm;
    LOADFX: A Dst, B Src, XL Frame(0);
    STOREFX: A Src, B Src, XL Frame(0);
    LOADFK: A Dst, B Src, XL Uimm, XH Frame(0);
    STOREFK: A Src, B Src, XL Uimm, XH Frame(0);
    IDXC: A Dst, B Src, C Src, X0 Src, XH Uimm;
    IDXK: A Dst, B Src, C Src, XL Uimm, XH Uimm;
    MEMCPY: A Src, B Src, XL Uimm;
    VECMOV: XL Bytes, A Vector, B Vector;
    VECLD: XL Bytes, A Vector, B Src, XH Imm;
    VECST: XL Bytes, A Src, B Vector, XH Imm;
    ATOMIC: A Dst, B Src, C Src, X0 Atomic, X1 Src;
    ATOMICST: A Src, B Src, X0 Atomic;
    VECOP: X0 Routine, X1 Uimm, A Uimm, B Uimm, C Uimm;
    TRAP: A Trap;
    TRAPOPS: A Trap, X0 Src, X1 Src, X2 Src;
    FUNC: W Func;
    DFUNC: A Dst, W Func;
    DEXT: A Dst, W Extern;
    CALL: A Window, W Cell;
    CALLL: W Cell, XL Window;
    CALLV: A Window, B Src, XL Class;
    CALLVL: A Src, W Class, XL Window;
    CALLE: A Window, W Extern, XL Count;
    CALLEL: W Extern, XL Window, XH Count;
    CALLC: A Window, B Src, XL CSig, XH Count;
    CALLCL: A Src, W CSig, XL Window, XH Count;
}
