//! Bytes to tokens.
//!
//! One pass over the file makes everything the parser needs besides the text: kinds and places of tokens, the
//! partner of every bracket (so that telling a lambda from a group is one look-up), comments, doc comments and
//! the line table. Literals are only delimited here; `literal` gives them their values when the parser asks.

pub(crate) mod literal;
mod text;
mod words;

pub use words::prim;

use crate::diag::{Code, Diagnostic};
use crate::span::{FileId, Loc, Span};
use crate::token::{NO_PAIR, Tok, Tokens};

/// What a byte can begin or belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Other,
    Space,
    Newline,
    Letter,
    Digit,
}

static CLASS: [Class; 256] = {
    let mut table = [Class::Other; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b' ' | b'\t' | b'\r' => Class::Space,
            b'\n' => Class::Newline,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            _ => Class::Other,
        };
        i += 1;
    }
    table
};

/// True for a byte that continues a word.
#[inline]
pub(crate) fn is_word_byte(byte: u8) -> bool {
    CLASS[byte as usize] as u8 >= Class::Letter as u8
}

/// The file id that diagnostics of a lone file carry.
pub(crate) const FILE: FileId = FileId(0);

/// Splits a text into tokens. What isn't a token is reported and stands as [`Tok::Error`].
pub fn lex(text: &str) -> (Tokens, Vec<Diagnostic>) {
    let mut lexer = Lexer::new(text);
    lexer.run();
    (lexer.out, lexer.diags)
}

