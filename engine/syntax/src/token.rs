//! Token kinds and the compact arrays that hold a file's tokens.

use crate::span::Span;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident $show:literal,)*) => {
        /// What a token is. The order matters: words, keywords, directives and literals are ranges of it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Tok { $($(#[$doc])* $name,)* }
        impl Tok {
            /// How many kinds there are.
            pub const COUNT: usize = [$(Tok::$name,)*].len();
            /// How messages name it.
            pub fn describe(self) -> &'static str {
                match self { $(Tok::$name => $show,)* }
            }
        }
    };
}

tokens! {
    /// After the last token, several times.
    Eof "the end of the file",
    /// Text that is no token; reported already.
    Error "an invalid token",
    // Words that can name things.
    Ident "a name",
    RawIdent "a name",
    Flags "`flags`",
    Volatile "`volatile`",
    Clobbers "`clobbers`",
    Test "`test`",
    Tuple "`Tuple`",
    Closure "`Closure`",
    // Reserved type spellings.
    Prim "a type",
    // Keywords.
    If "`if`",
    Else "`else`",
    Then "`then`",
    While "`while`",
    For "`for`",
    Break "`break`",
    Continue "`continue`",
    Return "`return`",
    Defer "`defer`",
    OnFail "`onfail`",
    Raise "`raise`",
    Try "`try`",
    Catch "`catch`",
    ErrorKw "`error`",
    Case "`case`",
    Enum "`enum`",
    Struct "`struct`",
    Union "`union`",
    Protocol "`protocol`",
    Impl "`impl`",
    Push "`push`",
    Inline "`inline`",
    Ufcs "`ufcs`",
    In "`in`",
    And "`and`",
    Or "`or`",
    Autocast "`xx`",
    Cast "`cast`",
    Asm "`asm`",
    Extern "`extern`",
    Export "`export`",
    Abi "`abi`",
    Null "`null`",
    True "`true`",
    False "`false`",
    // Literals.
    Int "an integer",
    Float "a number",
    Char "a character",
    Str "a string",
    RawStr "a string",
    Undef "`---`",
    // Brackets.
    LParen "`(`",
    RParen "`)`",
    LBracket "`[`",
    RBracket "`]`",
    LBrace "`{`",
    RBrace "`}`",
    // Punctuation.
    Comma "`,`",
    Semi "`;`",
    Colon "`:`",
    ColonColon "`::`",
    ColonEq "`:=`",
    Dot "`.`",
    DotDot "`..`",
    DotDotEq "`..=`",
    DotDotLt "`..<`",
    LtDotDot "`<..`",
    LtDotDotEq "`<..=`",
    LtDotDotLt "`<..<`",
    EqDotDot "`=..`",
    EqDotDotEq "`=..=`",
    EqDotDotLt "`=..<`",
    QDot "`?.`",
    QQ "`??`",
    Question "`?`",
    Arrow "`->`",
    FatArrow "`=>`",
    Bang "`!`",
    At "`@`",
    Dollar "`$`",
    Tilde "`~`",
    Plus "`+`",
    Minus "`-`",
    Star "`*`",
    Slash "`/`",
    Percent "`%`",
    Amp "`&`",
    Bar "`|`",
    Caret "`^`",
    Shl "`<<`",
    Shr "`>>`",
    EqEq "`==`",
    BangEq "`!=`",
    Lt "`<`",
    Gt "`>`",
    LtEq "`<=`",
    GtEq "`>=`",
    Pipe "`|>`",
    Eq "`=`",
    PlusEq "`+=`",
    MinusEq "`-=`",
    StarEq "`*=`",
    SlashEq "`/=`",
    PercentEq "`%=`",
    AmpEq "`&=`",
    BarEq "`|=`",
    CaretEq "`^=`",
    ShlEq "`<<=`",
    ShrEq "`>>=`",
    // Directives.
    DImport "`#import`",
    DInclude "`#include`",
    DSource "`#source`",
    DLibrary "`#library`",
    DDefine "`#define`",
    DRun "`#run`",
    DInsert "`#insert`",
    DBuiltin "`#builtin`",
    DInline "`#inline`",
    DGet "`#get`",
    DSet "`#set`",
    DAssert "`#assert`",
    DUsing "`#using`",
    DPacked "`#packed`",
    DAlign "`#align`",
    DCallerLocation "`#caller_location`",
}

impl Tok {
    /// An identifier, with a backtick or not, or a word that is a keyword only in one place.
    #[inline]
    pub fn is_name(self) -> bool {
        self >= Tok::Ident && self <= Tok::Closure
    }
    /// Anything made of letters: names, reserved type spellings, keywords.
    #[inline]
    pub fn is_word(self) -> bool {
        self >= Tok::Ident && self <= Tok::False
    }
    /// A keyword.
    #[inline]
    pub fn is_keyword(self) -> bool {
        self >= Tok::If && self <= Tok::False
    }
    /// `..` with any markers.
    #[inline]
    pub fn is_range(self) -> bool {
        self >= Tok::DotDot && self <= Tok::EqDotDotLt
    }
    /// `==`, `<`, … — the comparisons that can be chained.
    #[inline]
    pub fn is_comparison(self) -> bool {
        (self >= Tok::EqEq && self <= Tok::GtEq) || self == Tok::In
    }
    /// True where an expression can begin with this token.
    pub fn starts_expr(self) -> bool {
        use Tok::*;
        match self {
            If | While | For | Break | Continue | Return | Raise | Try | ErrorKw | Enum | Struct | Union
            | Protocol | Push | Inline | Ufcs | Autocast | Cast | Asm | Null | True | False => true,
            LParen | LBracket | LBrace | Dot | Question | QQ | Bang | At | Dollar | Tilde | Minus | Star => {
                true
            }
            DImport | DLibrary | DRun | DInsert | DCallerLocation => true,
            _ => self.is_name() || self == Prim || (self >= Int && self <= Undef),
        }
    }
    /// True for keywords and directives that can only begin a statement, so that recovery may stop there.
    pub fn starts_stmt(self) -> bool {
        use Tok::*;
        matches!(
            self,
            If | While
                | For
                | Break
                | Continue
                | Return
                | Defer
                | OnFail
                | Raise
                | Impl
                | Push
                | DImport
                | DRun
                | DInsert
                | DAssert
                | DUsing
        )
    }
}

/// A comment's form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CommentKind {
    /// `// …`
    Line,
    /// `/// …`
    Doc,
    /// `/* … */`
    Block,
    /// `#!…` on the first line.
    Shebang,
}

/// A comment; the tree has none, so the file lists them for the formatter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comment {
    /// From its first to its last character, without the line's end.
    pub span: Span,
    /// Its form.
    pub kind: CommentKind,
}

/// The partner of a bracket that has none.
pub const NO_PAIR: u32 = u32::MAX;

/// A file's tokens as parallel arrays, ended by [`Tok::Eof`] more than once so that looking ahead is safe.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Kinds.
    pub kinds: Vec<Tok>,
    /// First bytes.
    pub starts: Vec<u32>,
    /// One past the last bytes.
    pub ends: Vec<u32>,
    /// For an opening bracket the index of its closing one, else [`NO_PAIR`].
    pub pairs: Vec<u32>,
    /// Doc comments: the token that they stand before, and their place.
    pub docs: Vec<(u32, Span)>,
    /// Every comment, docs included, in order.
    pub comments: Vec<Comment>,
    /// Byte offsets where lines start.
    pub line_starts: Vec<u32>,
}
