//! Comments, strings, characters: what has a beginning and must find its end.

use super::Lexer;
use crate::diag::Code;
use crate::span::Span;
use crate::token::{Comment, CommentKind, Tok};

impl Lexer<'_> {
    /// Where the line that holds `from` ends, without its line break.
    fn line_end(&self, from: usize) -> usize {
        let end = self.src[from..].iter().position(|&b| b == b'\n').map_or(self.src.len(), |n| from + n);
        if end > from && self.src[end - 1] == b'\r' { end - 1 } else { end }
    }

    /// Notes the lines that begin in a token of several lines.
    fn note_lines(&mut self, start: usize, end: usize) {
        for (i, &byte) in self.src[start..end].iter().enumerate() {
            if byte == b'\n' {
                self.out.line_starts.push((start + i + 1) as u32);
            }
        }
    }

    fn comment(&mut self, kind: CommentKind, start: usize, end: usize) {
        self.out.comments.push(Comment { span: Span::new(start as u32, end as u32), kind });
        self.at = end;
    }

    pub(super) fn shebang(&mut self) {
        let end = self.line_end(self.at);
        self.comment(CommentKind::Shebang, self.at, end);
    }

    pub(super) fn line_comment(&mut self) {
        let start = self.at;
        let end = self.line_end(start);
        let doc = self.byte(2) == b'/' && self.byte(3) != b'/';
        if doc {
            let next = self.out.kinds.len() as u32;
            match self.out.docs.last_mut() {
                Some((token, span)) if *token == next => span.hi = end as u32,
                _ => self.out.docs.push((next, Span::new(start as u32, end as u32))),
            }
        }
        self.comment(if doc { CommentKind::Doc } else { CommentKind::Line }, start, end);
    }

    pub(super) fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 1usize;
        let mut i = start + 2;
        while depth > 0 {
            match (self.src.get(i), self.src.get(i + 1)) {
                (Some(b'/'), Some(b'*')) => (depth, i) = (depth + 1, i + 2),
                (Some(b'*'), Some(b'/')) => (depth, i) = (depth - 1, i + 2),
                (Some(_), _) => i += 1,
                (None, _) => {
                    self.error(Code::E0006, start, start + 2, "this comment is never closed")
                        .helps
                        .push("block comments nest: each `/*` needs a `*/` of its own".into());
                    break;
                }
            }
        }
        self.note_lines(start, i);
        self.comment(CommentKind::Block, start, i);
    }

    pub(super) fn string(&mut self) {
        let start = self.at;
        let mut i = start + 1;
        loop {
            match self.src.get(i) {
                Some(b'"') => {
                    i += 1;
                    break;
                }
                Some(b'\\') if self.src.get(i + 1) != Some(&b'\n') => i += 2,
                Some(b'\n') => {
                    i += 1;
                    self.out.line_starts.push(i as u32);
                }
                Some(_) => i += 1,
                None => return self.unclosed_string(start),
            }
        }
        self.push(Tok::Str, start, i);
        self.at = i;
    }

    /// No closing quote in the whole file: most likely it was meant to stand on this line, so that the lines
    /// below are read as code again.
    fn unclosed_string(&mut self, start: usize) {
        let keep = self.out.line_starts.partition_point(|&line| line as usize <= start);
        self.out.line_starts.truncate(keep);
        let end = self.line_end(start);
        self.error(Code::E0005, start, start + 1, "this string is never closed").label =
            Some("the string begins here".into());
        self.push(Tok::Error, start, end);
        self.at = end;
    }

    pub(super) fn character(&mut self) {
        let start = self.at;
        let mut i = start + 1;
        loop {
            match self.src.get(i) {
                Some(b'\'') if i > start + 1 || self.src.get(i + 1) != Some(&b'\'') => {
                    i += 1;
                    break;
                }
                Some(b'\\') if self.src.get(i + 1) != Some(&b'\n') => i += 2,
                Some(b'\n') | None => {
                    let end = self.line_end(start).min(start + 2).max(start + 1);
                    let end = (end..=self.src.len()).find(|&e| self.text.is_char_boundary(e)).unwrap_or(end);
                    self.error(Code::E0007, start, start + 1, "this character is never closed")
                        .helps
                        .push("strings are written with double quotes: \"…\"".into());
                    self.push(Tok::Error, start, end);
                    self.at = end;
                    return;
                }
                Some(_) => i += 1,
            }
        }
        self.push(Tok::Char, start, i);
        self.at = i;
    }

    /// `#string TAG`, its text on the following lines, `TAG` at the start of a line. `word_end` is the place
    /// after `#string`.
    pub(super) fn raw_string(&mut self, word_end: usize) {
        let start = self.at;
        let mut tag_start = word_end;
        while matches!(self.src.get(tag_start), Some(b' ' | b'\t')) {
            tag_start += 1;
        }
        let tag_end = self.word_end(tag_start);
        let line_end = self.line_end(tag_end);
        if tag_end == tag_start || !self.text[tag_end..line_end].trim().is_empty() {
            self.error(Code::E0012, start, tag_end.max(word_end), "`#string` takes a tag that ends its line")
                .helps
                .push(
                    "write `#string TAG`, the text on the lines below, and `TAG` at the start of a line"
                        .into(),
                );
            self.push(Tok::Error, start, line_end);
            self.at = line_end;
            return;
        }
        let tag = &self.src[tag_start..tag_end];
        let mut line = line_end;
        while let Some(step) = self.src[line..].iter().position(|&b| b == b'\n') {
            line += step + 1;
            if self.src[line..].starts_with(tag) && self.word_end(line) == line + tag.len() {
                let end = line + tag.len();
                self.note_lines(start, end);
                self.push(Tok::RawStr, start, end);
                self.at = end;
                return;
            }
        }
        let tag = self.text[tag_start..tag_end].to_string();
        self.error(Code::E0012, start, tag_end, format!("no line begins with the closing tag `{tag}`"))
            .helps
            .push("the closing tag must stand at the very start of its line".into());
        self.push(Tok::Error, start, line_end);
        self.at = line_end;
    }
}
