//! What format strings say: their pieces, the options of placeholders, and where in a literal each is written.

use std::ops::Range;

/// A piece of a format string.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Value(Option<Spec>),
}

/// A piece, and its bytes in the string.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Part {
    pub piece: Piece,
    pub at: Range<usize>,
}

/// What is wrong with a format string.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fault {
    pub message: String,
    /// Its bytes in the string.
    pub at: Range<usize>,
    pub help: Option<String>,
}

/// What stands behind the `:` of a placeholder.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Spec {
    pub fill: u32,
    pub align: u8,
    pub zero: bool,
    pub width: i64,
    pub precision: i64,
    pub kind: u8,
}

/// Wider than any terminal, and far from what would exhaust memory.
const MAX_WIDTH: i64 = 65_535;

/// Splits a format string; on an error, what is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let (mut start, mut done) = (0, 0);
    while let Some(at) = text[done..].find(['{', '}']).map(|at| done + at) {
        literal.push_str(&text[done..at]);
        let brace = text.as_bytes()[at];
        if text.as_bytes().get(at + 1) == Some(&brace) {
            literal.push(brace as char);
            done = at + 2;
            continue;
        }
        let fault = |message: &str, end: usize, help: &str| {
            let help = (!help.is_empty()).then(|| help.to_string());
            Fault { message: message.to_string(), at: at..end, help }
        };
        if brace == b'}' {
            return Err(fault("this `}` closes nothing", at + 1, "write `}}` for the character"));
        }
        let Some(end) = text[at..].find('}').map(|end| at + end) else {
            return Err(fault("this `{` is never closed", at + 1, "write `{{` for the character"));
        };
        if !literal.is_empty() {
            parts.push(Part { piece: Piece::Text(std::mem::take(&mut literal).into_bytes()), at: start..at });
        }
        let inside = &text[at + 1..end];
        let spec = match inside.strip_prefix(':') {
            Some("") => None,
            Some(spec) => Some(parse_spec(spec).map_err(|message| fault(&message, end + 1, ""))?),
            None if inside.is_empty() => None,
            None => {
                let message = format!("`{{{inside}}}` isn't a placeholder");
                let help = "write `{}`, and pass the value behind the string; options follow a `:`";
                return Err(fault(&message, end + 1, help));
            }
        };
        parts.push(Part { piece: Piece::Value(spec), at: at..end + 1 });
        (start, done) = (end + 1, end + 1);
    }
    literal.push_str(&text[done..]);
    if !literal.is_empty() {
        parts.push(Part { piece: Piece::Text(literal.into_bytes()), at: start..text.len() });
    }
    Ok(parts)
}

/// Where in a literal, as it is written, a byte of its value stands.
pub(super) fn position(source: &str, value: &str, at: usize) -> Option<usize> {
    let Some(inside) = source.strip_prefix('"') else {
        // A raw string stands in the source as it is, below the line of its tag.
        let body = source.find('\n')? + 1;
        return source[body..].find(value).map(|start| body + start + at);
    };
    let mut made = 0;
    let mut chars = inside.char_indices();
    while let Some((offset, c)) = chars.next() {
        if made >= at {
            return Some(1 + offset);
        }
        if c != '\\' {
            made += c.len_utf8();
            continue;
        }
        made += match chars.next()?.1 {
            'x' => {
                chars.nth(1)?;
                1
            }
            'u' => {
                let digits: String = chars.by_ref().skip(1).take_while(|d| d.1 != '}').map(|d| d.1).collect();
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)?.len_utf8()
            }
            _ => 1,
        };
    }
    None
}

