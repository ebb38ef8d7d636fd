//! A text as tokens, bracketed groups, statements and declarations: ranges that can be taken out and put elsewhere.

use std::ops::Range;
use sx_syntax::lexer::lex;
use sx_syntax::token::{NO_PAIR, Tok, Tokens};

/// A text with its tokens.
pub struct Pieces<'a> {
    /// The text.
    pub text: &'a str,
    tokens: Tokens,
}

impl<'a> Pieces<'a> {
    /// Takes a text apart.
    pub fn new(text: &'a str) -> Pieces<'a> {
        let (tokens, _) = lex(text);
        Pieces { text, tokens }
    }
    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.kinds.iter().position(|&kind| kind == Tok::Eof).unwrap_or(self.tokens.kinds.len())
    }
    /// True without any token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// What a token is.
    pub fn kind(&self, token: usize) -> Tok {
        self.tokens.kinds[token]
    }
    /// The bytes of some tokens, with what is between them.
    pub fn bytes(&self, tokens: Range<usize>) -> Range<usize> {
        if tokens.is_empty() {
            let at = self.tokens.starts.get(tokens.start).map_or(self.text.len(), |&at| at as usize);
            return at..at;
        }
        self.tokens.starts[tokens.start] as usize..self.tokens.ends[tokens.end - 1] as usize
    }
    /// The text of some tokens.
    pub fn slice(&self, tokens: Range<usize>) -> &'a str {
        &self.text[self.bytes(tokens)]
    }
    /// The token after the one that closes the bracket at `token`; the next one for what opens nothing.
    fn over(&self, token: usize) -> usize {
        match self.tokens.pairs.get(token) {
            Some(&pair) if pair != NO_PAIR && (pair as usize) >= token => pair as usize + 1,
            _ => token + 1,
        }
    }
    /// Every bracketed group, with its brackets.
    pub fn groups(&self) -> Vec<Range<usize>> {
        let opens = |kind| matches!(kind, Tok::LParen | Tok::LBracket | Tok::LBrace);
        (0..self.len()).filter(|&at| opens(self.kind(at))).map(|at| at..self.over(at)).collect()
    }
    /// Runs of tokens that end at a `;` or with a block, within `range`.
    fn runs(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut start = range.start;
        let mut at = range.start;
        while at < range.end {
            let next = self.over(at).min(range.end);
            let ends = match self.kind(at) {
                Tok::Semi => true,
                Tok::LBrace => !matches!(
                    self.tokens.kinds.get(next),
                    Some(Tok::Else | Tok::Semi | Tok::Dot | Tok::RParen | Tok::Comma | Tok::Catch | Tok::Or)
                ),
                _ => false,
            };
            if ends {
                out.push(start..next);
                start = next;
            }
            at = next;
        }
        if start < range.end {
            out.push(start..range.end);
        }
        out
    }
    /// Declarations of the module.
    pub fn declarations(&self) -> Vec<Range<usize>> {
        self.runs(0..self.len())
    }
    /// Statements, fields, cases: what stands in braces, as whole runs.
    pub fn statements(&self) -> Vec<Range<usize>> {
        let braces = self.groups().into_iter().filter(|group| self.kind(group.start) == Tok::LBrace);
        braces
            .filter(|group| group.len() > 2)
            .flat_map(|group| self.runs(group.start + 1..group.end - 1))
            .collect()
    }
    /// Primary expressions with what follows them: a name or literal, calls, indices and fields.
    pub fn operands(&self) -> Vec<Range<usize>> {
        let begins = |at: usize| {
            let kind = self.kind(at);
            let after = at.checked_sub(1).map(|before| self.kind(before));
            (kind.is_name() || (kind >= Tok::Int && kind <= Tok::RawStr) || kind == Tok::LParen)
                && !matches!(after, Some(Tok::Dot | Tok::QDot))
        };
        (0..self.len()).filter(|&at| begins(at)).map(|at| at..self.chain(at)).collect()
    }
    fn chain(&self, start: usize) -> usize {
        let mut at = self.over(start);
        while at < self.len() {
            at = match self.kind(at) {
                Tok::LParen | Tok::LBracket => self.over(at),
                Tok::Dot | Tok::QDot if at + 1 < self.len() => self.over(at + 1),
                Tok::Bang => at + 1,
                _ => break,
            };
        }
        at.min(self.len())
    }
}