struct Lexer<'a> {
    src: &'a [u8],
    text: &'a str,
    at: usize,
    out: Tokens,
    diags: Vec<Diagnostic>,
    /// Brackets that are still open: index of their tokens.
    open: Vec<u32>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Lexer<'a> {
        let guess = text.len() / 3 + 8;
        let out = Tokens {
            kinds: Vec::with_capacity(guess),
            starts: Vec::with_capacity(guess),
            ends: Vec::with_capacity(guess),
            pairs: Vec::with_capacity(guess),
            line_starts: Vec::with_capacity(text.len() / 28 + 2),
            ..Tokens::default()
        };
        Lexer { src: text.as_bytes(), text, at: 0, out, diags: Vec::new(), open: Vec::new() }
    }

    #[inline]
    fn byte(&self, ahead: usize) -> u8 {
        self.src.get(self.at + ahead).copied().unwrap_or(0)
    }

    #[inline]
    fn push(&mut self, kind: Tok, start: usize, end: usize) {
        self.out.kinds.push(kind);
        self.out.starts.push(start as u32);
        self.out.ends.push(end as u32);
        self.out.pairs.push(NO_PAIR);
    }

    fn error(&mut self, code: Code, start: usize, end: usize, message: impl Into<String>) -> &mut Diagnostic {
        let loc = Loc::new(FILE, Span::new(start as u32, end as u32));
        self.diags.push(Diagnostic::error(code, loc, message));
        self.diags.last_mut().expect("just pushed")
    }

    fn run(&mut self) {
        self.out.line_starts.push(0);
        if self.src.starts_with("\u{feff}".as_bytes()) {
            self.at = 3;
        }
        if self.src[self.at..].starts_with(b"#!") {
            self.shebang();
        }
        while let Some(&byte) = self.src.get(self.at) {
            match CLASS[byte as usize] {
                Class::Space => self.at += 1,
                Class::Newline => {
                    self.at += 1;
                    self.out.line_starts.push(self.at as u32);
                }
                Class::Letter => self.word(),
                Class::Digit => self.number(),
                Class::Other => self.symbol(byte),
            }
        }
        let end = self.src.len();
        for _ in 0..8 {
            self.push(Tok::Eof, end, end);
        }
    }

    #[inline]
    fn word(&mut self) {
        let start = self.at;
        let mut end = start + 1;
        while end < self.src.len() && is_word_byte(self.src[end]) {
            end += 1;
        }
        let kind = words::kind(self.src, start, end);
        self.push(kind, start, end);
        self.at = end;
    }

    /// Where the run of word bytes from `from` ends.
    fn word_end(&self, from: usize) -> usize {
        from + self.src[from..].iter().take_while(|&&b| is_word_byte(b)).count()
    }

    /// A number up to where letters and digits end. Whether its digits fit its base is the parser's question.
    fn number(&mut self) {
        let start = self.at;
        let mut end = start;
        let mut kind = Tok::Int;
        let digits = |mut i: usize| {
            while i < self.src.len() && (self.src[i].is_ascii_digit() || self.src[i] == b'_') {
                i += 1;
            }
            i
        };
        let get = |i: usize| self.src.get(i).copied().unwrap_or(0);
        let after_dot = matches!(self.out.kinds.last(), Some(Tok::Dot | Tok::QDot));
        let based = get(start) == b'0' && matches!(get(start + 1), b'x' | b'b' | b'o');
        if !based {
            end = digits(end);
            if !after_dot {
                if get(end) == b'.' && get(end + 1).is_ascii_digit() {
                    kind = Tok::Float;
                    end = digits(end + 1);
                }
                if matches!(get(end), b'e' | b'E') {
                    let sign = usize::from(matches!(get(end + 1), b'+' | b'-'));
                    if get(end + 1 + sign).is_ascii_digit() {
                        kind = Tok::Float;
                        end = digits(end + 1 + sign);
                    }
                }
            }
        }
        end = self.word_end(end);
        self.push(kind, start, end);
        self.at = end;
    }

    /// Pushes a token of `len` bytes.
    #[inline]
    fn sym(&mut self, kind: Tok, len: usize) {
        self.push(kind, self.at, self.at + len);
        self.at += len;
    }

    /// `x` or `x=`.
    #[inline]
    fn sym_eq(&mut self, plain: Tok, with_eq: Tok) {
        if self.byte(1) == b'=' { self.sym(with_eq, 2) } else { self.sym(plain, 1) }
    }

    fn symbol(&mut self, byte: u8) {
        match byte {
            b'(' => self.open(Tok::LParen),
            b'[' => self.open(Tok::LBracket),
            b'{' => self.open(Tok::LBrace),
            b')' => self.close(Tok::RParen, Tok::LParen),
            b']' => self.close(Tok::RBracket, Tok::LBracket),
            b'}' => self.close(Tok::RBrace, Tok::LBrace),
            b',' => self.sym(Tok::Comma, 1),
            b';' => self.sym(Tok::Semi, 1),
            b'.' => self.dot(),
            b':' => match self.byte(1) {
                b':' => self.sym(Tok::ColonColon, 2),
                b'=' => self.sym(Tok::ColonEq, 2),
                _ => self.sym(Tok::Colon, 1),
            },
            b'=' => match self.byte(1) {
                b'=' => self.sym(Tok::EqEq, 2),
                b'>' => self.sym(Tok::FatArrow, 2),
                b'.' if self.byte(2) == b'.' => {
                    self.range([Tok::EqDotDot, Tok::EqDotDotEq, Tok::EqDotDotLt], 3)
                }
                _ => self.sym(Tok::Eq, 1),
            },
            b'<' => match (self.byte(1), self.byte(2)) {
                (b'.', b'.') => self.range([Tok::LtDotDot, Tok::LtDotDotEq, Tok::LtDotDotLt], 3),
                (b'<', b'=') => self.sym(Tok::ShlEq, 3),
                (b'<', _) => self.sym(Tok::Shl, 2),
                _ => self.sym_eq(Tok::Lt, Tok::LtEq),
            },
            b'>' => match (self.byte(1), self.byte(2)) {
                (b'>', b'=') => self.sym(Tok::ShrEq, 3),
                (b'>', _) => self.sym(Tok::Shr, 2),
                _ => self.sym_eq(Tok::Gt, Tok::GtEq),
            },
            b'+' => self.sym_eq(Tok::Plus, Tok::PlusEq),
            b'-' => match (self.byte(1), self.byte(2)) {
                (b'-', b'-') => self.sym(Tok::Undef, 3),
                (b'>', _) => self.sym(Tok::Arrow, 2),
                _ => self.sym_eq(Tok::Minus, Tok::MinusEq),
            },
            // `p.*= 1` stores through `p`, it doesn't multiply.
            b'*' if self.out.kinds.last() == Some(&Tok::Dot) => self.sym(Tok::Star, 1),
            b'*' => self.sym_eq(Tok::Star, Tok::StarEq),
            b'/' => match self.byte(1) {
                b'/' => self.line_comment(),
                b'*' => self.block_comment(),
                _ => self.sym_eq(Tok::Slash, Tok::SlashEq),
            },
            b'%' => self.sym_eq(Tok::Percent, Tok::PercentEq),
            b'&' => self.sym_eq(Tok::Amp, Tok::AmpEq),
            b'|' if self.byte(1) == b'>' => self.sym(Tok::Pipe, 2),
            b'|' => self.sym_eq(Tok::Bar, Tok::BarEq),
            b'^' => self.sym_eq(Tok::Caret, Tok::CaretEq),
            b'!' => self.sym_eq(Tok::Bang, Tok::BangEq),
            b'?' => match (self.byte(1), self.byte(2)) {
                (b'?', _) => self.sym(Tok::QQ, 2),
                (b'.', next) if next != b'.' => self.sym(Tok::QDot, 2),
                _ => self.sym(Tok::Question, 1),
            },
            b'~' => self.sym(Tok::Tilde, 1),
            b'@' => self.sym(Tok::At, 1),
            b'$' => self.sym(Tok::Dollar, 1),
            b'"' => self.string(),
            b'\'' => self.character(),
            b'#' => self.directive(),
            b'`' => self.raw_name(),
            _ => self.invalid(),
        }
    }

    fn dot(&mut self) {
        if self.byte(1) == b'.' {
            self.range([Tok::DotDot, Tok::DotDotEq, Tok::DotDotLt], 2);
        } else {
            self.sym(Tok::Dot, 1);
        }
    }

    /// `..` of `len` bytes with its leading marker; a trailing `=` or `<` belongs to it, but not that of `=>`.
    fn range(&mut self, [plain, with_eq, with_lt]: [Tok; 3], len: usize) {
        match (self.byte(len), self.byte(len + 1)) {
            (b'=', b'>') => self.sym(plain, len),
            (b'=', _) => self.sym(with_eq, len + 1),
            (b'<', _) => self.sym(with_lt, len + 1),
            _ => self.sym(plain, len),
        }
    }

    fn open(&mut self, kind: Tok) {
        self.open.push(self.out.kinds.len() as u32);
        self.sym(kind, 1);
    }

    /// Pairs a closing bracket with its partner. Braces outrank the others: a `}` closes over forgotten `(` and
    /// `[`, while a stray `)` or `]` never closes a brace.
    fn close(&mut self, kind: Tok, partner: Tok) {
        let index = self.out.kinds.len() as u32;
        let found = self.open.iter().rposition(|&open| {
            let open = self.out.kinds[open as usize];
            open == partner || (open == Tok::LBrace && partner != Tok::LBrace)
        });
        if let Some(at) = found
            && self.out.kinds[self.open[at] as usize] == partner
        {
            self.out.pairs[self.open[at] as usize] = index;
            self.open.truncate(at);
        }
        self.sym(kind, 1);
    }

    fn directive(&mut self) {
        let start = self.at;
        let end = self.word_end(start + 1);
        let word = &self.src[start + 1..end];
        if word == b"string" {
            return self.raw_string(end);
        }
        let kind = words::directive(word).unwrap_or_else(|| {
            let name = &self.text[start..end];
            let diag = self.error(Code::E0013, start, end, format!("unknown directive `{name}`"));
            if name == "#if" || name == "#else" {
                diag.helps.push("what is decided at compile time is written `inline if`".into());
            }
            Tok::Error
        });
        self.push(kind, start, end);
        self.at = end;
    }

    fn raw_name(&mut self) {
        let start = self.at;
        let end = self.word_end(start + 1);
        let first = self.src.get(start + 1).copied().unwrap_or(0);
        if CLASS[first as usize] == Class::Letter {
            self.push(Tok::RawIdent, start, end);
        } else {
            self.error(Code::E0011, start, start + 1, "a backtick must be followed by a name");
            self.push(Tok::Error, start, end);
        }
        self.at = end;
    }

    /// A run of characters that no token begins with.
    fn invalid(&mut self) {
        let start = self.at;
        let mut end = start;
        for c in self.text[start..].chars() {
            if c.is_ascii() && !(end == start || c.is_ascii_control() && !c.is_ascii_whitespace()) {
                break;
            }
            if !c.is_ascii() && c.is_whitespace() && end > start {
                break;
            }
            end += c.len_utf8();
            if end - start > 64 {
                break;
            }
        }
        // Of a string in curly quotes the whole is wrong, and wrong once.
        if self.text[start..].starts_with('“') {
            let line = self.text[start..].lines().next().unwrap_or("");
            end = line.find('”').map_or(end, |n| start + n + '”'.len_utf8());
        }
        let shown = &self.text[start..end];
        let first = shown.chars().next().unwrap_or(' ');
        let message = match first {
            '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{3000}' | '\u{feff}' => {
                "a blank that isn't a plain space".to_string()
            }
            c if c.is_control() => "a control character outside of a string".to_string(),
            '“' => "`“` can't stand here".to_string(),
            _ => format!("`{shown}` can't stand here"),
        };
        let diag = self.error(Code::E0011, start, end, message);
        match first {
            '“' | '”' | '„' => diag.helps.push("strings are written with plain quotes: \"…\"".into()),
            '‘' | '’' => diag.helps.push("characters are written with plain quotes: '…'".into()),
            '–' | '—' | '−' => diag.helps.push("write a plain `-`".into()),
            '\\' => diag.helps.push("a statement may go over several lines as it is".into()),
            c if c.is_alphabetic() => {
                diag.helps.push("names are made of the letters A to Z, digits and `_`".into());
            }
            _ => {}
        }
        self.push(Tok::Error, start, end);
        self.at = end;
    }
}

#[cfg(test)]
mod tests;
