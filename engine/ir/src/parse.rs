//! Functions and modules from the text that [`crate::print`] makes.
//!
//! Errors are located; nothing panics, whatever the text. What comes out refers only to registers, blocks and
//! lists that exist, but needs [`crate::verify`] all the same: types aren't checked here.

mod atomic;
mod func;
mod lex;
mod module;

use crate::func::*;
use crate::ids::*;
use lex::{Lexer, Token};
use std::fmt;

pub use module::parse_module;

/// Numbers of registers, blocks and other table entries stay below this.
pub const MAX_ENTRIES: u32 = 1 << 20;

/// What is wrong with a text, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub col: u32,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.col, self.message)
    }
}

impl std::error::Error for ParseError {}

type Result<T> = std::result::Result<T, ParseError>;

/// One function from its text, with the id that it has there.
///
/// # Errors
/// When the text isn't exactly one function.
pub fn parse_func(text: &str) -> Result<(FuncId, Func)> {
    let mut parser = Parser::new(text)?;
    let id = FuncId(parser.id("fn")?);
    parser.sign("=")?;
    parser.word("func")?;
    let func = func::func(&mut parser)?;
    parser.end()?;
    Ok((id, func))
}

/// One token of lookahead over the text.
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Where `token` begins.
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Parser<'a>> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next()?;
        let at = lexer.start;
        Ok(Parser { lexer, token, at })
    }

    fn advance(&mut self) -> Result<Token<'a>> {
        let token = self.token;
        self.token = self.lexer.next()?;
        self.at = self.lexer.start;
        Ok(token)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(self.lexer.error(self.at, message))
    }

    fn expected<T>(&self, what: &str) -> Result<T> {
        self.fail(format!("expected {what}, found {}", self.token))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(found) if found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        self.token == Token::Word(word)
    }

    fn eat_sign(&mut self, sign: &str) -> Result<bool> {
        let found = self.is_sign(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn eat_word(&mut self, word: &str) -> Result<bool> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn sign(&mut self, sign: &str) -> Result<()> {
        if self.eat_sign(sign)? { Ok(()) } else { self.expected(&format!("`{sign}`")) }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word)? { Ok(()) } else { self.expected(&format!("`{word}`")) }
    }

    fn end(&mut self) -> Result<()> {
        if self.token == Token::End { Ok(()) } else { self.expected("the end") }
    }

    fn any_word(&mut self, what: &str) -> Result<&'a str> {
        match self.token {
            Token::Word(word) => {
                self.advance()?;
                Ok(word)
            }
            _ => self.expected(what),
        }
    }

    fn text(&mut self) -> Result<Vec<u8>> {
        let Token::Text(text) = self.token else { return self.expected("a text in quotes") };
        let Some(bytes) = lex::unescape(text) else { return self.fail("an escape is wrong in this text") };
        self.advance()?;
        Ok(bytes)
    }

    fn name(&mut self) -> Result<String> {
        let at = self.at;
        String::from_utf8(self.text()?).map_err(|_| self.lexer.error(at, "the name isn't UTF-8"))
    }

    fn int<T: TryFrom<i128>>(&mut self) -> Result<T> {
        let Token::Number(text) = self.token else { return self.expected("a number") };
        let Some(value) = integer(text).and_then(|value| T::try_from(value).ok()) else {
            return self.fail(format!("{text} doesn't fit here"));
        };
        self.advance()?;
        Ok(value)
    }

    /// The number of an id like `r7`, if one comes next.
    fn peek_id(&self, prefix: &str) -> Option<u32> {
        let Token::Word(word) = self.token else { return None };
        let digits = word.strip_prefix(prefix)?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    }

    fn id(&mut self, prefix: &str) -> Result<u32> {
        match self.peek_id(prefix) {
            Some(n) if n >= MAX_ENTRIES => self.fail(format!("{prefix}{n} is beyond {MAX_ENTRIES}")),
            Some(n) => {
                self.advance()?;
                Ok(n)
            }
            None => self.expected(&format!("{prefix} and a number")),
        }
    }

    fn eat_id(&mut self, prefix: &str) -> Result<Option<u32>> {
        if self.peek_id(prefix).is_some() { self.id(prefix).map(Some) } else { Ok(None) }
    }

    /// The id that a table's next entry must have.
    fn entry(&mut self, prefix: &str, next: usize) -> Result<()> {
        let at = self.at;
        let id = self.id(prefix)?;
        if id as usize != next {
            return Err(self.lexer.error(at, format!("expected {prefix}{next}, found {prefix}{id}")));
        }
        Ok(())
    }

    fn ty(&mut self) -> Result<Ty> {
        let at = self.at;
        let word = self.any_word("a type")?;
        Ty::from_word(word).ok_or_else(|| self.lexer.error(at, format!("no such type: {word}")))
    }

    fn tys(&mut self) -> Result<Vec<Ty>> {
        let mut tys = Vec::new();
        self.sign("(")?;
        while !self.eat_sign(")")? {
            if !tys.is_empty() {
                self.sign(",")?;
            }
            tys.push(self.ty()?);
        }
        Ok(tys)
    }

    /// `+ 8`, `- 8` or nothing.
    fn offset(&mut self) -> Result<i64> {
        if self.eat_sign("+")? {
            return self.int();
        }
        if self.eat_sign("-")? {
            let at = self.at;
            let value: i128 = self.int()?;
            return i64::try_from(-value).map_err(|_| self.lexer.error(at, "the offset is too large"));
        }
        Ok(0)
    }
}

/// A decimal or hexadecimal integer.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()? as i128,
        None => digits.parse::<u64>().ok()? as i128,
    };
    Some(sign * value)
}

#[cfg(test)]
mod tests;
