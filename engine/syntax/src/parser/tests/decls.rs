use super::*;
use pretty_assertions::assert_eq;

#[test]
fn constants_and_variables() {
    items("N :: 16;", "(const N 16)");
    items("LIMIT : u32 : 100;", "(const LIMIT (: u32) 100)");
    items("count := 0;", "(var count 0)");
    items("speed : f32 = 2.5;", "(var speed (: f32) 2.5)");
    items("buf : [64]u8 = ---;", "(var buf (: ([N] 64 u8)) ---)");
    items("x: T;", "(var x (: T))");
    items("a, b := f();", "(var a b (call f))");
    items("a, b : i64 = 1, 2;", "(var a b (: i64) 1 2)");
    items("`i2 := 5;", "(var `i2 5)");
    items("environ : *cstring extern;", "(var environ (: (* cstring)) (extern))");
    items("errno : i32 extern libc \"errno\";", "(var errno (: i32) (extern libc \"errno\"))");
    items("flags := 1; test := 2; volatile :: 3;", "(var flags 1)\n(var test 2)\n(const volatile 3)");
    items("text := #string END\nraw \"x\"\nEND;", "(var text \"raw \\\"x\\\"\\n\")");
}

#[test]
fn docs_attach_to_what_follows() {
    items("/// one\n/// two\nN :: 1;\n// no\nM :: 2;", "(const doc N 1)\n(const M 2)");
    items(
        "S :: struct { /// d\n x: i64; y: i64; }",
        "(const S (struct () (field doc x : i64) (field y : i64)))",
    );
    items("E :: enum { /// d\n a; b; }", "(const E (enum (a doc) (b)))");
    let file = file("/// one\n/// two\nN :: 1;");
    let doc = file.ast.consts[0].doc.expect("a doc comment");
    assert_eq!(&file.text[doc.lo as usize..doc.hi as usize], "/// one\n/// two");
}

#[test]
fn functions() {
    items(
        "add :: (a: i64, b: i64) -> i64 { a + b }",
        "(const add (fn (a:i64 b:i64) -> i64 (block (tail (+ a b)))))",
    );
    items("half :: (a: f64) -> f64 => a / 2.0;", "(const half (fn (a:f64) -> f64 (=> (/ a 2.0))))");
    items(
        "greet :: (name: string, times: i64 = 1) { }",
        "(const greet (fn (name:string times:i64=1) (block)))",
    );
    items(
        "first :: (xs: []$T) -> T { xs[0] }",
        "(const first (fn (xs:([] $T)) -> T (block (tail (index xs 0)))))",
    );
    items("make :: ($T: Type, n: i64) -> []T { }", "(const make (fn ($T:Type n:i64) -> ([] T) (block)))");
    items(
        "f :: (x: $T/Show, ..xs: []T, ..$rest) { }",
        "(const f (fn (x:$T/Show ..xs:([] T) ..$rest) (block)))",
    );
    items("f :: (loc := #caller_location) { }", "(const f (fn (loc=#caller_location) (block)))");
    items("f :: () -> ! { }", "(const f (fn () -> ! (block)))");
    items("f :: () -> T !ParseErr { }", "(const f (fn () -> T ! ParseErr (block)))");
    items("f :: () -> Tuple(A, B) !m.E { }", "(const f (fn () -> (Tuple A B) ! (. m E) (block)))");
    items("f :: () -> (i64) -> i64 { g }", "(const f (fn () -> (fn-type i64 -> i64) (block (tail g))))");
    items(
        "f :: (cb: (i64) -> i64, c: Closure(A) -> B) { }",
        "(const f (fn (cb:(fn-type i64 -> i64) c:(Closure A -> B)) (block)))",
    );
    items("F :: (a: i64) -> i64;", "(const F (fn-type a:i64 -> i64))");
    items("dbl :: ufcs (x: i64) => x * 2;", "(const dbl (fn ufcs (x:i64) (=> (* x 2))))");
    items("dbl :: ufcs double;", "(const dbl (ufcs double))");
    items("f :: (x: i64) #inline { }", "(const f (fn (x:i64) #inline (block)))");
    items("f :: (x: i64) -> i64 #builtin;", "(const f (fn (x:i64) -> i64 #builtin))");
}

#[test]
fn linkage_and_abi() {
    items("cosf :: (x: f32) -> f32 extern libm;", "(const cosf (fn (x:f32) -> f32 (extern libm) ;))");
    items(
        "w :: (fd: i32) -> isize extern libc \"write\";",
        "(const w (fn (fd:i32) -> isize (extern libc \"write\") ;))",
    );
    items(
        "on_tick :: (dt: f64) export \"game_tick\" { }",
        "(const on_tick (fn (dt:f64) (export \"game_tick\") (block)))",
    );
    items(
        "cmp :: (a: *void) -> i32 abi(.c) { 0 }",
        "(const cmp (fn (a:(* void)) -> i32 .c (block (tail 0))))",
    );
    items("n :: () abi(.naked) { asm { \"ret\" } }", "(const n (fn () .naked (block (tail (asm \"ret\")))))");
    items("t :: (x: Type) -> i64 abi(.compiler);", "(const t (fn (x:Type) -> i64 .compiler ;))");
    items(
        "puts :: (s: cstring, ..args) -> i32 extern;",
        "(const puts (fn (s:cstring ..args) -> i32 (extern) ;))",
    );
}

