use super::*;
use crate::token::CommentKind;
use pretty_assertions::assert_eq;

/// Kinds and texts of a source without lexical errors.
fn tokens(source: &str) -> Vec<(Tok, &str)> {
    let (tokens, diags) = lex(source);
    assert_eq!(diags, [], "{source}");
    let text = |i: usize| &source[tokens.starts[i] as usize..tokens.ends[i] as usize];
    (0..tokens.kinds.len()).map(|i| (tokens.kinds[i], text(i))).take_while(|t| t.0 != Tok::Eof).collect()
}

#[track_caller]
fn check(source: &str, expected: &[Tok]) {
    assert_eq!(tokens(source).iter().map(|t| t.0).collect::<Vec<_>>(), expected, "{source}");
}

#[track_caller]
fn texts(source: &str, expected: &[&str]) {
    assert_eq!(tokens(source).iter().map(|t| t.1).collect::<Vec<_>>(), expected, "{source}");
}

#[track_caller]
fn errors(source: &str, expected: &[(Code, u32, u32)]) {
    let (_, diags) = lex(source);
    let found: Vec<_> = diags.iter().map(|d| (d.code, d.loc.span.lo, d.loc.span.hi)).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn numbers_and_dots() {
    use Tok::*;
    check("1.5 1. 1..2 1.x", &[Float, Int, Dot, Int, DotDot, Int, Int, Dot, Ident]);
    check("t.0.1 t?.0.1", &[Ident, Dot, Int, Dot, Int, Ident, QDot, Int, Dot, Int]);
    check("1e3 1e+3 1.5E-3 1e 0xe+1", &[Float, Float, Float, Int, Int, Plus, Int]);
    texts("1_000 0xFF_F 12abc 0b1010", &["1_000", "0xFF_F", "12abc", "0b1010"]);
    texts("a[0..=9] 0..<n", &["a", "[", "0", "..=", "9", "]", "0", "..<", "n"]);
}

#[test]
fn the_longest_operator_wins() {
    use Tok::*;
    check("<<= << <= < <.. <..= <..<", &[ShlEq, Shl, LtEq, Lt, LtDotDot, LtDotDotEq, LtDotDotLt]);
    check("=..< =.. == => =", &[EqDotDotLt, EqDotDot, EqEq, FatArrow, Eq]);
    check("0..=> x", &[Int, DotDot, FatArrow, Ident]);
    check("--- -> -= - --", &[Undef, Arrow, MinusEq, Minus, Minus, Minus]);
    check("?? ?. ? !=! |> |= |", &[QQ, QDot, Question, BangEq, Bang, Pipe, BarEq, Bar]);
    check(":: := :", &[ColonColon, ColonEq, Colon]);
    check("p.*= 1; a *= 2", &[Ident, Dot, Star, Eq, Int, Semi, Ident, StarEq, Int]);
}

#[test]
fn words() {
    use Tok::*;
    check("if iff `if _x flags i64 i65", &[If, Ident, RawIdent, Ident, Flags, Prim, Ident]);
    check("#run #caller_location #string T\nT", &[DRun, DCallerLocation, RawStr]);
}

#[test]
fn strings_and_characters() {
    texts(r#""a\"b" "c" '\'' 'x' '"'"#, &[r#""a\"b""#, "\"c\"", "'\\''", "'x'", "'\"'"]);
    texts("\"two\nlines\" x", &["\"two\nlines\"", "x"]);
    texts("#string END\nENDING\n END\nEND; y", &["#string END\nENDING\n END\nEND", ";", "y"]);
    assert_eq!(lex("\"a\nb\" \\\n").0.line_starts, [0, 3, 8]);
}

#[test]
fn comments_are_listed() {
    let source = "#!run\n// a\n/// b\n/// c\nx /* d /* e */ */ y //// f\n/**/";
    let (tokens, diags) = lex(source);
    assert_eq!(diags, []);
    let listed: Vec<_> =
        tokens.comments.iter().map(|c| (c.kind, &source[c.span.lo as usize..c.span.hi as usize])).collect();
    use CommentKind::*;
    assert_eq!(
        listed,
        [
            (Shebang, "#!run"),
            (Line, "// a"),
            (Doc, "/// b"),
            (Doc, "/// c"),
            (Block, "/* d /* e */ */"),
            (Line, "//// f"),
            (Block, "/**/"),
        ]
    );
    assert_eq!(tokens.docs, [(0, Span::new(11, 22))], "two lines before the first token");
    assert_eq!(tokens.line_starts, [0, 6, 11, 17, 23, 50]);
}

#[test]
fn brackets_know_their_partners() {
    let pairs = |source: &str| {
        let (tokens, _) = lex(source);
        let paired = tokens.pairs.iter().enumerate().filter(|&(_, &pair)| pair != NO_PAIR);
        paired.map(|(open, &close)| (open as u32, close)).collect::<Vec<_>>()
    };
    assert_eq!(pairs("([{}])"), [(0, 5), (1, 4), (2, 3)]);
    assert_eq!(pairs("{ ( }"), [(0, 2)], "a brace closes over a forgotten parenthesis");
    assert_eq!(pairs("( { ) }"), [(1, 3)], "a parenthesis doesn't close a brace");
    assert_eq!(pairs("( ] )"), [(0, 2)]);
    assert_eq!(pairs(") ("), []);
}

#[test]
fn broken_tokens() {
    errors("x := \"abc\ny", &[(Code::E0005, 5, 6)]);
    errors("'", &[(Code::E0007, 0, 1)]);
    errors("/* /* */", &[(Code::E0006, 0, 2)]);
    errors("#string\nx", &[(Code::E0012, 0, 7)]);
    errors("#string A b\nA", &[(Code::E0012, 0, 9)]);
    errors("#nope x", &[(Code::E0013, 0, 5)]);
    errors("` x", &[(Code::E0011, 0, 1)]);
    errors("a \\ b", &[(Code::E0011, 2, 3)]);
    errors("größe", &[(Code::E0011, 2, 6)]);
    errors("a\u{a0}b \u{1}\u{2}", &[(Code::E0011, 1, 3), (Code::E0011, 5, 7)]);
}
