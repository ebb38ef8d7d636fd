//! What may be broken over lines together: brackets and chains of operators, as ranges of tokens.

use super::roles::{Marks, Roles};
use crate::source::File;
use crate::token::{CommentKind, NO_PAIR, Tok, Tokens};

/// How a group is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Braces around items, each on its own line.
    Block,
    /// Brackets around elements with commas, each on its own line.
    List,
    /// As a list, but with as many elements on a line as find room.
    Fill,
    /// An expression, before its operators.
    Chain,
}

/// Tokens that are laid out on one line, or broken at all their own places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// First token.
    pub start: usize,
    /// Last token.
    pub end: usize,
    pub kind: Kind,
    /// Broken whatever its width.
    pub forced: bool,
}

/// A place where a line may be broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Soft {
    #[default]
    No,
    /// Before an element or operator.
    Inner,
    /// Before the closing bracket.
    Closing,
}

/// The groups of a file and the places where they break.
pub(super) struct Groups {
    /// Outer before inner, in source order.
    pub all: Vec<Group>,
    /// By token: whether a line may be broken before it.
    pub soft: Vec<Soft>,
    /// By token: the innermost group that the gap before it belongs to.
    pub owner: Vec<Option<u32>>,
    /// By token: the comments before it, as a range of the file's.
    pub comments: Vec<(u32, u32)>,
}

impl Groups {
    pub fn of(file: &File, tokens: &Tokens, roles: &Roles) -> Groups {
        let count = tokens.kinds.len();
        let mut groups = Groups {
            all: Vec::new(),
            soft: vec![Soft::No; count],
            owner: vec![None; count],
            comments: vec![(0, 0); count],
        };
        groups.brackets(file, tokens);
        let chain = |&(start, end): &(usize, usize)| Group { start, end, kind: Kind::Chain, forced: false };
        groups.all.extend(roles.chains.iter().map(chain));
        groups.all.sort_by_key(|g| (g.start, std::cmp::Reverse(g.end), g.kind == Kind::Chain));
        groups.find_soft(tokens, roles);
        groups.find_owners();
        groups.place_comments(file, tokens);
        groups
    }

    /// Breaks these groups from now on.
    pub fn force(&mut self, which: &[usize]) {
        for &group in which {
            self.all[group].forced = true;
        }
    }

    fn brackets(&mut self, file: &File, tokens: &Tokens) {
        for (open, &kind) in tokens.kinds.iter().enumerate() {
            let close = tokens.pairs[open];
            if close == NO_PAIR || close as usize == open + 1 && !has_comment(file, tokens, open + 1) {
                continue;
            }
            let close = close as usize;
            let before = if open == 0 { Tok::Eof } else { tokens.kinds[open - 1] };
            let kind = match (kind, before) {
                (Tok::LParen, _) => Kind::List,
                (Tok::LBracket, Tok::Dot) if only_numbers(&tokens.kinds[open + 1..close]) => Kind::Fill,
                (Tok::LBracket, Tok::Dot) | (Tok::LBrace, Tok::Dot | Tok::ErrorKw) => Kind::List,
                (Tok::LBrace, _) => Kind::Block,
                _ => continue,
            };
            let line_breaks = |from: usize, to: usize| {
                file.text[tokens.ends[from] as usize..tokens.starts[to] as usize].contains('\n')
            };
            let forced = match (kind, tokens.kinds[open]) {
                (Kind::Block, _) => line_breaks(open, close),
                (_, Tok::LParen) => false,
                _ => line_breaks(open, open + 1),
            };
            self.all.push(Group { start: open, end: close, kind, forced });
        }
    }

