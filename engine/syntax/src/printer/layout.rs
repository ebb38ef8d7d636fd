//! Tokens, groups and comments to text: where lines end and how far they are indented.

use super::groups::{Groups, Kind, Soft};
use super::roles::Roles;
use super::spacing::space_before;
use super::{INDENT, MAX_WIDTH};
use crate::source::File;
use crate::token::{Comment, CommentKind, Tok, Tokens};
use unicode_width::UnicodeWidthStr;

/// A group whose tokens are being written.
struct Open {
    group: usize,
    broken: bool,
    /// Levels of indentation of what stands around it.
    base: usize,
    /// A line was ended at one of its places: what follows is one level deeper.
    indented: bool,
}

impl Open {
    /// Levels of a line that begins inside of it.
    fn level(&self) -> usize {
        self.base + usize::from(self.indented)
    }
}

pub(super) struct Layout<'a> {
    file: &'a File,
    tokens: &'a Tokens,
    roles: &'a Roles<'a>,
    groups: &'a Groups,
    out: String,
    /// Columns of the current line so far.
    column: usize,
    open: Vec<Open>,
    /// The next group to open.
    next: usize,
    /// Blocks and literals that were broken for their width alone.
    newly_broken: Vec<usize>,
}

impl<'a> Layout<'a> {
    pub fn new(file: &'a File, tokens: &'a Tokens, roles: &'a Roles<'a>, groups: &'a Groups) -> Layout<'a> {
        let out = String::with_capacity(file.text.len() + file.text.len() / 8);
        Layout {
            file,
            tokens,
            roles,
            groups,
            out,
            column: 0,
            open: Vec::new(),
            next: 0,
            newly_broken: Vec::new(),
        }
    }

    /// The text, and the groups that will count as broken by the author from now on.
    pub fn run(mut self) -> (String, Vec<usize>) {
        for i in 0..self.tokens.kinds.len() {
            while let Some(open) = self.open.last()
                && self.groups.all[open.group].end < i
            {
                self.open.pop();
            }
            self.gap(i);
            if self.tokens.kinds[i] == Tok::Eof {
                break;
            }
            while self.groups.all.get(self.next).is_some_and(|g| g.start == i) {
                self.open_group();
            }
            self.token(i);
        }
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        (self.out, self.newly_broken)
    }

    // ---- writing ----

    fn text(&self, i: usize) -> &'a str {
        &self.file.text[self.tokens.starts[i] as usize..self.tokens.ends[i] as usize]
    }

    fn write(&mut self, text: &str) {
        match text.rfind('\n') {
            Some(last) => {
                self.out.push_str(&text.replace("\r\n", "\n"));
                self.column = text[last + 1..].width();
            }
            None => {
                self.out.push_str(text);
                self.column += text.width();
            }
        }
    }

    fn at(&self, i: usize, kind: Tok) -> bool {
        self.tokens.kinds[i] == kind
    }

    fn token(&mut self, i: usize) {
        self.write(self.text(i));
    }

