//! The syntax tree.
//!
//! Made by `parser`, eaten by `sx-sema` and by the formatter. One [`Ast`] per file, plain data: every node is
//! named by a 32-bit id into a dense table, children come before their parents, lists are ranges of side
//! tables. A tree holds no addresses, so a parsed file is `Send + Sync` and can be shared between engines.
//!
//! Parsing never fails. Where the source is broken the tree holds [`Expr::Error`] or [`Stmt::Error`], for which
//! a diagnostic has been recorded, so later stages stay silent about them.

pub mod dump;

use crate::span::Span;
use std::marker::PhantomData;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub u32);
        impl $name {
            /// The position in its table.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// An expression, which types, blocks and control flow are too.
    ExprId
);
id!(
    /// A statement or module-level item.
    StmtId
);
id!(
    /// A name of this file: an index into [`Ast::names`].
    NameId
);
id!(
    /// A decoded string literal: an index into [`Ast::strings`].
    StrId
);

/// A range of one of the tree's side tables.
#[derive(Debug)]
pub struct Range<T> {
    /// First element.
    pub start: u32,
    /// How many elements.
    pub len: u32,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Range<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Range<T> {}
impl<T> PartialEq for Range<T> {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start && self.len == other.len
    }
}
impl<T> Eq for Range<T> {}

impl<T> Range<T> {
    /// The range of `len` elements from `start`.
    pub fn new(start: u32, len: u32) -> Self {
        Range { start, len, marker: PhantomData }
    }
    /// A range without elements.
    pub fn empty() -> Self {
        Range::new(0, 0)
    }
    /// True when there are no elements.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// A side table from which ranges are taken; which one follows from the element's type.
pub trait Listed: Sized {
    /// The table of this element type.
    fn table(ast: &Ast) -> &Vec<Self>;
    /// The table of this element type, to append to.
    fn table_mut(ast: &mut Ast) -> &mut Vec<Self>;
}

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $ty:ty,)*) => {
        /// The tree of one file.
        #[derive(Debug, Default)]
        pub struct Ast {
            /// Every expression; `expr_spans` runs parallel.
            pub exprs: Vec<Expr>,
            /// Where each expression stands.
            pub expr_spans: Vec<Span>,
            /// Every statement; `stmt_spans` runs parallel.
            pub stmts: Vec<Stmt>,
            /// Where each statement stands.
            pub stmt_spans: Vec<Span>,
            /// The distinct names of the file, without backticks.
            pub names: Vec<Box<str>>,
            /// The distinct decoded string literals.
            pub strings: Vec<Box<[u8]>>,
            /// The module-level items, in source order.
            pub items: Vec<StmtId>,
            $($(#[$doc])* pub $field: Vec<$ty>,)*
        }
        $(impl Listed for $ty {
            fn table(ast: &Ast) -> &Vec<Self> { &ast.$field }
            fn table_mut(ast: &mut Ast) -> &mut Vec<Self> { &mut ast.$field }
        })*
    };
}

tables! {
    /// Backing of expression lists.
    expr_lists: ExprId,
    /// Backing of statement lists.
    stmt_lists: StmtId,
    /// Backing of name lists.
    name_lists: Ident,
    /// Call arguments and literal fields.
    args: Arg,
    /// Parameters.
    params: Param,
    /// Elements of tuple types.
    tuple_elems: TupleElem,
    /// Operators and operands of chained comparisons.
    chain_links: ChainLink,
    /// `::` declarations.
    consts: ConstDecl,
    /// `:=` and `: T =` declarations.
    vars: VarDecl,
    /// Functions and lambdas.
    funcs: FuncExpr,
    /// Function types and closure types.
    func_types: FuncType,
    /// Struct and union bodies.
    structs: StructExpr,
    /// Members of structs and unions.
    members: Member,
    /// Enum bodies.
    enums: EnumExpr,
    /// Variants of enums.
    variants: Variant,
    /// Protocol bodies.
    protocols: ProtocolExpr,
    /// `impl` blocks.
    impls: ImplDecl,
    /// `if` expressions.
    ifs: IfExpr,
    /// Matches.
    matches: MatchExpr,
    /// Arms of matches.
    arms: Arm,
    /// `while` loops.
    whiles: WhileExpr,
    /// `for` loops.
    fors: ForExpr,
    /// What `for` loops run over.
    iters: Iter,
    /// Bindings in parentheses.
    captures: Capture,
    /// `catch` handlers.
    catches: CatchExpr,
    /// Slicing expressions.
    slicings: SliceExpr,
    /// `asm` blocks.
    asms: AsmExpr,
    /// Operands of `asm` blocks.
    asm_operands: AsmOperand,
    /// `#import c` blocks.
    c_imports: CImport,
    /// Directives inside `#import c` blocks.
    c_items: CItem,
    /// `test` blocks.
    tests: TestDecl,
}

/// An index into one of the tree's tables, typed by its element.
#[derive(Debug)]
pub struct Idx<T>(pub u32, PhantomData<fn() -> T>);

impl<T> Clone for Idx<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Idx<T> {}
impl<T> PartialEq for Idx<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Idx<T> {}
impl<T> std::hash::Hash for Idx<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> Idx<T> {
    /// Names the element at `at`.
    pub fn new(at: u32) -> Self {
        Idx(at, PhantomData)
    }
}

impl Ast {
    /// The expression behind an id.
    #[inline]
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()]
    }
    /// Where an expression stands.
    #[inline]
    pub fn expr_span(&self, id: ExprId) -> Span {
        self.expr_spans[id.index()]
    }
    /// The statement behind an id.
    #[inline]
    pub fn stmt(&self, id: StmtId) -> &Stmt {
        &self.stmts[id.index()]
    }
    /// Where a statement stands.
    #[inline]
    pub fn stmt_span(&self, id: StmtId) -> Span {
        self.stmt_spans[id.index()]
    }
    /// A name's text, without backtick.
    #[inline]
    pub fn name(&self, id: NameId) -> &str {
        &self.names[id.index()]
    }
    /// A string literal's bytes after escapes.
    #[inline]
    pub fn string(&self, id: StrId) -> &[u8] {
        &self.strings[id.index()]
    }
    /// The elements of a range.
    #[inline]
    pub fn list<T: Listed>(&self, range: Range<T>) -> &[T] {
        &T::table(self)[range.start as usize..(range.start + range.len) as usize]
    }
    /// One element of a side table.
    #[inline]
    pub fn get<T: Listed>(&self, idx: Idx<T>) -> &T {
        &T::table(self)[idx.0 as usize]
    }
    /// Appends one element to its table.
    pub fn push<T: Listed>(&mut self, value: T) -> Idx<T> {
        let table = T::table_mut(self);
        table.push(value);
        Idx::new(table.len() as u32 - 1)
    }
    /// Appends elements to their table as one range.
    pub fn push_list<T: Listed>(&mut self, values: impl IntoIterator<Item = T>) -> Range<T> {
        let table = T::table_mut(self);
        let start = table.len() as u32;
        table.extend(values);
        Range::new(start, table.len() as u32 - start)
    }
}

