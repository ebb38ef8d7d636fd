//! Format strings are checked against their arguments.

use crate::support::check;

/// A fixture within a function that has some values.
#[track_caller]
fn with(text: &str) {
    let text = text.strip_prefix('\n').unwrap_or(text);
    check(&format!("#import \"modules/std.sx\";\nf :: (n: i64, x: f64, s: string, b: bool) {{\n{text}\n}}"));
}

#[test]
fn what_fits() {
    with("print(\"{} {} {} {}\\n\", n, x, s, b);");
    with("print(\"{:x} {:08.3} {:>8} {:*^10}\", n, x, s, b);");
    with("print(\"{{}}\");");
    with("print(\"plain\");");
    with("t := format(\"{}\", .(n, s)); _ = t;");
    with("print(\"{}\", .[1, 2]);");
}

#[test]
fn counts() {
    with(
        r#"
print("{}");
       ^^ E0309
"#,
    );
    with(
        r#"
print("{} {}", n);
          ^^ E0309
"#,
    );
    with(
        r#"
print("{}", n, s);
       ^^ E0309
"#,
    );
    with(
        r#"
print("none", n);
       ^^^^ E0309
"#,
    );
}

#[test]
fn malformed() {
    with(
        r#"
print("{", n);
       ^ E0309
"#,
    );
    with(
        r#"
print("}", n);
       ^ E0309
"#,
    );
    with(
        r#"
print("{:q}", n);
       ^^^^ E0309
"#,
    );
    with(
        r#"
print("{n}", n);
       ^^^ E0309
"#,
    );
    with(
        r#"
print("{:.}", x);
       ^^^^ E0309
"#,
    );
    with(
        r#"
print("ab {} cd {:zz} e", n, n);
                ^^^^^ E0309
"#,
    );
}

#[test]
fn specifications_fit_their_values() {
    with(
        r#"
print("{:x}", s);
       ^^^^ E0309
"#,
    );
    with(
        r#"
print("{:x}", x);
       ^^^^ E0309
"#,
    );
    with(
        r#"
print("{:.3}", n);
       ^^^^^ E0309
"#,
    );
    with(
        r#"
print("{:e}", n);
       ^^^^ E0309
"#,
    );
    with("print(\"{:b} {:o} {:X} {:e}\", n, n, n, x);");
}

#[test]
fn the_format_is_known() {
    with(
        r#"
print(s);
      ^ E0701
"#,
    );
    with(
        r#"
print(s, n);
      ^ E0701
"#,
    );
    with(
        r#"
print(n);
      ^ E0201
"#,
    );
    with(
        r#"
print();
^^^^^^^ E0301
"#,
    );
    with("F :: \"{}\\n\"; print(F, n);");
}
