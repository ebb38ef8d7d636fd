//! The formatter: a file's tokens again, in the canonical layout.
//!
//! The output has the very tokens of the input, so it means the same; only blanks, line breaks and the places of
//! comments are decided here. The tree tells what tokens alone don't: which `-` is a prefix (`roles`), where
//! statements begin and what may be broken apart when a line is too long (`groups`). `spacing` decides about the
//! blank between two neighbours, `layout` about line breaks.
//!
//! Blocks and dot literals that the author has spread over lines stay so; everything else is laid out by width.

mod groups;
mod layout;
mod roles;
mod spacing;

use crate::diag::Severity;
use crate::lexer::lex;
use crate::source::File;

/// Columns that a line may have.
pub const MAX_WIDTH: usize = 100;
/// Columns of one level of indentation.
pub const INDENT: usize = 4;

/// Why a file can't be formatted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatError {
    /// It has syntax errors; its diagnostics tell which.
    Syntax,
}

impl std::fmt::Display for FormatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormatError::Syntax => f.write_str("a file with syntax errors can't be formatted"),
        }
    }
}

impl std::error::Error for FormatError {}

/// A file in canonical layout. Formatting the result again changes nothing, and its tree is the same.
///
/// # Errors
/// Files with syntax errors are refused.
pub fn format(file: &File) -> Result<String, FormatError> {
    if file.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(FormatError::Syntax);
    }
    let (tokens, _) = lex(&file.text);
    let roles = roles::Roles::of(file, &tokens);
    let mut groups = groups::Groups::of(file, &tokens, &roles);
    loop {
        // What had to be broken for its width will be seen as broken by the author the next time: decide all
        // else under that condition, so that formatting once is as good as formatting often.
        let (text, newly_broken) = layout::Layout::new(file, &tokens, &roles, &groups).run();
        if newly_broken.is_empty() {
            return Ok(text);
        }
        groups.force(&newly_broken);
    }
}

#[cfg(test)]
mod tests;
