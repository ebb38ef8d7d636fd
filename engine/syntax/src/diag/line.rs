//! One source line as a terminal shows it, and the marks below it.
//!
//! Marks are placed per character, not per column: every row repeats the line's tabs and gives wide characters
//! two cells, so that marks stand right below what they mark whatever the terminal's tab stops are.

use super::render::{Paint, Style, is_disruptive};
use unicode_width::UnicodeWidthChar;

/// A stretch of a line, as byte offsets in it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub lo: usize,
    pub hi: usize,
    /// The diagnostic's own place, as opposed to one that belongs to it.
    pub primary: bool,
    pub label: Option<String>,
}

/// What of a line is shown.
pub(super) struct Window<'a> {
    /// The visible part.
    part: &'a str,
    /// Where it starts in the line.
    start: usize,
    cut_before: bool,
    cut_after: bool,
}

const ELLIPSIS: &str = "...";

fn width(c: char) -> usize {
    if is_disruptive(c) { 1 } else { c.width().unwrap_or(1) }
}

impl<'a> Window<'a> {
    /// The whole line if it isn't wider than `limit` columns, else the part around byte `at`. Looks no further
    /// than that from `at`, so that huge lines cost nothing.
    pub fn around(line: &'a str, at: usize, limit: usize) -> Window<'a> {
        let limit = limit.max(20);
        let at = at.min(line.len());
        let (mut start, mut before) = (at, 0);
        let (mut end, mut after) = (at, 0);
        for c in line[..at].chars().rev() {
            if before + width(c) > limit {
                break;
            }
            before += width(c);
            start -= c.len_utf8();
        }
        for c in line[at..].chars() {
            if after + width(c) > limit {
                break;
            }
            after += width(c);
            end += c.len_utf8();
        }
        // Too wide: a third of it before the mark, or more when little follows.
        let behind = after.min(limit - limit / 3);
        while before + behind > limit {
            let Some(c) = line[start..at].chars().next() else { break };
            before -= width(c);
            start += c.len_utf8();
        }
        while before + after > limit {
            let Some(c) = line[at..end].chars().next_back() else { break };
            after -= width(c);
            end -= c.len_utf8();
        }
        Window { part: &line[start..end], start, cut_before: start > 0, cut_after: end < line.len() }
    }

    /// The visible text, with signs where it is cut.
    pub fn text(&self) -> String {
        let mut out = String::from(if self.cut_before { ELLIPSIS } else { "" });
        out.extend(self.part.chars().map(|c| if c != '\t' && is_disruptive(c) { '\u{fffd}' } else { c }));
        out.push_str(if self.cut_after { ELLIPSIS } else { "" });
        out.truncate(out.trim_end_matches([' ', '\t']).len());
        out
    }

    /// True when a mark begins in the visible part.
    pub fn shows(&self, mark: &Mark) -> bool {
        let end = self.start + self.part.len();
        mark.lo >= self.start
            && (mark.lo < end || (mark.lo == end && !self.cut_after) || self.part.is_empty())
    }

    /// The rows below the line: signs, then labels that find no room beside them.
    pub fn rows(&self, mut marks: Vec<Mark>, style: Style, paint: Paint) -> Vec<String> {
        marks.sort_by_key(|mark| (mark.lo, mark.primary));
        let paint_of = |mark: &Mark| if mark.primary { paint } else { Paint::Frame };
        let mut rows = Vec::new();
        // The label of the last mark stands beside it, if no other mark is in its way.
        let beside = marks.last().filter(|last| marks.iter().all(|mark| mark.hi <= last.hi.max(last.lo + 1)));
        let mut row =
            self.signs(&marks, |mark| style.paint(paint_of(mark), if mark.primary { "^" } else { "-" }));
        if let Some(Mark { label: Some(text), .. }) = beside {
            row.push(' ');
            row.push_str(&style.paint(paint_of(&marks[marks.len() - 1]), text));
        }
        rows.push(row);
        let mut hanging: Vec<Mark> = marks[..marks.len() - usize::from(beside.is_some())].to_vec();
        hanging.retain(|mark| mark.label.is_some());
        for mark in &mut hanging {
            mark.hi = mark.lo;
        }
        if !hanging.is_empty() {
            rows.push(self.signs(&hanging, |mark| style.paint(paint_of(mark), "|")));
        }
        while let Some(last) = hanging.pop() {
            let mut row = self.signs(&hanging, |mark| style.paint(paint_of(mark), "|"));
            let from = hanging.last().map(|mark| mark.lo);
            let Some(text) = &last.label else { continue };
            if from == Some(last.lo) {
                row.push(' ');
            } else {
                row.push_str(&self.gap(from, last.lo));
            }
            row.push_str(&style.paint(paint_of(&last), text));
            rows.push(row);
        }
        for row in &mut rows {
            row.truncate(row.trim_end().len());
        }
        rows
    }

    /// A row with a sign in every cell of the marks, up to the last one.
    fn signs(&self, marks: &[Mark], sign: impl Fn(&Mark) -> String) -> String {
        let marked = |at: usize| {
            let covers = |mark: &&Mark| mark.lo <= at && at < mark.hi.max(mark.lo + 1);
            marks.iter().filter(covers).max_by_key(|mark| mark.primary)
        };
        let end = marks.iter().map(|mark| mark.hi.max(mark.lo + 1)).max().unwrap_or(0);
        let mut out = String::from(if self.cut_before && end > 0 { "   " } else { "" });
        for (i, c) in self.part.char_indices() {
            let at = self.start + i;
            if at >= end {
                return out;
            }
            match marked(at) {
                _ if c == '\t' => out.push('\t'),
                Some(mark) if mark.hi <= mark.lo => {
                    out.push_str(&sign(mark));
                    out.extend(std::iter::repeat_n(' ', width(c).saturating_sub(1)));
                }
                Some(mark) => out.push_str(&sign(mark).repeat(width(c))),
                None => out.extend(std::iter::repeat_n(' ', width(c))),
            }
        }
        if let Some(mark) =
            marked(self.start + self.part.len()).filter(|mark| mark.lo == self.start + self.part.len())
        {
            out.push_str(&sign(mark));
        }
        out
    }

    /// The blanks from behind the sign at `from` to the cell at `to`.
    fn gap(&self, from: Option<usize>, to: usize) -> String {
        let mut out = String::from(if from.is_none() && self.cut_before { "   " } else { "" });
        for (i, c) in self.part.char_indices() {
            let at = self.start + i;
            if at >= to {
                break;
            }
            match from {
                // The row already reaches behind this character.
                Some(from) if at <= from => {}
                _ if c == '\t' => out.push('\t'),
                _ => out.extend(std::iter::repeat_n(' ', width(c))),
            }
        }
        out
    }
}