    fn newline(&mut self, level: usize, blank: bool) {
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push_str(if blank { "\n\n" } else { "\n" });
        }
        self.out.extend(std::iter::repeat_n(' ', level * INDENT));
        self.column = level * INDENT;
    }

    fn level(&self) -> usize {
        self.open.last().map_or(0, Open::level)
    }

    // ---- groups ----

    fn open_group(&mut self) {
        let group = self.groups.all[self.next];
        let broken = group.forced || !self.fits(group.start, group.end);
        if broken && !group.forced && self.sticks(group.start, group.kind) {
            self.newly_broken.push(self.next);
        }
        let base = self.level();
        self.open.push(Open {
            group: self.next,
            broken,
            base,
            indented: broken && group.kind != Kind::Chain,
        });
        self.next += 1;
    }

    /// True for groups that stay broken once they are.
    fn sticks(&self, start: usize, kind: Kind) -> bool {
        kind == Kind::Block || (kind != Kind::Chain && self.tokens.kinds[start] != Tok::LParen)
    }

    /// True when the tokens from `start` to `end`, and what must follow them on the line, find room. Only what
    /// stands before the first forced line break counts.
    fn fits(&self, start: usize, end: usize) -> bool {
        let mut column = self.column;
        let mut next_group = self.next + 1;
        for i in start..self.tokens.kinds.len() {
            if i > start {
                if i > end && self.breaks_before(i, end) {
                    return true;
                }
                let (from, to) = self.groups.comments[i];
                for comment in &self.file.comments[from as usize..to as usize] {
                    if comment.kind != CommentKind::Block {
                        return true;
                    }
                    column += self.comment_text(comment).width() + 1;
                }
                column += usize::from(space_before(self.tokens, self.roles, i));
            }
            let text = self.text(i);
            let (line, more) = text.split_once('\n').map_or((text, false), |(line, _)| (line, true));
            column += line.width();
            if column > MAX_WIDTH {
                return false;
            }
            if more {
                return true;
            }
            while let Some(group) = self.groups.all.get(next_group).filter(|g| g.start <= i) {
                if group.start == i && i > start && group.forced && group.kind != Kind::Chain {
                    return true;
                }
                next_group += 1;
            }
        }
        true
    }

    /// Behind `end`: true where a line will or may end before token `i`.
    fn breaks_before(&self, i: usize, end: usize) -> bool {
        if self.groups.soft[i] == Soft::No {
            return self.tokens.kinds[i] == Tok::Eof;
        }
        let Some(owner) = self.groups.owner[i] else { return true };
        let owner = owner as usize;
        match self.open.iter().find(|open| open.group == owner) {
            Some(open) => open.broken,
            None => self.groups.all[owner].start > end,
        }
    }

    // ---- between tokens ----

    /// Everything between token `i - 1` and token `i`.
    fn gap(&mut self, i: usize) {
        let soft = self.groups.soft[i];
        let owner = self.open.last();
        let breaks = soft != Soft::No && owner.is_none_or(|open| open.broken);
        let breaks = breaks && !self.fills(i);
        if breaks && let Some(open) = self.open.last_mut() {
            open.indented = true;
        }
        let owner = self.open.last();
        let level = match (soft, owner) {
            (Soft::Closing, Some(open)) => open.base,
            (Soft::No, _) => self.level() + usize::from(i > 0),
            _ => self.level(),
        };
        let (from, to) = self.groups.comments[i];
        let from_byte = if i == 0 { 0 } else { self.tokens.ends[i - 1] };
        if from == to {
            if breaks && i > 0 {
                let blank = soft == Soft::Inner
                    && self.may_have_blank(i)
                    && self.lines(from_byte, self.tokens.starts[i]) > 1;
                self.newline(level, blank);
            } else if space_before(self.tokens, self.roles, i) {
                self.write(" ");
            }
            return;
        }
        let comments = self.file.comments[from as usize..to as usize].to_vec();
        let inner = if soft == Soft::No { level } else { self.level() };
        // `a; /* about b */ b;`: a comment on the line of both goes with what follows.
        let gap = self.lines(from_byte, self.tokens.starts[i]);
        let leads = breaks && soft == Soft::Inner && gap == 0 && i > 0 && !self.at(i, Tok::Eof);
        if leads {
            self.newline(inner, false);
        }
        let end = self.comments(i, &comments, from_byte, inner);
        let eof = self.tokens.kinds[i] == Tok::Eof;
        let lines = if eof { 1 } else { self.lines(end, self.tokens.starts[i]) };
        let last = comments[comments.len() - 1].kind;
        let starts_line = last != CommentKind::Block || lines > 0;
        if starts_line || (breaks && !leads && self.trails(from_byte, &comments)) {
            self.newline(level, lines > 1 && soft != Soft::Closing);
        } else if !matches!(self.tokens.kinds[i], Tok::Comma | Tok::Semi | Tok::RParen | Tok::RBracket) {
            self.write(" ");
        }
    }

    /// True when all comments stand on the line of the token before them.
    fn trails(&self, from: u32, comments: &[Comment]) -> bool {
        from > 0 && self.lines(from, comments[comments.len() - 1].span.lo) == 0
    }

    /// Writes the comments before token `i`; gives the place behind the last.
    fn comments(&mut self, i: usize, comments: &[Comment], from: u32, level: usize) -> u32 {
        let mut end = from;
        for (n, comment) in comments.iter().enumerate() {
            let lines = self.lines(end, comment.span.lo);
            let after_line = n > 0 && comments[n - 1].kind != CommentKind::Block;
            if lines > 0 || after_line {
                let first_inside = n == 0 && !self.may_have_blank(i);
                self.newline(level, lines > 1 && !first_inside);
            } else if i > 0 && n == 0 && matches!(self.tokens.kinds[i - 1], Tok::LParen | Tok::LBracket) {
                // `f(/* why */ x)`
            } else if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
                self.write(" ");
            }
            let text = self.comment_text(comment);
            self.write(text);
            end = comment.span.hi;
        }
        end
    }

    fn comment_text(&self, comment: &Comment) -> &'a str {
        self.file.text[comment.span.lo as usize..comment.span.hi as usize].trim_end()
    }

    /// How many lines end between two places.
    fn lines(&self, from: u32, to: u32) -> usize {
        self.file.text[from as usize..to as usize].bytes().filter(|&b| b == b'\n').count()
    }

    /// No blank line directly behind an opening bracket, none before an operator.
    fn may_have_blank(&self, i: usize) -> bool {
        match self.groups.owner[i] {
            Some(owner) => {
                let group = self.groups.all[owner as usize];
                group.kind != Kind::Chain && i != group.start + 1
            }
            None => i > 0,
        }
    }

    /// In a broken list that is filled: true when the element at `i` finds room on the line.
    fn fills(&self, i: usize) -> bool {
        let Some(open) = self.open.last() else { return false };
        let group = self.groups.all[open.group];
        if group.kind != Kind::Fill || self.groups.soft[i] != Soft::Inner || i == group.start + 1 {
            return false;
        }
        let mut column = self.column + 1;
        for at in i..group.end {
            column += self.text(at).width();
            if self.tokens.kinds[at] == Tok::Comma {
                break;
            }
        }
        column <= MAX_WIDTH
    }
}
