//! Source files as the compiler sees them: text, line table, tree.

use crate::ast::{Ast, ExprId};
use crate::diag::Diagnostic;
use crate::span::FileId;
use crate::token::Comment;
use std::sync::Arc;

/// A parsed file. Immutable, shared between compilations.
#[derive(Debug)]
pub struct File {
    /// The path shown in messages; for the built-in library `modules/std/…`.
    pub path: Arc<str>,
    /// The text as read, a byte order mark included.
    pub text: Arc<str>,
    /// Byte offset of the start of each line.
    pub line_starts: Vec<u32>,
    /// The tree.
    pub ast: Ast,
    /// What the lexer and parser had to say; each location's file is `FileId(0)` and is replaced on loading.
    pub diagnostics: Vec<Diagnostic>,
    /// Every comment in source order, for the formatter.
    pub comments: Vec<Comment>,
    /// The value of a text that was parsed as the inside of a block: its last expression without `;`.
    pub tail: Option<ExprId>,
}

impl File {
    /// Line (from 1) and column (from 1, in characters; a tab counts one) of a byte offset.
    pub fn line_col(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&s| s <= offset).max(1);
        let start = self.line_starts[line - 1] as usize;
        let end = (offset as usize).min(self.text.len());
        let mut text = self.text.get(start..end).unwrap_or("");
        if line == 1 {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        (line as u32, text.chars().count() as u32 + 1)
    }
}

/// The files of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Arc<File>>,
}

impl Sources {
    /// No files.
    pub fn new() -> Sources {
        Sources::default()
    }
    /// Adds a file and names it.
    pub fn add(&mut self, file: Arc<File>) -> FileId {
        self.files.push(file);
        FileId(self.files.len() as u32 - 1)
    }
    /// The file behind an id.
    pub fn get(&self, id: FileId) -> &Arc<File> {
        &self.files[id.0 as usize]
    }
    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }
    /// True when there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
