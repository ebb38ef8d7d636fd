//! Diagnostics as data: a stable code, a place, a cause in plain words, help where there is one.

mod codes;
mod json;
mod line;
mod render;

pub use codes::Code;
pub use json::{json, string as json_string};
pub use render::{Style, render};

use crate::span::Loc;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Severity {
    /// The program can't run.
    Error,
    /// The program runs; something looks wrong.
    Warning,
}

/// A place with words beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub loc: Loc,
    /// What is to be seen there.
    pub text: String,
}

/// Something to tell the user about the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The cause in plain words, without a full stop.
    pub message: String,
    /// The place that is underlined.
    pub loc: Loc,
    /// Words beside that place.
    pub label: Option<String>,
    /// Other places that belong to it.
    pub secondary: Vec<Label>,
    /// Further facts.
    pub notes: Vec<String>,
    /// What to do about it.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, loc: Loc, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            loc,
            label: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }
    /// A warning at a place.
    pub fn warning(code: Code, loc: Loc, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, loc, message) }
    }
    /// Adds words beside the underlined place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }
    /// Adds another place.
    pub fn also(mut self, loc: Loc, text: impl Into<String>) -> Self {
        self.secondary.push(Label { loc, text: text.into() });
        self
    }
    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }
    /// Adds advice.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }
}

/// Puts diagnostics into the order in which they are shown: by file, then by place.
pub fn sort_for_display(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|d| (d.loc.file, d.loc.span.lo));
}

#[cfg(test)]
mod tests;
