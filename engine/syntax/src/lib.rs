//! Source text to syntax tree.
//!
//! | module | makes | from |
//! |---|---|---|
//! | [`lexer`] | tokens | text |
//! | [`parser`] | a [`source::File`] with its tree | tokens |
//! | [`printer`] | formatted text | a file |
//! | [`ast`] | the tree's data | |
//! | [`span`], [`source`], [`token`] | places, files, tokens as data | |
//! | [`diag`] | diagnostics as data, their codes | |

pub mod ast;
pub mod diag;
pub mod lexer;
pub mod parser;
pub mod printer;
pub mod source;
pub mod span;
pub mod token;

pub use parser::{parse, parse_bytes, parse_statements};
pub use printer::format;
