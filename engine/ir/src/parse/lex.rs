//! Words, numbers, texts and signs.

use super::ParseError;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// Letters, digits, `_` and `.`, beginning with a letter or `_`.
    Word(&'a str),
    /// Beginning with a digit, or `-` and a digit.
    Number(&'a str),
    /// What stands between quotes, escapes as written.
    Text(&'a str),
    /// One sign; `->` and `...` are signs too.
    Sign(&'static str),
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(text) | Token::Number(text) => write!(f, "`{text}`"),
            Token::Text(text) => write!(f, "\"{text}\""),
            Token::Sign(text) => write!(f, "`{text}`"),
            Token::End => f.write_str("the end"),
        }
    }
}

pub(super) const SIGNS: &[&str] = &["->", "...", "=", "(", ")", "{", "}", "[", "]", ":", ",", "+", "-", "@"];

pub(super) struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    /// Where the token that was read last begins.
    pub(super) start: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, pos: 0, start: 0 }
    }

    /// An error at a byte offset.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> ParseError {
        let before = &self.text[..at.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        ParseError {
            line: before.matches('\n').count() as u32 + 1,
            col: before[line_start..].chars().count() as u32 + 1,
            message: message.into(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    fn take_while(&mut self, mut keep: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.pos += len;
        &rest[..len]
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, ParseError> {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest().starts_with(';') {
                break;
            }
            self.take_while(|c| c != '\n');
        }
        self.start = self.pos;
        let mut chars = self.rest().chars();
        let Some(first) = chars.next() else { return Ok(Token::End) };
        let second = chars.next();
        if first.is_ascii_digit() || (first == '-' && second.is_some_and(|c| c.is_ascii_digit())) {
            return Ok(Token::Number(self.number()));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Word(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')));
        }
        if first == '"' {
            return self.quoted();
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            Some(sign) => {
                self.pos += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(self.error(self.start, format!("unexpected {first:?}"))),
        }
    }

    fn number(&mut self) -> &'a str {
        let start = self.pos;
        if self.rest().starts_with('-') {
            self.pos += 1;
        }
        let hex = self.rest().starts_with("0x");
        let mut last = ' ';
        self.take_while(|c| {
            let exponent_sign = !hex && (c == '-' || c == '+') && last == 'e';
            last = c;
            c.is_ascii_alphanumeric() || c == '.' || exponent_sign
        });
        &self.text[start..self.pos]
    }

    fn quoted(&mut self) -> Result<Token<'a>, ParseError> {
        self.pos += 1;
        let mut escaped = false;
        let text = self.take_while(|c| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            !end && c != '\n'
        });
        if !self.rest().starts_with('"') {
            return Err(self.error(self.start, "the text has no closing quote"));
        }
        self.pos += 1;
        Ok(Token::Text(text))
    }
}

/// The bytes of a quoted text; none when an escape is wrong.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next()? {
            b'n' => out.push(b'\n'),
            b'\\' => out.push(b'\\'),
            b'"' => out.push(b'"'),
            b'x' => {
                let high = (bytes.next()? as char).to_digit(16)?;
                let low = (bytes.next()? as char).to_digit(16)?;
                out.push((high * 16 + low) as u8);
            }
            _ => return None,
        }
    }
    Some(out)
}
