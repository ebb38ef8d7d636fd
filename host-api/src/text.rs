//! What can be done with sources without running them.

use crate::error::{Error, Result};
use std::str::FromStr;
use sx_syntax::diag::Code;
use sx_syntax::source::Sources;

/// Brings a source into the canonical layout.
///
/// # Errors
/// [`ErrorKind::Compile`](crate::ErrorKind::Compile), with the diagnostics, when it isn't well-formed: such a text stays as it is.
pub fn format_source(name: &str, source: &[u8]) -> Result<String> {
    let file = sx_syntax::parse_bytes(name.into(), source);
    sx_syntax::format(&file).map_err(|_| {
        let mut sources = Sources::new();
        sources.add(file.clone());
        Error::compile(file.diagnostics.clone(), sources)
    })
}

/// The title and explanation of a diagnostic's code, in Markdown; none for a code that doesn't exist.
pub fn explain(code: &str) -> Option<(&'static str, &'static str)> {
    let code = Code::from_str(&code.to_ascii_uppercase()).ok()?;
    Some((code.title(), code.explanation()))
}
