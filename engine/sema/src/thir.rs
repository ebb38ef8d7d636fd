//! The typed tree of one function body.
//!
//! Made by `check`, eaten by `lower`; lives in a bump arena for as long as it takes to lower one body. Names are
//! resolved, generics instantiated, literals typed, every implicit conversion is a node, sugar is gone. What
//! remains is evaluation order, places, control flow and cleanup, which `lower` turns into blocks.
//!
//! **Places and values.** [`Kind::Local`], `Global`, `ConstData`, `Context`, `Deref`, and `Field`, `Index`,
//! `Payload`, `OptPayload` of a place are places. Taking the address of anything else puts the value into a
//! temporary that lives to the end of the enclosing block.

use crate::types::TypeId;
use std::sync::Arc;
use sx_ir::{DataId, ExternId, FuncId, GlobalId, Ordering, RmwOp};
use sx_syntax::span::Loc;

/// A reference to an expression.
pub type E<'b> = &'b Expr<'b>;

/// An expression.
#[derive(Debug)]
pub struct Expr<'b> {
    /// Its type; `Failable` only directly on calls and on `Block`, `If` … that end in one.
    pub ty: TypeId,
    /// Where it is written.
    pub loc: Loc,
    /// What it is.
    pub kind: Kind<'b>,
}

/// A local of a body: an index into [`Body::locals`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LocalId(pub u32);

/// A loop of a body; `break` and `continue` name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoopId(pub u32);

/// How a local is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LocalKind {
    /// A variable, or a parameter's value.
    Value,
    /// Another name for an element: holds the element's address, reads and writes go through it.
    Alias,
    /// The `n`th captured value of a closure; a constant inside.
    Capture(u32),
}

/// A local variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name; empty for temporaries of the checker.
    pub name: Arc<str>,
    /// Its type; of an alias, the element's.
    pub ty: TypeId,
    /// How it is stored.
    pub kind: LocalKind,
    /// Its address is taken somewhere, so it needs memory. A hint that is complete once the body is checked.
    pub address_taken: bool,
    /// Assigned after its declaration.
    pub assigned: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// A checked function body.
#[derive(Debug)]
pub struct Body<'b> {
    /// The function's id.
    pub func: FuncId,
    /// Its qualified name.
    pub name: Arc<str>,
    /// Its signature.
    pub sig: FnSig,
    /// `#inline`.
    pub inline: bool,
    /// All locals.
    pub locals: Vec<Local>,
    /// The parameters, as many as `sig.params`.
    pub params: Vec<LocalId>,
    /// The types of the captured values, in the environment's order; offsets are those of a struct of them.
    pub captures: Vec<TypeId>,
    /// The body; its value is the result (`sig.ret` without the failable part), unless it is `noreturn`.
    pub root: E<'b>,
    /// The whole function.
    pub loc: Loc,
}

/// Calling conventions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Conv {
    /// Context first.
    Sx,
    /// Context first, then the environment: the code behind a `Closure`.
    Closure,
    /// C.
    C,
}

/// A function's type, as far as calls need it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FnSig {
    /// Run-time parameters.
    pub params: Vec<TypeId>,
    /// Result; a `Failable` type for failable functions.
    pub ret: TypeId,
    /// Convention.
    pub conv: Conv,
}

/// Arithmetic on two operands of the node's type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    And,
    Or,
    Xor,
}

/// Comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Conversions; from the operand's type to the node's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cast {
    /// Between integers, `bool`, plain enums, flags, `Type` and error tags: low bits kept, extended by the
    /// source's sign.
    Int,
    /// Integer to float.
    IntToFloat,
    /// Float to integer: toward zero, saturating.
    FloatToInt,
    /// Between floats.
    Float,
    /// Integer to a plain enum without flags: traps when no variant has the value.
    IntToEnum,
    /// The same bits under another type of the same layout: pointers of all kinds, pointer and integer of the
    /// same size, string and `[]u8`, function pointers.
    Bits,
    /// `T` to `?T`.
    Wrap,
    /// An array place (or value) to a slice of it.
    ArrayToSlice,
    /// A default-ABI function value to a closure without environment.
    FuncToClosure,
    /// Anything to `void`: evaluated, dropped.
    Discard,
    /// `noreturn` to anything.
    Never,
    /// A value to a failable of it, without error.
    Succeed,
}