/// A name where it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ident {
    /// The text.
    pub name: NameId,
    /// Where, including a backtick.
    pub span: Span,
    /// Written with a leading backtick, so never a reserved word.
    pub raw: bool,
}

/// Reserved type spellings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Prim {
    /// `i1` to `i64`, `u1` to `u64`.
    Int {
        /// Width, 1 to 64.
        bits: u8,
        /// `i…`.
        signed: bool,
    },
    /// `usize`.
    Usize,
    /// `isize`.
    Isize,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `cstring`.
    CString,
    /// `void`.
    Void,
    /// `noreturn`.
    Noreturn,
    /// `Any`.
    Any,
    /// `Type`.
    Type,
}

/// Prefix operators that are plain functions of their operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnOp {
    /// `-`
    Neg,
    /// `!`
    Not,
    /// `~`
    BitNot,
}

/// Infix operators on two values, assignment forms included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    BitAnd,
    BitXor,
    BitOr,
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
    In,
}

/// One link of `a < b <= c`: an operator and its right operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainLink {
    /// The comparison.
    pub op: BinOp,
    /// Its right operand.
    pub rhs: ExprId,
}

/// Expressions. Types are expressions too.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Expr {
    /// Broken source, already reported.
    Error,
    /// An integer literal; its spelling is in the source.
    Int(u64),
    /// A character literal, an untyped integer.
    Char(u32),
    /// A float literal, rounded to 64 bits.
    Float(f64),
    /// A string literal, raw strings included.
    Str(StrId),
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `---`.
    Undef,
    /// A name.
    Name(Ident),
    /// A reserved type spelling, bare.
    Prim(Prim),
    /// `$T` or `$T/Protocol` in a parameter's type; bare `$args`.
    Dollar {
        /// The name that is bound.
        name: Ident,
        /// The protocol that the type must implement.
        constraint: Option<ExprId>,
    },
    /// `(e)`: kept so that the printer can round-trip and mixed operators can be judged.
    Paren(ExprId),
    /// `-e !e ~e`.
    Unary {
        /// Operator.
        op: UnOp,
        /// Operand.
        operand: ExprId,
    },
    /// `@e`.
    AddrOf(ExprId),
    /// `e.*`.
    Deref(ExprId),
    /// `e!`.
    Unwrap(ExprId),
    /// `try e`.
    Try(ExprId),
    /// `xx e`.
    Autocast(ExprId),
    /// `cast(T) e`.
    Cast {
        /// Target type.
        ty: ExprId,
        /// Operand.
        operand: ExprId,
    },
    /// Two operands, no short circuit.
    Binary {
        /// Operator.
        op: BinOp,
        /// Left.
        lhs: ExprId,
        /// Right.
        rhs: ExprId,
    },
    /// `a < b < c`: two links or more.
    Chain {
        /// The leftmost operand.
        first: ExprId,
        /// The rest.
        links: Range<ChainLink>,
    },
    /// `a and b`.
    And(ExprId, ExprId),
    /// `a or b`: boolean, or the fallback of a failable.
    Or(ExprId, ExprId),
    /// `a ?? b`.
    Coalesce(ExprId, ExprId),
    /// `a |> f(b)`; the right side is a call as written.
    Pipe(ExprId, ExprId),
    /// `e catch …`.
    Catch(Idx<CatchExpr>),
    /// `e.name`.
    Field {
        /// Left of the dot.
        base: ExprId,
        /// Right of the dot; any word.
        name: Ident,
    },
    /// `e.0`.
    TupleIndex {
        /// Left of the dot.
        base: ExprId,
        /// The index.
        index: u32,
    },
    /// `e?.name`; ends at the nearest enclosing [`Expr::OptChain`].
    OptField {
        /// Left of the `?.`.
        base: ExprId,
        /// Right of it.
        name: Ident,
    },
    /// `e?.0`.
    OptTupleIndex {
        /// Left of the `?.`.
        base: ExprId,
        /// The index.
        index: u32,
    },
    /// The whole postfix chain that holds a `?.`: null as soon as one link is.
    OptChain(ExprId),
    /// `e[i]`.
    Index {
        /// What is indexed.
        base: ExprId,
        /// The index.
        index: ExprId,
    },
    /// `e[i..j]`.
    Slice(Idx<SliceExpr>),
    /// `f(args)`.
    Call {
        /// What is called.
        callee: ExprId,
        /// Arguments in source order.
        args: Range<Arg>,
    },
    /// `.name`, resolved by the expected type.
    DotName(Ident),
    /// `error.Name`.
    ErrorName(Ident),
    /// `T.{ … }` or `.{ … }`.
    StructLit {
        /// The head, if written.
        ty: Option<ExprId>,
        /// Fields, named or positional.
        fields: Range<Arg>,
    },
    /// `T.[ … ]` or `.[ … ]`. With a head, the head is the *element* type or, parenthesised, any type.
    ArrayLit {
        /// The head, if written.
        ty: Option<ExprId>,
        /// Elements.
        elems: Range<ExprId>,
    },
    /// `.[v; n]`.
    ArrayRepeat {
        /// The head, if written.
        ty: Option<ExprId>,
        /// The element.
        value: ExprId,
        /// How many.
        count: ExprId,
    },
    /// `.(a, b)`, `.(x = a)` or `Tuple(A, B).(a, b)`.
    TupleLit {
        /// The head, if written.
        ty: Option<ExprId>,
        /// Elements, named or positional.
        elems: Range<Arg>,
    },
    /// `*T`.
    PtrTy(ExprId),
    /// `[*]T`.
    ManyPtrTy(ExprId),
    /// `[]T`.
    SliceTy(ExprId),
    /// `[:0]T`.
    SentinelSliceTy(ExprId),
    /// `[N]T`.
    ArrayTy {
        /// The length.
        len: ExprId,
        /// The element type.
        elem: ExprId,
    },
    /// `?T`.
    OptionalTy(ExprId),
    /// `Tuple(A, y: B)`.
    TupleTy(Range<TupleElem>),
    /// `(A, B) -> R`.
    FuncTy(Idx<FuncType>),
    /// `Closure(A, B) -> R`.
    ClosureTy(Idx<FuncType>),
    /// A function or lambda.
    Func(Idx<FuncExpr>),
    /// `ufcs target`.
    UfcsAlias(ExprId),
    /// `struct { … }`.
    Struct(Idx<StructExpr>),
    /// `union { … }`.
    Union(Idx<StructExpr>),
    /// `enum { … }`.
    Enum(Idx<EnumExpr>),
    /// `protocol { … }`.
    Protocol(Idx<ProtocolExpr>),
    /// `error { A, B }`.
    ErrorSet(Range<Ident>),
    /// `{ … }`.
    Block {
        /// The statements.
        stmts: Range<StmtId>,
        /// The last expression without `;`: the block's value.
        tail: Option<ExprId>,
    },
    /// `if …`.
    If(Idx<IfExpr>),
    /// `if x == { case … }`.
    Match(Idx<MatchExpr>),
    /// `while …`.
    While(Idx<WhileExpr>),
    /// `for …`.
    For(Idx<ForExpr>),
    /// `push ctx { … }`.
    Push {
        /// The new context.
        ctx: ExprId,
        /// What runs under it.
        body: ExprId,
    },
    /// `return`, with or without a value.
    Return(Option<ExprId>),
    /// `raise e`.
    Raise(ExprId),
    /// `break`, to a label or the innermost loop.
    Break(Option<Ident>),
    /// `continue`.
    Continue(Option<Ident>),
    /// `#import "path"`.
    Import(StrId),
    /// `#import c { … }`.
    ImportC(Idx<CImport>),
    /// `#library "name"`.
    Library(StrId),
    /// `#run e`.
    Run(ExprId),
    /// `#insert e`.
    Insert(ExprId),
    /// `#caller_location`.
    CallerLocation,
    /// `asm { … }`.
    Asm(Idx<AsmExpr>),
    /// `a..b`, `a..=b` as a pattern of `case`.
    RangePat {
        /// First value.
        lo: ExprId,
        /// Last value, or one past it.
        hi: ExprId,
        /// `..=`.
        inclusive: bool,
    },
}