#[test]
fn structs() {
    items(
        "Point :: struct {\n x, y: f32;\n tag: string = \"none\";\n ORIGIN :: Point.{ x = 0 };\n len :: (self: *Point) -> f32 #get => self.x;\n #using base: Entity;\n K : u8 : 3;\n}",
        "(const Point (struct () (field x y : f32) (field tag : string (= \"none\")) (const ORIGIN (struct-lit Point x=0)) (const len (fn (self:(* Point)) -> f32 #get (=> (. self x)))) (field #using base : Entity) (const K (: u8) 3)))",
    );
    items(
        "L :: struct ($T: Type, ..$Ts: []Type) { items: []T }",
        "(const L (struct ($T:Type ..$Ts:([] Type)) (field items : ([] T))))",
    );
    items("P :: struct #packed #align(16) { }", "(const P (struct () #packed (#align 16)))");
    items("U :: union { i: i64; f: f64; }", "(const U (union () (field i : i64) (field f : f64)))");
    items(
        "S :: struct { i2: i64; push: bool; if :: 1; }",
        "(const S (struct () (field i2 : i64) (field push : bool) (const if 1)))",
    );
}

#[test]
fn enums_and_error_sets() {
    items("C :: enum { red; green; blue }", "(const C (enum (red) (green) (blue)))");
    items("C :: enum u8 { ok :: 0; bad :: 7; }", "(const C (enum (backing u8) (ok (:: 0)) (bad (:: 7))))");
    items("P :: enum flags { read; write; }", "(const P (enum flags (read) (write)))");
    items(
        "S :: enum { circle: f64; int: Size; push; }",
        "(const S (enum (circle (: f64)) (int (: Size)) (push)))",
    );
    items(
        "S :: enum { a; area :: (s: S) -> f64 { 0 } }",
        "(const S (enum (a) (const area (fn (s:S) -> f64 (block (tail 0))))))",
    );
    items("E :: error { Empty, BadDigit };", "(const E (error Empty BadDigit))");
}

#[test]
fn protocols_and_impls() {
    items(
        "Area :: protocol { area :: (self: *Self) -> f64; string :: (self: *Self) -> string { \"?\" } reset :: (self: *Self); }",
        "(const Area (protocol () (const area (fn (self:(* Self)) -> f64 ;)) (const string (fn (self:(* Self)) -> string (block (tail \"?\")))) (const reset (fn (self:(* Self)) ;))))",
    );
    items("A :: protocol #inline { }", "(const A (protocol #inline ()))");
    items(
        "Iter :: protocol(T: Type) { next :: (self: *Self) -> ?T; }",
        "(const Iter (protocol (T:Type) (const next (fn (self:(* Self)) -> (? T) ;))))",
    );
    items(
        "impl Area for Square { area :: (self: *Square) -> f64 { 1 } }",
        "(impl Area Square (const area (fn (self:(* Square)) -> f64 (block (tail 1)))))",
    );
    items(
        "impl Into(Block) for Closure(..$args) -> $R { }",
        "(impl (call Into Block) (Closure ..$args -> $R))",
    );
    items("impl Show for List($T) { }", "(impl Show (call List $T))");
}

#[test]
fn modules() {
    items("#import \"modules/std.sx\";", "(#import \"modules/std.sx\");");
    items("fs :: #import \"fs.sx\";", "(const fs (#import \"fs.sx\"))");
    items("libm :: #library \"m\";", "(const libm (#library \"m\"))");
    items(
        "c :: #import c { #include \"a.h\"; #source \"b.c\"; #define N \"1\"; };",
        "(const c (#import-c include \"a.h\" source \"b.c\" N=\"1\"))",
    );
    items("#run f();", "(#run (call f));");
    items("#assert N == 1;", "(#assert (== N 1))");
    items("test \"adds\" { f(); }", "(test \"adds\" (block (call f);))");
    items("X :: #run f();", "(const X (#run (call f)))");
}

#[test]
fn lines_and_marks_at_the_start_of_a_file() {
    items("\u{feff}#!/usr/bin/env sx\r\nN :: 1;\r\n", "(const N 1)");
    items("#!/bin/sx", "");
    items("", "");
    let file = file("\u{feff}N :: 1;\r\n\r\nM :: 2;");
    assert_eq!(file.line_starts, [0, 12, 14]);
    assert_eq!(file.line_col(14), (3, 1));
}
