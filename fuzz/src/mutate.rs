//! New programs out of old ones: tokens, groups, statements and declarations are changed, moved, and taken from seeds.
//! The result depends on nothing but the input, the number and the corpus.

use crate::pieces::Pieces;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use sx_syntax::token::Tok;

/// The programs whose parts are put into others.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    for folder in ["corpus", "examples", "benches"] {
        collect(&root.join(folder), &mut texts);
    }
    texts.sort();
    texts
});

fn collect(folder: &Path, texts: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "sx") {
            texts.extend(std::fs::read_to_string(&path).ok().filter(|text| text.len() < 16_000));
        }
    }
}

/// Numbers that look random.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u32) -> Random {
        Random(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    /// A number below `n`, or 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n.max(1) as u64) as usize
    }
    /// One of some things.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Integers at the edges of types.
const INTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "63",
    "64",
    "127",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1000000000000000000000000",
];
const TYPES: &[&str] = &[
    "i1",
    "u1",
    "i7",
    "u8",
    "i32",
    "i63",
    "i64",
    "u64",
    "usize",
    "f32",
    "f64",
    "bool",
    "string",
    "cstring",
    "void",
    "noreturn",
    "Any",
    "Type",
    "*i64",
    "[*]u8",
    "[]i64",
    "[3]u8",
    "[0]i64",
    "?i64",
    "?*u8",
    "??bool",
    "Vector(4, f32)",
    "Tuple(i64, string)",
    "Closure(i64) -> i64",
    "(i64) -> i64",
    "$T",
    "Self",
];
/// What goes around an operand.
const AROUND: &[(&str, &str)] = &[
    ("(", ")"),
    ("{ ", " }"),
    ("", "!"),
    ("", " ?? 0"),
    ("", ".*"),
    ("@", ""),
    ("-", ""),
    ("!", ""),
    ("~", ""),
    ("xx ", ""),
    ("cast(i64) ", ""),
    ("try ", ""),
    ("", " catch 0"),
    ("", " or 1"),
    ("#run ", ""),
    ("", "[0]"),
    ("", "[..]"),
    ("", "[1..]"),
    ("", "()"),
    ("", "(0)"),
    ("", ".len"),
    ("", ".0"),
    ("", "?.x"),
    ("type_of(", ")"),
    ("size_of(", ")"),
    (".(", ", 1)"),
    (".[", "]"),
    ("if true then ", " else 0"),
    ("() => ", ""),
    ("..", ""),
    ("", " |> f()"),
    ("", " == "),
    ("1 + ", ""),
    ("", " in .(1, 2)"),
    ("return ", ""),
    ("is_comptime(", ")"),
];
/// What goes before a statement.
const BEFORE: &[&str] = &[
    "defer ",
    "onfail ",
    "inline ",
    "if true ",
    "while false ",
    "return ",
    "_ = ",
    "x := ",
    "x :: ",
    "X : i64 : ",
    "break; ",
    "continue; ",
    "raise error.X; ",
    "for 0..3 (i) ",
    "#run ",
    "#assert ",
    "push .{} ",
    "try ",
    "case .x: ",
    "impl ",
    "test \"t\" ",
    "`if := 1; ",
];

/// Changes a program; none when nothing comes out that fits.
pub fn mutate(bytes: &[u8], max: usize, seed: u32) -> Option<String> {
    let mut random = Random::new(seed);
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    // Mostly one change: what is checked without errors goes on to lowering and the passes.
    let changes = [1, 1, 1, 1, 2, 2, 3, 5][random.below(8)];
    for _ in 0..changes {
        if let Some(new) = step(&text, &mut random)
            && new.len() <= max
        {
            text = new;
        }
    }
    (text.len() <= max && text.as_bytes() != bytes).then_some(text)
}

