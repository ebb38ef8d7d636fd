//! Protocols and impls.

use crate::support::{check, check_after, types};

const P: &str = "Area :: protocol { area :: (self: *Self) -> f64; name :: (self: *Self) -> string { \"?\" } }\nSq :: struct { side: f64; }\nimpl Area for Sq { area :: (self: *Sq) -> f64 { self.side } }\n";

#[test]
fn values_are_erased() {
    check_after(
        P,
        "f :: (a: Area) -> f64 { a.area() }\ng :: () -> f64 { s : Sq; f(s) + f(@s) + f(xx s) + f(Sq.{ side = 1 }) }",
    );
    check_after(
        P,
        r#"
f :: (a: Area) {}
g :: () { f(1); }
            ^ E0410
"#,
    );
    check_after(
        P,
        r#"
f :: (a: Area) -> f64 { a.side }
                          ^^^^ E0401
"#,
    );
    check_after(
        P,
        r#"
f :: (a: Area) -> f64 { a.none() }
                          ^^^^ E0401
"#,
    );
    check_after(P, "f :: (a: Area) -> *Sq { xx a }");
    check_after(P, "f :: (a: Area) -> bool { a == null }");
}

#[test]
fn methods_of_impls_are_methods() {
    types(P, &[("Sq.{ side = 1 }.area()", "f64"), ("Sq.{ side = 1 }.name()", "string")]);
}

#[test]
fn impls_fit() {
    check_after(
        P,
        r#"
T :: struct { x: i64; }
impl Area for T { }
^^^^^^^^^^^^^^^^^^^ E0411
"#,
    );
    check_after(
        P,
        r#"
T :: struct { x: i64; }
impl Area for T { area :: (self: *T) -> i64 { 1 } }
                  ^^^^ E0411
"#,
    );
    check_after(
        P,
        r#"
T :: struct { x: i64; }
impl Area for T { area :: (self: *T, n: i64) -> f64 { 1 } }
                  ^^^^ E0411
"#,
    );
    check_after(
        P,
        r#"
T :: struct { x: i64; }
impl Area for T { area :: (self: *T) -> f64 { 1 } more :: (self: *T) {} }
                                                  ^^^^ E0411
"#,
    );
    check_after(
        P,
        r#"
impl Area for Sq { area :: (self: *Sq) -> f64 { 2 } }
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0412
"#,
    );
    check_after(
        P,
        r#"
impl Area for Missing { area :: (self: *Self) -> f64 { 1 } }
              ^^^^^^^ E0101
"#,
    );
    check_after(
        P,
        r#"
impl Missing for Sq { }
     ^^^^^^^ E0101
"#,
    );
    check_after(
        P,
        r#"
impl Sq for i64 { }
     ^^ E0411
"#,
    );
}

#[test]
fn builtin_targets() {
    check_after(
        P,
        "impl Area for f64 { area :: (self: *f64) -> f64 { self.* } }\nf :: (x: f64) -> f64 { x.area() }",
    );
}

#[test]
fn parameterised() {
    check(
        "Iter :: protocol (T: Type) { get :: (self: *Self) -> ?T; }\nR :: struct { n: i64; }\nimpl Iter(i64) for R { get :: (self: *R) -> ?i64 { null } }\nf :: (i: Iter(i64)) -> ?i64 { i.get() }\ng :: (r: R) -> ?i64 { f(r) }",
    );
    check(
        r#"
Iter :: protocol (T: Type) { get :: (self: *Self) -> ?T; }
R :: struct { n: i64; }
impl Iter(i64) for R { get :: (self: *R) -> ?i64 { null } }
f :: (i: Iter(u8)) {}
g :: (r: R) { f(r); }
                ^ E0410
"#,
    );
}

#[test]
fn protocol_declarations() {
    check(
        r#"
P :: protocol { f :: (n: i64); }
                      ^^^^^^ E0411
"#,
    );
    check(
        r#"
P :: protocol { f :: (self: *Self); f :: (self: *Self); }
                                    ^ E0409
"#,
    );
    check(
        r#"
P :: protocol { x: i64; }
                ^ E0001
"#,
    );
}
