//! C: `extern`, `export`, `asm`.

use crate::support::check;

#[test]
fn functions_of_c() {
    check(
        "write :: (fd: i32, p: [*]u8, n: usize) -> isize extern libc \"write\";\nf :: () { _ = write(1, null, 0); }",
    );
    check("puts :: (s: cstring) -> i32 extern libc;\nf :: () { _ = puts(\"literal\"); }");
    check(
        r#"
puts :: (s: cstring) -> i32 extern libc;
f :: (s: string) { _ = puts(s); }
                            ^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) extern missing;
                     ^^^^^^^ E0801
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 extern libc { n }
                                 ^^^^^ E0801
"#,
    );
    check(
        r#"
f :: ($T: Type) extern libc;
      ^^^^^^^^ E0801
"#,
    );
    check(
        r#"
f :: (p: *$T) -> i32 extern libc;
      ^^^^^^ E0801
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 ! extern libc;
^ E0801
"#,
    );
    check("m :: #library \"m\";\ncosf :: (x: f32) -> f32 extern m;\nf :: () -> f32 { cosf(1) }");
    check(
        "printf :: (format: cstring, ..args) -> i32 extern libc;\nf :: (n: i64) { _ = printf(\"%ld\", n); }",
    );
}

#[test]
fn exported_functions() {
    check("tick :: (dt: f64) export \"game_tick\" { _ = dt; }");
    check(
        r#"
tick :: (s: $T) export {}
         ^^^^^ E0801
"#,
    );
    check(
        r#"
tick :: (n: i64, ..$args) export {}
                 ^^^^^^^ E0801
"#,
    );
}

#[test]
fn variables_of_c() {
    check("environ : *cstring extern;\nf :: () -> *cstring { environ }");
    check(
        r#"
environ : *cstring extern nowhere;
                          ^^^^^^^ E0801
"#,
    );
}

#[test]
fn machine_code() {
    check(
        r#"
f :: () { asm volatile { "nop" }; }
          ^^^^^^^^^^^^^^^^^^^^^^ E0804
"#,
    );
    check(
        r#"
asm { "nop" }
^^^^^^^^^^^^^ E0804
"#,
    );
    check(
        r#"
c :: #import c { #include "stdio.h"; };
     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0802
f :: () { c.puts(null); }
"#,
    );
}