/// What a call reaches.
#[derive(Debug)]
pub enum Callee<'b> {
    /// A function instance.
    Func(FuncId),
    /// A symbol with the C ABI. `variadic` arguments have been promoted.
    Extern(ExternId),
    /// A function value of the default ABI.
    Value(E<'b>),
    /// A `Closure`.
    Closure(E<'b>),
    /// A C function pointer.
    CPtr(E<'b>),
}

/// Operations of the machine that have no syntax.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Intrinsic {
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
    /// Magnitude of a float.
    FAbs,
    /// The smaller of two scalars of the node's type; with one NaN the other.
    Min,
    /// The larger.
    Max,
    /// Leading zero bits of an integer.
    Clz,
    /// Trailing zero bits.
    Ctz,
    /// Bits set.
    Popcnt,
    /// Bytes reversed.
    Bswap,
    /// `(dst, src: *void, bytes: i64)`, overlapping allowed.
    MemMove,
    /// `(dst: *void, byte: u8, bytes: i64)`.
    MemSet,
    /// `(a, b: *void, bytes: i64) -> i32`.
    MemCmp,
    /// `(message: string) -> noreturn`.
    Panic,
    /// `(ok: bool, message: string)`: `assertion failed: message`; an empty message shows none.
    Assert,
    /// `() -> noreturn`.
    Unreachable,
    /// `() -> noreturn`.
    OutOfMemory,
    /// The bits of a float as an integer of the same size, or the reverse.
    Bitcast,
    /// An operation on memory in one step.
    Atomic(AtomicOp),
}

/// Atomic operations, the address first among their arguments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomicOp {
    /// `(place) -> T`.
    Load(Ordering),
    /// `(place, value)`.
    Store(Ordering),
    /// `(place, value) -> T`: what was there.
    Rmw(RmwOp, Ordering),
    /// `(place, old, new)`, orderings of success and failure: null when it was written, else what was there. The optional has
    /// a flag.
    Cas(Ordering, Ordering),
    /// `()`.
    Fence(Ordering),
}

/// What a `for` runs over.
#[derive(Debug)]
pub enum ForIter<'b> {
    /// Integers. `var` has the type of `lo`.
    Range {
        /// The value of each round.
        var: Option<LocalId>,
        /// First.
        lo: E<'b>,
        /// Last, or one past it; none never ends by itself.
        hi: Option<E<'b>>,
        /// `hi` belongs to the range.
        inclusive: bool,
    },
    /// The elements of an array place, an array value, a slice or a string; evaluated once.
    Each {
        /// An alias of the element, or a pointer to it when `by_ref`.
        var: Option<LocalId>,
        /// `var` is a plain pointer local.
        by_ref: bool,
        /// The sequence.
        seq: E<'b>,
        /// Its elements' type.
        elem: TypeId,
    },
    /// `next` is evaluated once a round and gives an optional; null ends.
    Next {
        /// The value of each round.
        var: Option<LocalId>,
        /// Statements before the loop (the iterator's storage).
        setup: &'b [Stmt<'b>],
        /// An expression of type `?T`.
        next: E<'b>,
    },
}

/// An arm of a [`Kind::Switch`].
#[derive(Debug)]
pub struct SwitchArm<'b> {
    /// Inclusive ranges of the value's bits, compared in the value's signedness.
    pub ranges: &'b [(u64, u64)],
    /// The body, of the switch's type or `noreturn`.
    pub body: E<'b>,
}

