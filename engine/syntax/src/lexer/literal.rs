//! From a literal's spelling to its value.

use std::borrow::Cow;

/// Why a literal has no value: what is wrong, and which bytes of the token are to blame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// In plain words.
    pub what: String,
    /// First byte, counted from the token's start.
    pub lo: usize,
    /// One past the last byte.
    pub hi: usize,
    /// The value doesn't fit, as opposed to a malformed spelling.
    pub too_large: bool,
}

fn bad(what: impl Into<String>, lo: usize, hi: usize) -> Bad {
    Bad { what: what.into(), lo, hi, too_large: false }
}

/// The value of an integer token.
pub(crate) fn int(text: &str) -> Result<u64, Bad> {
    let bytes = text.as_bytes();
    let (radix, name, skip) = match bytes {
        [b'0', b'x', ..] => (16, "hexadecimal", 2),
        [b'0', b'b', ..] => (2, "binary", 2),
        [b'0', b'o', ..] => (8, "octal", 2),
        _ => (10, "decimal", 0),
    };
    let mut value = 0u64;
    let mut any = false;
    for (i, &byte) in bytes.iter().enumerate().skip(skip) {
        if byte == b'_' {
            continue;
        }
        let Some(digit) = (byte as char).to_digit(radix) else {
            if any && byte.is_ascii_alphabetic() && radix == 10 {
                return Err(bad(format!("`{}` can't follow a number", &text[i..]), i, text.len()));
            }
            return Err(bad(format!("`{}` is no {name} digit", byte as char), i, i + 1));
        };
        any = true;
        value = value
            .checked_mul(u64::from(radix))
            .and_then(|v| v.checked_add(u64::from(digit)))
            .ok_or_else(|| Bad {
                what: "this integer is larger than 64 bits hold".into(),
                lo: 0,
                hi: text.len(),
                too_large: true,
            })?;
    }
    if any { Ok(value) } else { Err(bad(format!("a {name} number needs digits"), 0, text.len())) }
}

/// The value of a float token, rounded to 64 bits.
pub(crate) fn float(text: &str) -> Result<f64, Bad> {
    let clean: Cow<'_, str> =
        if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    match clean.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(Bad {
            what: "this number is larger than 64 bits hold".into(),
            lo: 0,
            hi: text.len(),
            too_large: true,
        }),
        Err(_) => Err(bad(format!("`{text}` is no number"), 0, text.len())),
    }
}

