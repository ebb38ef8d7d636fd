//! What the compiler says about a program.

use crate::error::Style;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use sx_syntax::diag::{self, Severity};
use sx_syntax::source::Sources;
use sx_syntax::span::Loc;

/// An error or warning of the compiler: a stable code, a place, a cause in plain words, advice where there is some.
#[derive(Clone)]
pub struct Diagnostic {
    inner: diag::Diagnostic,
    sources: Arc<Sources>,
}

impl Diagnostic {
    pub(crate) fn new(inner: diag::Diagnostic, sources: Arc<Sources>) -> Diagnostic {
        Diagnostic { inner, sources }
    }
    /// Its stable code, such as `E0201`; [`crate::explain`] tells more.
    pub fn code(&self) -> &'static str {
        self.inner.code.as_str()
    }
    /// True for errors, false for warnings.
    pub fn is_error(&self) -> bool {
        self.inner.severity == Severity::Error
    }
    /// The cause, without a full stop.
    pub fn message(&self) -> &str {
        &self.inner.message
    }
    /// File, line and column where it begins, both from 1; none if it has no place.
    pub fn place(&self) -> Option<(&str, u32, u32)> {
        self.place_of(self.inner.loc)
    }
    /// The bytes of the file that it is about.
    pub fn span(&self) -> Range<usize> {
        self.inner.loc.span.lo as usize..self.inner.loc.span.hi as usize
    }
    /// Words beside the place.
    pub fn label(&self) -> Option<&str> {
        self.inner.label.as_deref()
    }
    /// Other places that belong to it, with words beside them.
    pub fn others(&self) -> impl Iterator<Item = (Option<(&str, u32, u32)>, &str)> {
        self.inner.secondary.iter().map(|label| (self.place_of(label.loc), label.text.as_str()))
    }
    /// Further facts.
    pub fn notes(&self) -> &[String] {
        &self.inner.notes
    }
    /// What to do about it.
    pub fn helps(&self) -> &[String] {
        &self.inner.helps
    }
    /// All of it on several lines, with the lines of the source.
    pub fn render(&self) -> String {
        self.render_with(Style::default())
    }
    /// As [`Diagnostic::render`], in a style.
    pub fn render_with(&self, style: Style) -> String {
        diag::render(&self.inner, &self.sources, diag::Style { color: style.color, ..diag::Style::default() })
    }
    /// One line of JSON; `docs/diagnostics-json.md` describes the fields.
    pub fn to_json(&self) -> String {
        diag::json(&self.inner, &self.sources)
    }
    fn place_of(&self, loc: Loc) -> Option<(&str, u32, u32)> {
        if loc.file.0 as usize >= self.sources.len() {
            return None;
        }
        let file = self.sources.get(loc.file);
        let (line, column) = file.line_col(loc.span.lo);
        Some((&file.path, line, column))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place().map(|(path, line, column)| format!("{path}:{line}:{column}"));
        f.debug_struct("Diagnostic")
            .field("code", &self.code())
            .field("place", &place)
            .field("message", &self.inner.message)
            .finish_non_exhaustive()
    }
}
