//! Programs for another machine: what runs while compiling runs on this one, and what it gives is laid out for that one.

use crate::support::{check_for, small};
use sx_ir::RelocTarget;
use sx_sema::{Options, Sema};

/// Checks a program for it; what was made of the program must be right for it, too.
#[track_caller]
fn check_small(fixture: &str) -> Sema {
    let sema = check_for(small(), fixture);
    if !sema.has_errors() {
        assert_eq!(sema.module.target, small().target);
        for func in sema.module.funcs.iter().flatten() {
            if let Err(errors) = sx_ir::verify(func, &sema.module) {
                panic!("`{}` isn't sound: {errors:?}", func.name);
            }
        }
    }
    sema
}

#[test]
fn each_world_has_its_own_layouts() {
    check_small(
        r#"
#import "modules/std.sx";
Node :: struct { next: *Node; id: i32; }
#assert POINTER_SIZE == 4 and OS == "tide" and ARCH == "small32";
#assert size_of(*u8) == 4 and size_of(Node) == 8 and size_of(usize) == 4 and offset_of(Node, "id") == 4;
#assert (#run POINTER_SIZE) == 8 and (#run size_of(Node)) == 16 and (#run offset_of(Node, "id")) == 8;
#assert #run usize.max > 0xFFFF_FFFF_FFFF;
HOST_OS :: #run OS;
#assert HOST_OS != "tide";
width :: () -> i64 { size_of(usize) }
#assert (#run width()) == 8;
// The branch that the host takes isn't there in the program.
wide :: () -> string { inline if POINTER_SIZE == 8 then "wide" else "small" }
#assert (#run wide()) == "wide";
words :: () -> i64 { buf : [POINTER_SIZE]u8 = ---; buf.len }
#assert (#run words()) == 8;
"#,
    );
}

#[test]
fn values_come_back_by_their_structure() {
    check_small(
        r#"
#import "modules/std.sx";
Color :: enum u8 { red; green; }
Shape :: enum { dot; line: Tuple(usize, i32); named: string; }
Pair :: struct { a: usize; b: u8; c: ?i64; }
Bad :: error { Low, High };
#assert (#run Color.green) == .green;
P :: #run Pair.{ a = 7, b = 3, c = 9 };
#assert P.a == 7 and P.b == 3 and P.c == 9 and size_of(Pair) == 24;
S :: #run .[Shape.dot, Shape.line(.(5, 6)), Shape.named("x")];
L :: #run ([]usize).[1, 2, 3];
#assert L.len == 3 and L[2] == 3;
N :: #run (?u32).{};
T :: #run .(1, "two", 3.5);
#assert T.0 == 1 and T.1 == "two" and T.2 == 3.5;
E :: #run { e : Bad = error.High; e };
V :: #run Vector(4, f32).[1, 2, 3, 4];
#assert V.z == 3;
main :: () { print("{} {} {} {}\n", S[1], N == null, E == error.High, P); }
"#,
    );
}

#[test]
fn types_cross() {
    check_small(
        r#"
#import "modules/std.sx";
#import "modules/std/meta.sx";
Box :: struct ($T: Type, $n: i64) { items: [n]T; next: *Box(T, n); Inner :: struct { one: T; } }
pick :: ($T: Type) -> Type { if size_of(T) > 4 then Box(T, 2) else Box(T, 3) }
local :: ($T: Type) -> Type { Here :: struct { t: *T; } Here }
// A function of types runs, and so sees the host's layouts; the type that it gives has the program's.
B :: pick(*u8);
#assert B == Box(*u8, 2) and size_of(B) == 12;
#assert local(i8) == local(i8) and local(i8) != local(u8) and size_of(local(i8)) == 4;
#assert (#run Box(i32, 4).Inner) == Box(i32, 4).Inner;
Node :: #run {
    knot := declare("Node");
    define(knot, .struct(.{ fields = .[.{ name = "n", type = i64 }, .{ name = "next", type = ?*knot }] }))
};
#assert size_of(Node) == 16;
Dir :: #run make_enum("Dir", .[.{ name = "up", payload = void }, .{ name = "by", payload = *Node }]);
main :: () {
    n : Node = .{ n = 5 };
    d : Dir = .by(@n);
    if d == { case .by: (p) { print("{}\n", p.n); } case .up: { } }
}
"#,
    );
}

#[test]
fn functions_cross() {
    check_small(
        r#"
#import "modules/std.sx";
twice :: (n: i64) -> i64 { n * 2 }
same :: (v: $T) -> T { v }
Op :: struct { name: string; run: (i64) -> i64; }
F :: #run twice;
G :: #run Op.{ name = "twice", run = twice };
Ops :: #run .[Op.{ name = "a", run = twice }, Op.{ name = "b", run = (n) => n + 1 }];
adder :: () -> (i64) -> i64 { (n: i64) => n + 5 }
A :: #run adder();
C : Closure(i64) -> i64 : #run { c : Closure(i64) -> i64 = twice; c };
Area :: protocol { area :: (self: *Self) -> i64; twice :: (self: *Self) -> i64 { self.area() * 2 } }
Square :: struct { side: i64; }
impl Area for Square { area :: (self: *Square) -> i64 { self.side * self.side } }
SQ :: Square.{ side = 3 };
Q : Area : #run { a : Area = @SQ; a };
main :: () { print("{} {} {} {} {} {}\n", F(1), G.run(2), Ops[1].run(3), A(4), C(5), Q.twice()); }
"#,
    );
}