fn step(text: &str, random: &mut Random) -> Option<String> {
    let own = Pieces::new(text);
    let foreign = Pieces::new(random.pick(&SEEDS).map_or("", String::as_str));
    if own.is_empty() {
        return Some(foreign.text.to_owned());
    }
    let token = random.below(own.len());
    match random.below(20) {
        0 => Some(put(text, own.bytes(token..token + 1), "")),
        1 => Some(put(text, own.bytes(token..token), own.slice(token..token + 1))),
        2 | 3 => like(&own, &foreign, token, random),
        4 => swap(&own, token..token + 1, any(&own, random)?),
        5 => {
            let from = random.below(foreign.len());
            let to = (from + 1 + random.below(16)).min(foreign.len());
            Some(put(text, own.bytes(token..token), foreign.slice(from..to)))
        }
        6 | 7 => {
            let group = random.pick(&own.groups())?.clone();
            let same = |other: &Range<usize>| foreign.kind(other.start) == own.kind(group.start);
            let others: Vec<_> = foreign.groups().into_iter().filter(same).collect();
            Some(put(text, own.bytes(group), foreign.slice(random.pick(&others)?.clone())))
        }
        8 => exchange(&own, &own.operands(), &own, &own.operands(), random),
        9 => exchange(&own, &own.operands(), &foreign, &foreign.operands(), random),
        10 => {
            let operand = random.pick(&own.operands())?.clone();
            let (before, after) = random.pick(AROUND)?;
            let new = format!("{before}{}{after}", own.slice(operand.clone()));
            Some(put(text, own.bytes(operand), &new))
        }
        11 => {
            let statement = random.pick(&own.statements())?.clone();
            Some(put(text, own.bytes(statement.start..statement.start), random.pick(BEFORE)?))
        }
        12 => {
            let statement = random.pick(&own.statements())?.clone();
            Some(put(text, own.bytes(statement), ""))
        }
        13 => {
            let place = random.pick(&own.statements())?.start;
            let new = own.slice(random.pick(&own.statements())?.clone());
            Some(put(text, own.bytes(place..place), new))
        }
        14 => {
            let place = random.pick(&own.statements())?.start;
            let new = foreign.slice(random.pick(&foreign.statements())?.clone());
            Some(put(text, own.bytes(place..place), new))
        }
        15 => {
            let place = random.pick(&own.declarations())?.start;
            let new = foreign.slice(random.pick(&foreign.declarations())?.clone());
            Some(put(text, own.bytes(place..place), &format!("{new}\n")))
        }
        16 => exchange(&own, &own.declarations(), &own, &own.declarations(), random),
        17 => Some(put(text, own.bytes(random.pick(&own.declarations())?.clone()), "")),
        18 => rename(&own, random),
        _ => splice(&own, &foreign, random),
    }
}

/// A token of another kind of the same sort in its place.
fn like(own: &Pieces<'_>, foreign: &Pieces<'_>, token: usize, random: &mut Random) -> Option<String> {
    let kind = own.kind(token);
    let new = match kind {
        Tok::Int if random.below(2) == 0 => (*random.pick(INTS)?).to_owned(),
        Tok::Prim => (*random.pick(TYPES)?).to_owned(),
        _ => {
            let from = if random.below(2) == 0 { own } else { foreign };
            let same = |other: &usize| sort(from.kind(*other)) == sort(kind);
            let others: Vec<usize> = (0..from.len()).filter(same).collect();
            let other = *random.pick(&others)?;
            from.slice(other..other + 1).to_owned()
        }
    };
    Some(put(own.text, own.bytes(token..token + 1), &new))
}

/// Which tokens can stand for each other.
fn sort(kind: Tok) -> u8 {
    use Tok::*;
    match kind {
        _ if kind.is_name() => 0,
        Prim => 1,
        And | Or | In => 2,
        True | False | Null => 3,
        Break | Continue | Return => 4,
        Defer | OnFail | Raise | Try | Catch => 5,
        Struct | Union | Enum | Protocol => 6,
        _ if kind.is_keyword() => 7,
        Int | Char => 8,
        Float | Str | RawStr | Undef => 9,
        Plus | Minus | Star | Slash | Percent | Amp | Bar | Caret | Shl | Shr => 10,
        _ if kind.is_comparison() => 11,
        _ if kind.is_range() => 12,
        QDot | Dot | DotDot => 13,
        Bang | Tilde | At | Question | QQ | Dollar => 14,
        Arrow | FatArrow | Colon | ColonColon | ColonEq | Eq | Comma | Semi | Pipe => 15,
        _ if kind >= LParen && kind <= RBrace => 16,
        _ if kind > Eq && kind <= ShrEq => 17,
        _ => 18,
    }
}