/// What an expression is.
#[derive(Debug)]
pub enum Kind<'b> {
    /// An integer, character, enum, flags, `bool`, error tag or `Type` value: its bits, sign- or zero-extended
    /// by its type.
    Int(u64),
    /// A float. Of type `f32` it is representable there.
    Float(f64),
    /// A `string` in read-only data.
    Str(&'b [u8]),
    /// A `cstring` in read-only data.
    CStr(&'b [u8]),
    /// All bits zero, of any type: `null`, `void`, missing fields.
    Zero,
    /// Unspecified bits: `---`.
    Undef,
    /// A function as a value of the default ABI.
    FuncValue(FuncId),
    /// A function of the C ABI as a pointer.
    CFuncValue(FuncId),
    /// The address of a symbol: an extern function as a pointer, or (as `Deref` of it) an extern global.
    ExternAddr(ExternId),

    /// A local: a place.
    Local(LocalId),
    /// A global: a place.
    Global(GlobalId),
    /// A constant in read-only data: a place.
    ConstData(DataId),
    /// The current context: a place.
    Context,
    /// What a pointer points at, checked against null: a place.
    Deref(E<'b>),
    /// The part of a struct, union, tuple, string, slice, closure … at an offset.
    Field {
        /// The whole.
        base: E<'b>,
        /// Bytes from its start.
        offset: u32,
    },
    /// An element. The base is an array place or value, a slice, a string, or a many-pointer (which isn't
    /// bounds-checked but null-checked). The index is `i64`.
    Index {
        /// What is indexed.
        base: E<'b>,
        /// Which element.
        index: E<'b>,
    },
    /// The payload of a tagged union, or a member of an untagged union.
    Payload {
        /// The union.
        base: E<'b>,
        /// The tag's value.
        tag: u64,
        /// Trap on another tag.
        checked: bool,
    },
    /// The tag of a tagged union, of the tag's integer type.
    Tag(E<'b>),
    /// The value inside an optional, unchecked.
    OptPayload(E<'b>),
    /// The value inside an optional; traps on null.
    Unwrap(E<'b>),
    /// True unless the optional, pointer, closure, function or protocol value is null.
    HasValue(E<'b>),
    /// The address of a place, or of a temporary that takes the value.
    AddrOf(E<'b>),

    /// `-`.
    Neg(E<'b>),
    /// `!`.
    Not(E<'b>),
    /// `~`.
    BitNot(E<'b>),
    /// Arithmetic; both operands have the node's type.
    Arith(Arith, E<'b>, E<'b>),
    /// Comparison of two scalars of one type.
    Compare(Compare, E<'b>, E<'b>),
    /// Member-wise equality of two values of one type: strings by bytes, structs, tuples, arrays, optionals.
    Equal {
        /// Left.
        a: E<'b>,
        /// Right.
        b: E<'b>,
        /// `!=`.
        negate: bool,
    },
    /// Short circuit.
    And(E<'b>, E<'b>),
    /// Short circuit.
    Or(E<'b>, E<'b>),
    /// A conversion.
    Cast(Cast, E<'b>),
    /// A struct, tuple, string, slice, protocol value … of parts at offsets, evaluated in order. Parts not
    /// listed are zero.
    Aggregate(&'b [(u32, E<'b>)]),
    /// An array of these elements.
    Array(&'b [E<'b>]),
    /// An array whose elements are all this value, evaluated once.
    Repeat(E<'b>),
    /// A tagged union, or an untagged one (`tag` unused).
    Variant {
        /// The tag's value.
        tag: u64,
        /// The payload.
        payload: Option<E<'b>>,
    },
    /// `base[lo..hi]`, end exclusive, bounds `i64`: a slice or string. A many-pointer base has `hi` and no
    /// length to be checked against.
    Slice {
        /// An array place, slice, string or many-pointer.
        base: E<'b>,
        /// Start; 0.
        lo: Option<E<'b>>,
        /// End; the length.
        hi: Option<E<'b>>,
    },
    /// A closure over copies of these values.
    Closure {
        /// Its code, of [`Conv::Closure`].
        func: FuncId,
        /// What is captured, in order.
        captures: &'b [E<'b>],
        /// Gives the environment's memory (`*void`, large enough and aligned); none puts it into the frame of
        /// the enclosing block.
        alloc: Option<E<'b>>,
    },
    /// A call. Of a failable function the type is `Failable`.
    Call {
        /// What is called.
        callee: Callee<'b>,
        /// Arguments, as many as run-time parameters (more for variadic externs).
        args: &'b [E<'b>],
    },
    /// An operation of the machine.
    Intrinsic(Intrinsic, &'b [E<'b>]),

    /// The value of a failable; an error leaves the function with it.
    Try(E<'b>),
    /// The value of a failable, or the handler's, which has the same type or is `noreturn`.
    Catch {
        /// The failable.
        operand: E<'b>,
        /// The error inside the handler, of an error-set type.
        binding: Option<LocalId>,
        /// What runs on an error.
        handler: E<'b>,
    },
    /// Leaves the function with an error.
    Raise(E<'b>),
    /// Leaves the function with a value.
    Return(Option<E<'b>>),
    /// Leaves a loop.
    Break(LoopId),
    /// Goes on with the next round.
    Continue(LoopId),
    /// Statements, then the value. Deferred statements of the block run at its end.
    Block {
        /// In order.
        stmts: &'b [Stmt<'b>],
        /// The value, unless `void` or never reached.
        tail: Option<E<'b>>,
    },
    /// Both branches have the node's type, or are `noreturn`, or the node is `void`.
    If {
        /// `bool`.
        cond: E<'b>,
        /// If true.
        then: E<'b>,
        /// If false.
        else_: Option<E<'b>>,
    },
    /// On an integer, enum, tag, `bool`, error or `Type`.
    Switch {
        /// Evaluated once.
        value: E<'b>,
        /// Disjoint.
        arms: &'b [SwitchArm<'b>],
        /// What no arm has; none traps with `BadEnumTag`.
        default: Option<E<'b>>,
    },
    /// Runs while the condition holds; no condition is an endless loop.
    While {
        /// Its name.
        id: LoopId,
        /// `bool`.
        cond: Option<E<'b>>,
        /// The body.
        body: E<'b>,
    },
    /// Runs over the first iterable, the others in step; one of those that ends first traps.
    For {
        /// Its name.
        id: LoopId,
        /// At least one.
        iters: &'b [ForIter<'b>],
        /// The body.
        body: E<'b>,
    },
    /// Runs the body under another context.
    Push {
        /// The whole context, a value of the context struct.
        ctx: E<'b>,
        /// The body.
        body: E<'b>,
    },
}

/// A statement.
#[derive(Debug)]
pub enum Stmt<'b> {
    /// Evaluated for its effect.
    Expr(E<'b>),
    /// A local comes to life. No value leaves its bits unspecified.
    Let {
        /// Which.
        local: LocalId,
        /// Its first value; of an alias, a place.
        init: Option<E<'b>>,
    },
    /// `v, err := f();`: on success `value` and a null `err`, else a zero `value` and the error.
    LetFailable {
        /// The value; none for `-> !`.
        value: Option<LocalId>,
        /// An optional of the error set.
        error: LocalId,
        /// The failable.
        init: E<'b>,
    },
    /// Places, then values, then stores.
    Assign {
        /// Places; `None` ignores the value.
        targets: &'b [Option<E<'b>>],
        /// As many values.
        values: &'b [E<'b>],
    },
    /// `place op= value`, the place evaluated once. For shifts the value has been converted to the place's type.
    AssignOp {
        /// Operation.
        op: Arith,
        /// The place.
        target: E<'b>,
        /// Of the place's type.
        value: E<'b>,
    },
    /// Runs when the enclosing block is left.
    Defer(E<'b>),
    /// Runs when the enclosing block is left by an error.
    OnFail {
        /// The error inside, of an error-set type.
        binding: Option<LocalId>,
        /// What runs.
        body: E<'b>,
    },
}