    fn find_soft(&mut self, tokens: &Tokens, roles: &Roles) {
        let mut open: Vec<(Group, bool)> = Vec::new();
        let mut next = 0;
        for i in 0..tokens.kinds.len() {
            while let Some((group, _)) = open.last()
                && group.end < i
            {
                open.pop();
            }
            if let Some(&(group, assembly)) = open.last() {
                let first = i == group.start + 1;
                self.soft[i] = match group.kind {
                    _ if i == group.end => Soft::Closing,
                    _ if first => Soft::Inner,
                    // Inside of brackets that don't make a group.
                    _ if !directly_inside(tokens, group.start, i) => Soft::No,
                    Kind::Block => {
                        let directive = matches!(
                            tokens.kinds[i],
                            Tok::DInclude | Tok::DSource | Tok::DLibrary | Tok::DDefine
                        );
                        let operand = assembly && tokens.kinds[i - 1] == Tok::Comma;
                        let item = roles.get(i).has(Marks::ITEM) || operand;
                        if item || (directive && tokens.kinds[i - 1] == Tok::Semi) {
                            Soft::Inner
                        } else {
                            Soft::No
                        }
                    }
                    _ if tokens.kinds[i - 1] == Tok::Comma => Soft::Inner,
                    _ => Soft::No,
                };
            } else if roles.get(i).has(Marks::ITEM) || tokens.kinds[i] == Tok::Eof {
                self.soft[i] = Soft::Inner;
            }
            if roles.get(i).has(Marks::BREAK) {
                self.soft[i] = Soft::Inner;
            }
            while let Some(group) = self.all.get(next).filter(|g| g.start == i) {
                if group.kind != Kind::Chain {
                    let before = if i == 0 { Tok::Eof } else { tokens.kinds[i - 1] };
                    open.push((*group, matches!(before, Tok::Asm | Tok::Volatile)));
                }
                next += 1;
            }
        }
    }

    fn find_owners(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        let mut next = 0;
        for i in 0..self.soft.len() {
            while let Some(&group) = open.last()
                && self.all[group].end < i
            {
                open.pop();
            }
            self.owner[i] = open.last().map(|&group| group as u32);
            while self.all.get(next).is_some_and(|g| g.start == i) {
                open.push(next);
                next += 1;
            }
        }
    }

    /// Sorts comments into the gaps, and breaks the groups in which a comment needs a line's end.
    fn place_comments(&mut self, file: &File, tokens: &Tokens) {
        let mut at = 0;
        for i in 0..tokens.kinds.len() {
            let from = at;
            while file
                .comments
                .get(at)
                .is_some_and(|c| c.span.lo < tokens.starts[i] || tokens.kinds[i] == Tok::Eof)
            {
                at += 1;
            }
            self.comments[i] = (from as u32, at as u32);
            if from == at {
                continue;
            }
            let start = if i == 0 { 0 } else { tokens.ends[i - 1] as usize };
            let gap = &file.text[start..tokens.starts[i] as usize];
            let needs_line = file.comments[from..at].iter().any(|c| c.kind != CommentKind::Block);
            if let Some(owner) = self.owner[i]
                && (needs_line || gap.contains('\n'))
            {
                self.all[owner as usize].forced = true;
            }
        }
    }
}

fn has_comment(file: &File, tokens: &Tokens, token: usize) -> bool {
    let (lo, hi) = (tokens.ends[token - 1], tokens.starts[token]);
    let first = file.comments.partition_point(|c| c.span.lo < lo);
    file.comments.get(first).is_some_and(|c| c.span.lo < hi)
}

/// True when no bracket opens between token `open` and token `i`.
fn directly_inside(tokens: &Tokens, open: usize, i: usize) -> bool {
    // Groups are met from the inside out, so only brackets without a group can be in between: indices and array
    // types, which are short. Look back for one that is still open here.
    let mut at = i;
    while at > open + 1 {
        at -= 1;
        match tokens.kinds[at] {
            Tok::LBracket if tokens.pairs[at] as usize >= i => return false,
            Tok::Semi | Tok::LBrace | Tok::RBrace | Tok::LParen => return true,
            _ => {}
        }
    }
    true
}

fn only_numbers(kinds: &[Tok]) -> bool {
    kinds.len() > 16
        && kinds.iter().all(|k| matches!(k, Tok::Int | Tok::Float | Tok::Char | Tok::Minus | Tok::Comma))
}