fn any(own: &Pieces<'_>, random: &mut Random) -> Option<Range<usize>> {
    (!own.is_empty()).then(|| random.below(own.len())).map(|at| at..at + 1)
}

/// Two parts change places.
fn swap(own: &Pieces<'_>, one: Range<usize>, other: Range<usize>) -> Option<String> {
    let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
    if first.end > second.start {
        return None;
    }
    let (a, b) = (own.slice(first.clone()), own.slice(second.clone()));
    let text = put(own.text, own.bytes(second), a);
    Some(put(&text, own.bytes(first), b))
}

/// A part of `own` becomes a copy of a part of `from`.
fn exchange(
    own: &Pieces<'_>,
    parts: &[Range<usize>],
    from: &Pieces<'_>,
    others: &[Range<usize>],
    random: &mut Random,
) -> Option<String> {
    let part = random.pick(parts)?.clone();
    Some(put(own.text, own.bytes(part), from.slice(random.pick(others)?.clone())))
}

/// One name becomes another, everywhere or once.
fn rename(own: &Pieces<'_>, random: &mut Random) -> Option<String> {
    let names: Vec<usize> = (0..own.len()).filter(|&at| own.kind(at).is_name()).collect();
    let (old, new) = (*random.pick(&names)?, *random.pick(&names)?);
    let (old, new) = (own.slice(old..old + 1), own.slice(new..new + 1));
    let mut text = own.text.to_owned();
    for &at in names.iter().rev().filter(|&&at| own.slice(at..at + 1) == old) {
        text.replace_range(own.bytes(at..at + 1), new);
    }
    Some(text)
}

/// The beginning of one program and the end of another.
fn splice(own: &Pieces<'_>, foreign: &Pieces<'_>, random: &mut Random) -> Option<String> {
    let cut = own.bytes(random.pick(&own.declarations())?.clone()).end;
    let rest = foreign.bytes(random.pick(&foreign.declarations())?.clone()).start;
    Some(format!("{}\n{}", &own.text[..cut], &foreign.text[rest..]))
}

/// Puts a text in the place of a part, kept apart from words beside it.
fn put(text: &str, at: Range<usize>, new: &str) -> String {
    let (before, after) = (&text[..at.start], &text[at.end..]);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let meets = |a: &str, b: &str| a.ends_with(word) && b.starts_with(word);
    let mut out = String::with_capacity(text.len() + new.len() + 2);
    out.push_str(before);
    if meets(before, new) || (new.is_empty() && meets(before, after)) {
        out.push(' ');
    }
    out.push_str(new);
    if meets(new, after) {
        out.push(' ');
    }
    out.push_str(after);
    out
}

/// Declarations of two programs in turn.
pub fn cross(one: &[u8], other: &[u8], max: usize, seed: u32) -> String {
    let mut random = Random::new(seed);
    let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
    let (one, other) = (Pieces::new(&one), Pieces::new(&other));
    let mut out = String::new();
    let parts = [(&one, one.declarations()), (&other, other.declarations())];
    for (pieces, declarations) in &parts {
        for declaration in declarations {
            let text = pieces.slice(declaration.clone());
            if random.below(4) != 0 && out.len() + text.len() < max {
                out.push_str(text);
                out.push('\n');
            }
        }
    }
    if out.is_empty() && max > 0 {
        out.push(';');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Outcome, compile};

    /// Mutants of sound programs are worth little if hardly any is sound.
    #[test]
    fn a_good_part_of_the_mutants_compiles() {
        let sound: Vec<&String> =
            SEEDS.iter().filter(|text| compile(text.as_bytes()) == Outcome::Compiled).take(200).collect();
        let mut compiled = 0;
        let mut count = 0;
        for seed in 0..5 {
            for (number, text) in sound.iter().enumerate() {
                let Some(mutant) = mutate(text.as_bytes(), 16_000, seed * 1000 + number as u32) else {
                    continue;
                };
                count += 1;
                compiled += usize::from(compile(mutant.as_bytes()) == Outcome::Compiled);
            }
        }
        println!("{compiled} of {count}");
        assert!(compiled * 10 > count, "{compiled} of {count}");
    }
}
