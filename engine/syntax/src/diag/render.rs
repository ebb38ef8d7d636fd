//! A diagnostic as text for people: the message, the source lines it speaks of with marks below them, then notes
//! and helps.
//!
//! ```text
//! error[E0016]: parentheses only group, they make no tuple
//!   --> main.sx:1:6
//!    |
//!  1 | x := (1, 2);
//!    |      ^^^^^^
//! help: write `.(a, b)` for a tuple
//! ```

use super::line::{Mark, Window};
use super::{Diagnostic, Severity};
use crate::source::{File, Sources};
use crate::span::Loc;
use std::fmt::Write;

/// How a diagnostic is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
    /// Columns that a source line may take; longer ones are cut around what is marked.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style { color: false, width: 140 }
    }
}

/// The terminal's way to say it.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Error,
    Warning,
    Frame,
    Note,
    Help,
    Strong,
}

impl Style {
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.trim().is_empty() {
            return text.to_string();
        }
        let code = match paint {
            Paint::Error => "1;31",
            Paint::Warning => "1;33",
            Paint::Frame => "1;34",
            Paint::Note => "1;32",
            Paint::Help => "1;36",
            Paint::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// True for a character that would change how a terminal shows what is around it.
pub(super) fn is_disruptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text from outside made harmless for a terminal; line breaks stay.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && is_disruptive(c) { '\u{fffd}' } else { c }).collect()
}

/// A place to be marked, cut to one line.
pub(super) struct Place {
    /// From 0.
    pub line: usize,
    pub mark: Mark,
}

/// Shows a diagnostic; ends with a line break.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let (severity, paint) = match diagnostic.severity {
        Severity::Error => ("error", Paint::Error),
        Severity::Warning => ("warning", Paint::Warning),
    };
    let mut out = style.paint(paint, &format!("{severity}[{}]", diagnostic.code));
    out.push_str(&style.paint(Paint::Strong, &format!(": {}", indented(&diagnostic.message, "  "))));
    out.push('\n');

    let secondary = diagnostic.secondary.iter().map(|label| (label.loc, false, Some(label.text.as_str())));
    let labels: Vec<_> =
        std::iter::once((diagnostic.loc, true, diagnostic.label.as_deref())).chain(secondary).collect();
    let mut files = vec![diagnostic.loc.file];
    for (loc, ..) in &labels {
        if !files.contains(&loc.file) {
            files.push(loc.file);
        }
    }
    let known = |loc: &Loc| (loc.file.0 as usize) < sources.len();
    let last_line = labels.iter().filter(|(loc, ..)| known(loc)).map(|(loc, ..)| {
        let file = sources.get(loc.file);
        file.line_col(loc.span.hi.max(loc.span.lo)).0
    });
    let gutter = last_line.max().unwrap_or(0).to_string().len().max(2);
    for (i, &id) in files.iter().enumerate() {
        if id.0 as usize >= sources.len() {
            continue;
        }
        let file = sources.get(id);
        let here: Vec<_> = labels.iter().filter(|(loc, ..)| loc.file == id).copied().collect();
        let (line, col) = file.line_col(here[0].0.span.lo);
        let arrow = style.paint(Paint::Frame, if i == 0 { "  -->" } else { "  :::" });
        let _ = writeln!(out, "{arrow} {}:{line}:{col}", clean(&file.path));
        snippet(&mut out, file, &here, gutter, style, paint);
    }
    for (paint, head, texts) in
        [(Paint::Note, "note", &diagnostic.notes), (Paint::Help, "help", &diagnostic.helps)]
    {
        for text in texts {
            let _ = writeln!(out, "{}: {}", style.paint(paint, head), indented(text, "      "));
        }
    }
    out
}

/// Cleaned text whose further lines are indented.
fn indented(text: &str, by: &str) -> String {
    clean(text.trim_end()).replace('\n', &format!("\n{by}"))
}

/// The lines of one file with their marks.
fn snippet(
    out: &mut String,
    file: &File,
    labels: &[(Loc, bool, Option<&str>)],
    gutter: usize,
    style: Style,
    paint: Paint,
) {
    let mut places: Vec<Place> =
        labels.iter().flat_map(|&(loc, primary, label)| cut(file, loc, primary, label)).collect();
    places.sort_by_key(|place| (place.line, !place.mark.primary));
    let bar = |number: &str| style.paint(Paint::Frame, &format!("{number:>gutter$} |"));
    let _ = writeln!(out, "{}", bar(""));
    let mut shown: Option<usize> = None;
    let mut places = places.into_iter().peekable();
    while let Some(first) = places.next() {
        let line = first.line;
        match shown {
            Some(last) if line == last + 2 => {
                let between = Window::around(line_text(file, last + 1), 0, style.width);
                let _ = writeln!(out, "{} {}", bar(&(last + 2).to_string()), between.text());
            }
            Some(last) if line > last + 2 => _ = writeln!(out, "{}", style.paint(Paint::Frame, "...")),
            _ => {}
        }
        shown = Some(line);
        let mut pending = vec![first.mark];
        while let Some(next) = places.next_if(|place| place.line == line) {
            pending.push(next.mark);
        }
        // Marks too far apart for one window get the line once more.
        while !pending.is_empty() {
            let window = Window::around(line_text(file, line), pending[0].lo, style.width);
            let (here, rest) = pending.into_iter().partition(|mark| window.shows(mark));
            pending = rest;
            let _ = writeln!(out, "{} {}", bar(&(line + 1).to_string()), window.text());
            for row in window.rows(here, style, paint) {
                let _ = writeln!(out, "{} {row}", bar(""));
            }
        }
    }
}

/// The text of a line, from 0, without its line break and without a byte order mark.
pub(super) fn line_text(file: &File, line: usize) -> &str {
    let start = file.line_starts.get(line).map_or(file.text.len(), |&s| s as usize);
    let end = file.line_starts.get(line + 1).map_or(file.text.len(), |&s| s as usize);
    let text = file.text.get(start..end).unwrap_or("");
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if line == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text }
}

/// A labelled place as marks on lines: one, or for several lines the first and the last.
fn cut(file: &File, loc: Loc, primary: bool, label: Option<&str>) -> Vec<Place> {
    let text = &file.text;
    let boundary = |at: u32| {
        let at = (at as usize).min(text.len());
        (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
    };
    let (lo, hi) = (boundary(loc.span.lo), boundary(loc.span.hi.max(loc.span.lo)));
    let line_of = |at: usize| file.line_starts.partition_point(|&s| s as usize <= at).max(1) - 1;
    // Offsets inside the line as it is shown.
    let within = |at: usize, line: usize| {
        let bom = if line == 0 && text.starts_with('\u{feff}') { 3 } else { 0 };
        let start = file.line_starts.get(line).map_or(0, |&s| s as usize);
        at.saturating_sub(start + bom).min(line_text(file, line).len())
    };
    let label = label.map(|text| clean(text).replace('\n', " "));
    let first = line_of(lo);
    // A span that ends with a line break belongs to the line before it.
    let last = if hi > lo { line_of(hi - 1) } else { first };
    if first == last {
        let mark = Mark { lo: within(lo, first), hi: within(hi, first), primary, label };
        return vec![Place { line: first, mark }];
    }
    let end = line_text(file, first).len();
    let tail = line_text(file, last);
    let indent = tail.len() - tail.trim_start().len();
    let tail_end = within(hi, last);
    vec![
        Place { line: first, mark: Mark { lo: within(lo, first), hi: end, primary, label: None } },
        Place { line: last, mark: Mark { lo: indent.min(tail_end), hi: tail_end, primary, label } },
    ]
}