#[test]
fn memory_is_laid_out_anew() {
    let sema = check_small(
        r#"
#import "modules/std.sx";
Node :: struct { tag: u8; next: *Node; big: i64; }
Choice :: enum { none; some: Tuple(*u8, i32); }
Color :: enum u8 { red; green; }
count := 4;
Root :: struct { first: *Node; middle: *i64; where: *i64; names: []string; all: []Node; inside: *i32; end: [*]i64; }
R :: #run {
    nodes : [3]Node = ---;
    for 0..3 (i) { nodes[i] = .{ tag = xx i, next = @nodes[(i + 1) % 3], big = i * 10 }; }
    choices := .[Choice.none, Choice.some(.(null, 77))];
    names := .["a", "bc"];
    where := @choices[1];
    inside : *i32 = null;
    if where.* == { case .some: (*t) { inside = @t.1; } else: { } }
    root := Root.{ first = @nodes[1], middle = @nodes[2].big, where = @count, names = names, all = nodes[..],
        inside = inside, end = xx @nodes[0].big };
    anything : [3]Any = .[5, Color.green, where];
    .(root, where, anything)
};
Seen :: protocol { see :: (self: *Self) -> i64; }
Held :: struct { p: *u8; n: i64; }
impl Seen for Held { see :: (self: *Held) -> i64 { self.n } }
H :: #run { h := Held.{ n = 3 }; s : Seen = @h; .(s, @h) };
main :: () { print("{} {} {}\n", R.0.first.next.big, R.0.names[1], H.0.see()); }
"#,
    );
    let datas = &sema.module.datas;
    let shapes: Vec<_> = datas.iter().filter(|d| d.bytes.len() == 48 && d.relocs.len() == 3).collect();
    let [nodes] = shapes[..] else { panic!("the nodes were kept {} times", shapes.len()) };
    let big = |n: usize| i64::from_le_bytes(nodes.bytes[n * 16 + 8..n * 16 + 16].try_into().unwrap());
    assert_eq!([big(0), big(1), big(2)], [0, 10, 20]);
    assert_eq!([nodes.bytes[0], nodes.bytes[16], nodes.bytes[32]], [0, 1, 2]);
    let places: Vec<(u32, i64)> = nodes.relocs.iter().map(|r| (r.offset, r.addend)).collect();
    assert_eq!(places, [(4, 16), (20, 32), (36, 0)]);
    let into_nodes = |d: &&sx_ir::Data| {
        d.relocs
            .iter()
            .filter(|r| matches!(r.target, RelocTarget::Data(id) if std::ptr::eq(nodes, &datas[id.index()])))
            .count()
            == 4
    };
    let roots: Vec<_> = datas.iter().filter(into_nodes).collect();
    let addends: Vec<(u32, i64)> = roots[0].relocs.iter().map(|r| (r.offset, r.addend)).collect();
    // The first node, the middle's number, the variable, names, all, the payload's second part, the end.
    assert_eq!(addends[..3], [(0, 16), (4, 40), (8, 0)]);
    assert_eq!(addends[3..7], [(16, 0), (32, 0), (48, 12), (52, 8)]);
}

#[test]
fn what_cannot_cross_is_said() {
    check_small(
        r#"
#import "modules/std.sx";
W :: #run usize.max;
     ^^^^^^^^^^^^^^ E0708: a value of type `usize` can't be taken
U :: union { a: usize; b: u8; }
X :: #run { u := U.{ a = 3 }; u.b = 4; u };
     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0708: a value of type `U` can't be taken
Y :: #run { u := U.{ a = 3 }; u.a };
Either :: union { a: i64; b: f64; }
Z :: #run { u := Either.{ a = 3 }; u.b = 1; u };
"#,
    );
}

#[test]
fn what_stands_around_is_seen() {
    check_small(
        r#"
#import "modules/std.sx";
table :: ($T: Type, $n: i64) -> i64 {
    Local :: struct { x: *T; }
    K :: n * 2;
    xs : [n]Local = ---;
    _ = xs;
    total := 0;
    inline for 0..2 (i) { total += #run i * K + size_of(Local); }
    total + #run size_of(type_of(xs))
}
// 8 + (2*3 + 8) of the host's sizes, and 3 * 8.
#assert (#run table(u8, 3)) == 46;
#assert is_comptime() == true;
main :: () -> i64 { n := 1; table(u8, 3) + (#run n) }
                                                 ^ E0701
inner :: (..$args) -> i64 { a := 0; inline for args (x) { a += #run size_of(type_of(x)); } a }
later :: () -> i64 { inner(1, "a", true) }
"#,
    );
}

#[test]
fn one_run_happens_once() {
    check_small(
        r#"
#import "modules/std.sx";
calls := 0;
next :: () -> i64 { calls += 1; calls }
A :: #run next();
B :: #run A + A;
#assert A == 1 and B == 2;
TEXT :: #run "C :: POINTER_SIZE;";
#insert TEXT;
#insert #run (if POINTER_SIZE == 8 then "D :: 1;" else "D :: 2;");
#assert C == 4 and D == 1;
#run { calls += 1; };
#run check_calls();
check_calls :: () { if calls != 2 { panic("ran more than once"); } }
"#,
    );
}

#[test]
fn errors_are_told_once() {
    check_small(
        r#"
#import "modules/std.sx";
f :: () -> i64 { y }
                 ^ E0101
X :: #run f();
g :: () -> i64 { xs := ([2]i64).[1, 2]; i := 5; xs[i] }
Y :: #run g();
          ^^^ E0703
"#,
    );
    check_for(Options::default(), "#assert POINTER_SIZE == #run POINTER_SIZE;");
}