/// `[[fill]align][0][width][.precision][x|X|b|o|e]`
fn parse_spec(text: &str) -> Result<Spec, String> {
    let mut spec = Spec { fill: ' ' as u32, align: 0, zero: false, width: 0, precision: -1, kind: 0 };
    let side = |c: char| match c {
        '<' => Some(1),
        '^' => Some(2),
        '>' => Some(3),
        _ => None,
    };
    let mut chars = text.chars().peekable();
    let mut ahead = text.chars();
    let (first, second) = (ahead.next(), ahead.next());
    if let (Some(fill), Some(align)) = (first, second.and_then(side)) {
        spec.fill = fill as u32;
        spec.align = align;
        chars.next();
        chars.next();
    } else if let Some(align) = first.and_then(side) {
        spec.align = align;
        chars.next();
    }
    if chars.peek() == Some(&'0') {
        spec.zero = true;
        chars.next();
    }
    let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Result<Option<i64>, String> {
        let mut value: Option<i64> = None;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            let next = value.unwrap_or(0) * 10 + digit as i64;
            if next > MAX_WIDTH {
                return Err(format!("widths and precisions go up to {MAX_WIDTH}"));
            }
            value = Some(next);
            chars.next();
        }
        Ok(value)
    };
    spec.width = number(&mut chars)?.unwrap_or(0);
    if chars.peek() == Some(&'.') {
        chars.next();
        spec.precision = number(&mut chars)?.ok_or("digits are missing after the `.`")?;
    }
    if let Some(&kind @ ('x' | 'X' | 'b' | 'o' | 'e')) = chars.peek() {
        spec.kind = kind as u8;
        chars.next();
    }
    match chars.next() {
        None => Ok(spec),
        Some(c) => Err(format!("the format option `{c}` doesn't exist")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        parse_spec(text).expect(text)
    }

    #[test]
    fn pieces() {
        let text = |text: &str, at| Part { piece: Piece::Text(text.as_bytes().to_vec()), at };
        let value = |at| Part { piece: Piece::Value(None), at };
        assert_eq!(parse("a{{b}}c"), Ok(vec![text("a{b}c", 0..7)]));
        assert_eq!(parse("x{}y"), Ok(vec![text("x", 0..1), value(1..3), text("y", 3..4)]));
        assert_eq!(parse("{{{}}}"), Ok(vec![text("{", 0..2), value(2..4), text("}", 4..6)]));
        assert_eq!(parse("{:}"), Ok(vec![value(0..3)]));
        for bad in ["{", "}", "{x}", "{:q}", "{:.}", "{:99999999999999}", "{:5.2z}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn specs() {
        assert_eq!(spec("08.3"), Spec { fill: 32, align: 0, zero: true, width: 8, precision: 3, kind: 0 });
        assert_eq!(spec(">8"), Spec { fill: 32, align: 3, zero: false, width: 8, precision: -1, kind: 0 });
        assert_eq!(
            spec("é^4"),
            Spec { fill: 'é' as u32, align: 2, zero: false, width: 4, precision: -1, kind: 0 }
        );
        assert_eq!(
            spec("<<3x"),
            Spec { fill: '<' as u32, align: 1, zero: false, width: 3, precision: -1, kind: b'x' }
        );
    }

    #[test]
    fn faults_have_places() {
        let place = |text| parse(text).expect_err(text).at;
        assert_eq!(place("ab { c"), 3..4);
        assert_eq!(place("{} }"), 3..4);
        assert_eq!(place("{} {:q}!"), 3..7);
        assert_eq!(place("{{{name}"), 2..8);
    }

    #[test]
    fn positions_in_literals() {
        // What is written, its value, a byte of the value, and where that is written.
        for (source, value, at, want) in [
            (r#""a{}""#, "a{}", 1, Some(2)),
            (r#""\n{}""#, "\n{}", 1, Some(3)),
            (r#""\x41\u{e9}{}""#, "Aé{}", 3, Some(11)),
            (r#""é{}""#, "é{}", 2, Some(3)),
            ("#string E\n{}\nE", "{}", 0, Some(10)),
            (r#""ab""#, "ab", 2, Some(3)),
        ] {
            assert_eq!(position(source, value, at), want, "{source} {at}");
        }
    }
}
