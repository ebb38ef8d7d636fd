//! Vectors: which there are, and what their operators take and give.

use crate::support::{check, types};

#[test]
fn operators_keep_the_type_and_comparisons_give_lanes_of_bool() {
    let vars = "v : Vector(4, f32) = .{}; w : Vector(4, f32) = .[1, 2, 3, 4]; i : Vector(2, i16) = .{}; \
                b : Vector(2, bool) = .{}; n : u8 = 1; x := 1.5;";
    types(
        vars,
        &[
            ("v + w", "Vector(4, f32)"),
            ("2 * v", "Vector(4, f32)"),
            ("v / n", "Vector(4, f32)"),
            ("-v", "Vector(4, f32)"),
            ("v < w", "Vector(4, bool)"),
            ("v == 0", "Vector(4, bool)"),
            ("!(v < 1)", "Vector(4, bool)"),
            ("b & (i > 0)", "Vector(2, bool)"),
            ("i << 3", "Vector(2, i16)"),
            ("i >> n", "Vector(2, i16)"),
            ("~i", "Vector(2, i16)"),
            ("v + .[1, 1, 1, 1]", "Vector(4, f32)"),
            ("v.x", "f32"),
            ("i[1]", "i16"),
            ("v.len", "i64"),
            ("cast(Vector(4, i64)) v", "Vector(4, i64)"),
            ("Vector(3, u8).[1, 2, 3]", "Vector(3, u8)"),
            ("Vector(2, f64).[x; 2]", "Vector(2, f64)"),
        ],
    );
}

#[test]
fn lanes_have_number_and_type() {
    check(
        r#"
a : Vector(0, f32);
           ^ E0219
"#,
    );
    check(
        r#"
a : Vector(4, u3);
              ^^ E0219
"#,
    );
    check(
        r#"
a : Vector(4);
    ^^^^^^^^^ E0305
"#,
    );
    check("N :: 2; V :: Vector(N * 2, usize); v : V = .[1, 2, 3, 4];");
    check("f :: (v: Vector($N, $T)) -> T { v[N - 1] } g :: () -> u8 { f(Vector(2, u8).[1, 2]) }");
    check("Vector :: struct { x: i64; } v : Vector = .{ x = 1 };");
}

#[test]
fn scalars_beside_vectors_convert_to_lanes() {
    check(
        r#"
f :: (v: Vector(2, f32), x: f64) -> Vector(2, f32) { v * x }
                                                         ^ E0201
"#,
    );
    check(
        r#"
f :: (v: Vector(2, i32)) -> Vector(2, i32) { v + 0.5 }
                                                 ^^^ E0202
"#,
    );
    check("f :: (v: Vector(2, f64), n: i64) -> Vector(2, f64) { n - v * 2 }");
    check(
        r#"
f :: (v: Vector(2, i32), w: Vector(2, u32)) -> Vector(2, i32) { v + w }
                                                                ^^^^^ E0204
"#,
    );
}

#[test]
fn elements_of_temporaries_are_no_places() {
    check(
        r#"
f :: (v: Vector(2, i32)) { (v + v).x = 1; }
                           ^^^^^^^^^ E0212
"#,
    );
    check(
        r#"
a :: () -> [2]i64 { .[1, 2] }
f :: () { a()[0] = 1; }
          ^^^^^^ E0212
"#,
    );
    check("a :: () -> []i64 { .{} } f :: () { a()[0] = 1; }");
}