/// Statements and module-level items.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stmt {
    /// Broken source, already reported.
    Error,
    /// An expression for its effect.
    Expr {
        /// The expression.
        expr: ExprId,
        /// Ended by `;`.
        semi: bool,
    },
    /// `name :: value`.
    Const(Idx<ConstDecl>),
    /// `name := value`.
    Var(Idx<VarDecl>),
    /// `a = b`, `a += b`, `a, b = b, a`.
    Assign {
        /// The operator of a compound assignment.
        op: Option<BinOp>,
        /// Targets; [`Expr::Name`] of `_` ignores.
        targets: Range<ExprId>,
        /// One value, or as many as targets.
        values: Range<ExprId>,
    },
    /// `defer stmt`.
    Defer(StmtId),
    /// `onfail stmt`.
    OnFail {
        /// The error's name inside.
        binding: Option<Ident>,
        /// What runs.
        body: StmtId,
    },
    /// `impl P for T { … }`.
    Impl(Idx<ImplDecl>),
    /// `#assert cond, "message"`.
    Assert {
        /// Must be true.
        cond: ExprId,
        /// Shown when it isn't.
        message: Option<ExprId>,
    },
    /// `test "name" { … }`.
    Test(Idx<TestDecl>),
    /// `#using expr;` in a block.
    Using(ExprId),
}

