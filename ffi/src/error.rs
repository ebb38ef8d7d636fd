//! What can go wrong before a call.

use std::fmt;

/// A signature that can't be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SignatureError {
    /// More than [`MAX_PARAMS`](crate::MAX_PARAMS) parameters.
    TooManyParams,
    /// An integer that isn't 1, 2, 4 or 8 bytes wide, a `void` parameter, or a struct id without a struct.
    BadType,
    /// A struct by value whose alignment the stack doesn't give.
    OverAligned,
    /// No memory for executable code.
    NoCodeMemory,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignatureError::TooManyParams => "more than 127 parameters",
            SignatureError::BadType => "a parameter has no C representation",
            SignatureError::OverAligned => {
                "a struct that is aligned to more than 16 bytes can't be passed by value"
            }
            SignatureError::NoCodeMemory => "no executable memory for a callback",
        })
    }
}

impl std::error::Error for SignatureError {}

/// A symbol that wasn't found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupError {
    /// The symbol.
    pub symbol: String,
    /// The library as it was asked for.
    pub library: String,
    /// The files that were opened and don't have it.
    pub searched: Vec<String>,
    /// Why no file could be opened, if none could.
    pub reason: Option<String>,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "library `{}` can't be opened: {reason}", self.library)?,
            None => write!(f, "symbol `{}` not found; searched {}", self.symbol, self.searched.join(", "))?,
        }
        Ok(())
    }
}

impl std::error::Error for LookupError {}