/// Reads the escape at `bytes[i]`, which is a backslash. Gives its value, whether that is a raw byte, and where
/// the text goes on.
fn escape(text: &str, i: usize) -> Result<(u32, bool, usize), Bad> {
    let bytes = text.as_bytes();
    let simple = |value: u8| Ok((u32::from(value), false, i + 2));
    match bytes.get(i + 1) {
        Some(b'n') => simple(b'\n'),
        Some(b't') => simple(b'\t'),
        Some(b'r') => simple(b'\r'),
        Some(b'0') => simple(0),
        Some(&c @ (b'\\' | b'"' | b'\'')) => simple(c),
        Some(b'x') => {
            let digits = text.get(i + 2..i + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
            let end = text.len().min(i + 4);
            value.map(|v| (v, true, i + 4)).ok_or_else(|| bad("`\\x` takes two hexadecimal digits", i, end))
        }
        Some(b'u') => {
            let close = text[i..].find('}').map(|n| i + n);
            let end = close.map_or(i + 2, |c| c + 1);
            let digits = close.and_then(|c| text.get(i + 2..c)).and_then(|d| d.strip_prefix('{'));
            let digits = digits.filter(|d| d.len() <= 8 && d.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
            match value.map(|v| (v, char::from_u32(v))) {
                Some((v, Some(_))) => Ok((v, false, end)),
                Some((v, None)) => Err(bad(format!("there is no character U+{v:X}"), i + 3, end - 1)),
                None => Err(bad("`\\u` takes a character's number in braces, as in `\\u{1F600}`", i, end)),
            }
        }
        _ => {
            let c = text[i + 1..].chars().next();
            let end = i + 1 + c.map_or(0, char::len_utf8);
            Err(bad(format!("`{}` is no escape", &text[i..end]), i, end))
        }
    }
}

/// The value of a character token, quotes included in `text`.
pub(crate) fn character(text: &str) -> Result<u32, Bad> {
    let inner = &text[1..text.len() - 1];
    if inner.is_empty() {
        return Err(bad("a character literal holds one character, this one none", 0, text.len()));
    }
    let (value, next) = if inner.starts_with('\\') {
        let (value, _, next) = escape(text, 1)?;
        (value, next)
    } else {
        let c = inner.chars().next().unwrap_or('\0');
        (c as u32, 1 + c.len_utf8())
    };
    if next != text.len() - 1 {
        return Err(bad("a character literal holds one character, this one several", 0, text.len()));
    }
    Ok(value)
}

/// The bytes of a string token, quotes included in `text`. A line break is one `\n` however the file writes it.
pub(crate) fn string(text: &str) -> Result<Cow<'_, [u8]>, Bad> {
    let inner = &text[1..text.len() - 1];
    if !inner.bytes().any(|b| b == b'\\' || b == b'\r') {
        return Ok(Cow::Borrowed(inner.as_bytes()));
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(inner.len());
    let mut i = 1;
    while i < text.len() - 1 {
        match bytes[i] {
            b'\\' => {
                let (value, raw, next) = escape(text, i)?;
                match char::from_u32(value) {
                    Some(c) if !raw => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    _ => out.push(value as u8),
                }
                i = next;
            }
            b'\r' if bytes[i + 1] == b'\n' => i += 1,
            byte => {
                out.push(byte);
                i += 1;
            }
        }
    }
    Ok(Cow::Owned(out))
}

/// The text of a `#string` token: the lines between the tags, each with its line break.
pub(crate) fn raw_string(text: &str) -> Cow<'_, [u8]> {
    let body = text.find('\n').map_or("", |n| &text[n + 1..]);
    let body = body.rfind('\n').map_or("", |n| &body[..=n]);
    if body.contains("\r\n") {
        Cow::Owned(body.replace("\r\n", "\n").into_bytes())
    } else {
        Cow::Borrowed(body.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(int("1_000"), Ok(1000));
        assert_eq!(int("0xFF"), Ok(255));
        assert_eq!(int("0b1010"), Ok(10));
        assert_eq!(int("0o17"), Ok(15));
        assert_eq!(int("18446744073709551615"), Ok(u64::MAX));
        assert!(int("18446744073709551616").unwrap_err().too_large);
        assert_eq!(int("0x").unwrap_err().what, "a hexadecimal number needs digits");
        assert_eq!(int("0b12").unwrap_err().lo, 3);
        assert_eq!(int("12ab").unwrap_err().what, "`ab` can't follow a number");
    }

    #[test]
    fn floats() {
        assert_eq!(float("1.5"), Ok(1.5));
        assert_eq!(float("1e-3"), Ok(0.001));
        assert_eq!(float("1_0.2_5"), Ok(10.25));
        assert!(float("1e999").unwrap_err().too_large);
        assert!(float("1.5abc").is_err());
    }

    #[test]
    fn characters() {
        assert_eq!(character("'a'"), Ok(97));
        assert_eq!(character("'é'"), Ok(0xe9));
        assert_eq!(character(r"'\n'"), Ok(10));
        assert_eq!(character(r"'\''"), Ok(39));
        assert_eq!(character(r"'\u{1F600}'"), Ok(0x1f600));
        assert!(character("''").is_err());
        assert!(character("'ab'").is_err());
        assert!(character(r"'\q'").is_err());
    }

    #[test]
    fn strings() {
        assert_eq!(string("\"plain\"").unwrap().as_ref(), b"plain");
        assert_eq!(string(r#""a\t\x41\xff\u{e9}\\\"\0""#).unwrap().as_ref(), b"a\tA\xff\xc3\xa9\\\"\0");
        assert_eq!(string("\"two\r\nlines\"").unwrap().as_ref(), b"two\nlines");
        assert_eq!(string(r#""\u{d800}""#).unwrap_err().what, "there is no character U+D800");
        assert_eq!(string(r#""ab\q""#).unwrap_err(), bad("`\\q` is no escape", 3, 5));
        assert!(string(r#""\u{"#).is_err());
        assert!(string(r#""\x4""#).is_err());
    }

    #[test]
    fn raw_strings() {
        assert_eq!(raw_string("#string END\na\n  b\nEND").as_ref(), b"a\n  b\n");
        assert_eq!(raw_string("#string END\r\na\r\nEND").as_ref(), b"a\n");
        assert_eq!(raw_string("#string END\nEND").as_ref(), b"");
    }
}