/// A call's argument, or a field of a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arg {
    /// `name = …`.
    pub name: Option<Ident>,
    /// The value.
    pub value: ExprId,
    /// `..value`.
    pub spread: bool,
}

/// A parameter of a function, lambda or generic type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param {
    /// Its name; `_` is allowed.
    pub name: Ident,
    /// `$name`: known at compile time. For `..$args` too.
    pub comptime: bool,
    /// `..name`.
    pub variadic: bool,
    /// Its type; lambdas may leave it out.
    pub ty: Option<ExprId>,
    /// Its default.
    pub default: Option<ExprId>,
    /// The whole parameter.
    pub span: Span,
}

/// An element of a tuple type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TupleElem {
    /// Its name.
    pub name: Option<Ident>,
    /// Its type.
    pub ty: ExprId,
    /// `..T`.
    pub spread: bool,
}

/// `name :: value;` or `name : T : value;`
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ConstDecl {
    /// What is declared.
    pub name: Ident,
    /// The type, if written.
    pub ty: Option<ExprId>,
    /// The value: an expression, function, type, import …
    pub value: ExprId,
    /// The `///` lines before it, as one span of the source.
    pub doc: Option<Span>,
}

/// `a, b : T = v;`
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VarDecl {
    /// What is declared; `_` ignores.
    pub names: Range<Ident>,
    /// The type, if written.
    pub ty: Option<ExprId>,
    /// No value: zero. One value for several names: a tuple is taken apart.
    pub values: Range<ExprId>,
    /// `name: T extern lib "symbol";`
    pub external: Option<Linkage>,
    /// The `///` lines before it.
    pub doc: Option<Span>,
}

