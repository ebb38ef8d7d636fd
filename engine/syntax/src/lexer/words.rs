//! Words: which are keywords, reserved type spellings, or words with a meaning in one place only.

use crate::ast::Prim;
use crate::token::Tok;

/// Packs a word of up to eight bytes into an integer, first byte lowest.
const fn pack(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let mut value = 0u64;
    let mut i = 0;
    while i < bytes.len() {
        value |= (bytes[i] as u64) << (8 * i);
        i += 1;
    }
    value
}

macro_rules! packed_words {
    ($value:expr, $($word:literal => $tok:expr,)*) => {
        match $value {
            $(v if v == const { pack($word) } => $tok,)*
            _ => Tok::Ident,
        }
    };
}

/// The kind of the word at `start..end` of `src`. No special word is longer than eight bytes, so each is one
/// integer comparison, among those of its length only.
#[inline]
pub(super) fn kind(src: &[u8], start: usize, end: usize) -> Tok {
    let len = end - start;
    if !(2..=8).contains(&len) {
        return Tok::Ident;
    }
    let value = match src.get(start..start + 8) {
        Some(chunk) => {
            let all = u64::from_le_bytes([
                chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7],
            ]);
            all & (u64::MAX >> (64 - 8 * len))
        }
        None => src[start..end].iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)),
    };
    match len {
        2 => {
            match packed_words!(value, "if" => Tok::If, "in" => Tok::In, "or" => Tok::Or, "xx" => Tok::Autocast,)
            {
                Tok::Ident if int_type(&src[start..end]).is_some() => Tok::Prim,
                tok => tok,
            }
        }
        3 => match packed_words!(value,
            "for" => Tok::For, "try" => Tok::Try, "and" => Tok::And, "asm" => Tok::Asm, "abi" => Tok::Abi,
            "f32" => Tok::Prim, "f64" => Tok::Prim, "Any" => Tok::Prim,
        ) {
            Tok::Ident if int_type(&src[start..end]).is_some() => Tok::Prim,
            tok => tok,
        },
        4 => packed_words!(value,
            "else" => Tok::Else, "then" => Tok::Then, "case" => Tok::Case, "enum" => Tok::Enum,
            "impl" => Tok::Impl, "push" => Tok::Push, "ufcs" => Tok::Ufcs, "cast" => Tok::Cast,
            "null" => Tok::Null, "true" => Tok::True, "test" => Tok::Test,
            "bool" => Tok::Prim, "void" => Tok::Prim, "Type" => Tok::Prim,
        ),
        5 => packed_words!(value,
            "while" => Tok::While, "break" => Tok::Break, "defer" => Tok::Defer, "raise" => Tok::Raise,
            "catch" => Tok::Catch, "error" => Tok::ErrorKw, "union" => Tok::Union, "false" => Tok::False,
            "flags" => Tok::Flags, "Tuple" => Tok::Tuple, "usize" => Tok::Prim, "isize" => Tok::Prim,
        ),
        6 => packed_words!(value,
            "return" => Tok::Return, "onfail" => Tok::OnFail, "struct" => Tok::Struct, "inline" => Tok::Inline,
            "extern" => Tok::Extern, "export" => Tok::Export, "string" => Tok::Prim,
        ),
        7 => packed_words!(value, "Closure" => Tok::Closure, "cstring" => Tok::Prim,),
        _ => packed_words!(value,
            "continue" => Tok::Continue, "protocol" => Tok::Protocol, "volatile" => Tok::Volatile,
            "clobbers" => Tok::Clobbers, "noreturn" => Tok::Prim,
        ),
    }
}

/// `i1` to `i64`, `u1` to `u64`.
fn int_type(word: &[u8]) -> Option<Prim> {
    let signed = match word.first()? {
        b'i' => true,
        b'u' => false,
        _ => return None,
    };
    let bits = match word[1..] {
        [a @ b'1'..=b'9'] => a - b'0',
        [a @ b'1'..=b'9', b @ b'0'..=b'9'] => (a - b'0') * 10 + (b - b'0'),
        _ => return None,
    };
    (bits <= 64).then_some(Prim::Int { bits, signed })
}

/// The reserved type spelling behind a word, if it is one.
pub fn prim(word: &str) -> Option<Prim> {
    Some(match word {
        "usize" => Prim::Usize,
        "isize" => Prim::Isize,
        "f32" => Prim::F32,
        "f64" => Prim::F64,
        "bool" => Prim::Bool,
        "string" => Prim::String,
        "cstring" => Prim::CString,
        "void" => Prim::Void,
        "noreturn" => Prim::Noreturn,
        "Any" => Prim::Any,
        "Type" => Prim::Type,
        _ => return int_type(word.as_bytes()),
    })
}

/// The directive behind the word after a `#`.
pub(super) fn directive(word: &[u8]) -> Option<Tok> {
    Some(match word {
        b"import" => Tok::DImport,
        b"include" => Tok::DInclude,
        b"source" => Tok::DSource,
        b"library" => Tok::DLibrary,
        b"define" => Tok::DDefine,
        b"run" => Tok::DRun,
        b"insert" => Tok::DInsert,
        b"builtin" => Tok::DBuiltin,
        b"inline" => Tok::DInline,
        b"get" => Tok::DGet,
        b"set" => Tok::DSet,
        b"assert" => Tok::DAssert,
        b"using" => Tok::DUsing,
        b"packed" => Tok::DPacked,
        b"align" => Tok::DAlign,
        b"caller_location" => Tok::DCallerLocation,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(word: &str) -> Tok {
        let padded = format!("{word} ........");
        let long = kind(padded.as_bytes(), 0, word.len());
        let short = kind(word.as_bytes(), 0, word.len());
        assert_eq!(long, short, "{word}: the kind depends on what follows");
        long
    }

    #[test]
    fn special_words_and_their_neighbours() {
        for (word, tok) in [
            ("if", Tok::If),
            ("iff", Tok::Ident),
            ("i", Tok::Ident),
            ("i1", Tok::Prim),
            ("i0", Tok::Ident),
            ("u64", Tok::Prim),
            ("u65", Tok::Ident),
            ("i08", Tok::Ident),
            ("f32", Tok::Prim),
            ("f16", Tok::Ident),
            ("usize", Tok::Prim),
            ("Closure", Tok::Closure),
            ("closure", Tok::Ident),
            ("continue", Tok::Continue),
            ("continued", Tok::Ident),
            ("noreturn", Tok::Prim),
            ("onfail", Tok::OnFail),
        ] {
            assert_eq!(kind_of(word), tok, "{word}");
        }
    }
}