/// `extern` and `export`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linkage {
    /// Which of the two.
    pub export: bool,
    /// `extern lib`: the library's name.
    pub library: Option<Ident>,
    /// The symbol, where it differs from the declared name.
    pub symbol: Option<StrId>,
    /// Where it is written.
    pub span: Span,
}

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Abi {
    /// The language's own, with a context.
    Sx,
    /// `abi(.c)`.
    C,
    /// `abi(.naked)`.
    Naked,
    /// `abi(.compiler)`.
    Compiler,
}

/// What a declaration says of its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetType {
    /// False when there is no arrow.
    pub arrow: bool,
    /// The value's type; none after an arrow is `-> !`.
    pub ty: Option<ExprId>,
    /// `!`.
    pub failable: bool,
    /// The set behind `!`.
    pub error_set: Option<ExprId>,
}

/// `#get`, `#set`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accessor {
    /// Read as a field.
    Get,
    /// Written as a field.
    Set,
}

/// What follows a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FuncBody {
    /// `;`: a protocol's requirement or an extern.
    None,
    /// `{ … }`: an [`Expr::Block`].
    Block(ExprId),
    /// `=> e`.
    Arrow(ExprId),
    /// `#builtin`: the compiler knows it by name.
    Builtin,
}

/// A function or lambda.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FuncExpr {
    /// Parameters.
    pub params: Range<Param>,
    /// Result.
    pub ret: RetType,
    /// Body.
    pub body: FuncBody,
    /// Calling convention as written.
    pub abi: Abi,
    /// `extern …`, `export …`.
    pub linkage: Option<Linkage>,
    /// `#get`, `#set`.
    pub accessor: Option<Accessor>,
    /// `ufcs (…)`.
    pub ufcs: bool,
    /// `#inline`: worth expanding at its calls.
    pub inline: bool,
    /// Of the signature alone, for messages.
    pub sig_span: Span,
}

/// A function type or closure type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncType {
    /// Parameter types, names allowed; `..$args` has `spread` on its element.
    pub params: Range<TupleElem>,
    /// Result.
    pub ret: RetType,
    /// Calling convention.
    pub abi: Abi,
}

/// `struct ($T: Type) #packed { … }`, `union { … }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StructExpr {
    /// Compile-time parameters.
    pub params: Range<Param>,
    /// Fields and constants in order.
    pub members: Range<Member>,
    /// `#packed`.
    pub packed: bool,
    /// `#align(n)`.
    pub align: Option<ExprId>,
}

/// A member of a struct, union or enum.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Member {
    /// `x, y: T = d;`
    Field {
        /// One or several names.
        names: Range<Ident>,
        /// The type.
        ty: Option<ExprId>,
        /// The default.
        default: Option<ExprId>,
        /// `#using`.
        using: bool,
        /// The `///` lines before it.
        doc: Option<Span>,
    },
    /// A constant, method or property.
    Const(Idx<ConstDecl>),
}

/// `enum u8 { … }`, `enum flags { … }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnumExpr {
    /// `flags`.
    pub flags: bool,
    /// The tag's type, if written.
    pub backing: Option<ExprId>,
    /// The variants.
    pub variants: Range<Variant>,
    /// Constants and methods.
    pub members: Range<Member>,
}

/// A variant of an enum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variant {
    /// Its name.
    pub name: Ident,
    /// `name: T`.
    pub payload: Option<ExprId>,
    /// `name :: 7`.
    pub value: Option<ExprId>,
    /// The `///` lines before it.
    pub doc: Option<Span>,
}

/// `protocol #inline (T: Type) { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtocolExpr {
    /// `#inline`: function pointers stand in the value.
    pub inline: bool,
    /// Type parameters.
    pub params: Range<Param>,
    /// Each a [`Expr::Func`]; with a body it is a default.
    pub methods: Range<Member>,
}

/// `impl P(args) for T { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImplDecl {
    /// The protocol, with arguments.
    pub protocol: ExprId,
    /// The type.
    pub target: ExprId,
    /// The methods.
    pub members: Range<Member>,
}

/// A name in parentheses: `(x)`, `(*x)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capture {
    /// The name; `_` ignores.
    pub name: Ident,
    /// `*name`.
    pub by_ref: bool,
}

/// `if v := cond { … } else …`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IfExpr {
    /// `inline if`.
    pub inline: bool,
    /// `v :=`.
    pub binding: Option<Ident>,
    /// The condition, or the optional that is tested.
    pub cond: ExprId,
    /// A block, or one statement's expression.
    pub then: ExprId,
    /// What `else` says.
    pub else_: Option<ExprId>,
    /// `if c then a else b`.
    pub then_keyword: bool,
}

/// `if subject == { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MatchExpr {
    /// `inline if`.
    pub inline: bool,
    /// What is matched.
    pub subject: ExprId,
    /// The arms; an `else` arm is last.
    pub arms: Range<Arm>,
}

/// `case p, q: (v) { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arm {
    /// Empty for `else:`. Values, [`Expr::DotName`], [`Expr::RangePat`], types, categories as [`Expr::Name`].
    pub patterns: Range<ExprId>,
    /// The payload's name.
    pub binding: Option<Capture>,
    /// The body; its value is the arm's even with `;`.
    pub body: ExprId,
    /// The whole arm.
    pub span: Span,
}

/// `label: while v := cond { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WhileExpr {
    /// For `break` and `continue`.
    pub label: Option<Ident>,
    /// `v :=`.
    pub binding: Option<Ident>,
    /// The condition.
    pub cond: ExprId,
    /// The body.
    pub body: ExprId,
}

/// `label: for a, 0.. (x, i) { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForExpr {
    /// For `break` and `continue`.
    pub label: Option<Ident>,
    /// `inline for`.
    pub inline: bool,
    /// What is run over, in step.
    pub iters: Range<Iter>,
    /// As many as iterables, or none.
    pub captures: Range<Capture>,
    /// The body.
    pub body: ExprId,
}

/// One iterable of a `for`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Iter {
    /// An array, slice, list, …
    Each(ExprId),
    /// `lo..hi`, `lo..=hi`, `lo<..hi`, `lo..`.
    Range {
        /// First value.
        lo: ExprId,
        /// Last value or one past it; none runs as long as the first iterable.
        hi: Option<ExprId>,
        /// `<..`: starts after `lo`.
        lo_exclusive: bool,
        /// `..=`.
        hi_inclusive: bool,
    },
}

/// `e catch (x) handler`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CatchExpr {
    /// The failable.
    pub operand: ExprId,
    /// The error's name.
    pub binding: Option<Ident>,
    /// An expression or block; for `catch (e) == { … }` an [`Expr::Match`] on the binding's name.
    pub handler: ExprId,
}

/// `base[lo..hi]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SliceExpr {
    /// What is sliced.
    pub base: ExprId,
    /// Start, if written.
    pub lo: Option<ExprId>,
    /// End, if written.
    pub hi: Option<ExprId>,
    /// `<` before the dots.
    pub lo_exclusive: bool,
    /// `=` after the dots.
    pub hi_inclusive: bool,
}

/// `asm volatile { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AsmExpr {
    /// `volatile`.
    pub volatile: bool,
    /// The template; several literals are joined by newlines by the parser.
    pub template: StrId,
    /// Inputs and outputs in order.
    pub operands: Range<AsmOperand>,
    /// Names inside `clobbers( )`.
    pub clobbers: Range<Ident>,
}

/// One operand of an `asm` block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AsmOperand {
    /// `[name]`.
    pub name: Option<Ident>,
    /// The constraint string.
    pub constraint: StrId,
    /// What it stands for.
    pub kind: AsmKind,
}

/// What an `asm` operand stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsmKind {
    /// `-> T`: an output value.
    Value(ExprId),
    /// `-> @place`: an output into a place.
    Place(ExprId),
    /// `= expr`: an input, or a function's symbol.
    Input(ExprId),
}

/// `#import c { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CImport {
    /// Its directives.
    pub items: Range<CItem>,
}

/// A directive inside `#import c`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CItem {
    /// `#include "x.h"`.
    Include(StrId),
    /// `#source "x.c"`.
    Source(StrId),
    /// `#library "x"`.
    Library(StrId),
    /// `#define NAME "value"`.
    Define(Ident, Option<StrId>),
}

/// `test "name" { … }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TestDecl {
    /// Its name.
    pub name: StrId,
    /// Its body, a block.
    pub body: ExprId,
}
