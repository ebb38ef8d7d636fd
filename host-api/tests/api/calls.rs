//! Calls of functions, with every kind of value.

use crate::{failure, instance};
use sx::{Engine, ErrorKind, SxError};

#[test]
fn scalars_of_every_width() {
    let mut i = instance(
        "a8 :: (a: i8, b: u8) -> i8 { a + cast(i8) b }
         a16 :: (a: i16) -> u16 { cast(u16) a }
         a32 :: (a: u32) -> u32 { a + 1 }
         a64 :: (a: i64, b: u64) -> u64 { cast(u64) a + b }
         f :: (a: f32, b: f64) -> f64 { a + b }
         g :: (a: f32) -> f32 { -a }
         b :: (a: bool) -> bool { !a }
         nothing :: () {}",
    );
    assert_eq!(i.func::<(i8, u8), i8>("a8").unwrap().call(&mut i, (-5, 3)).unwrap(), -2);
    assert_eq!(i.func::<(i16,), u16>("a16").unwrap().call(&mut i, (-1,)).unwrap(), 65535);
    assert_eq!(i.func::<(u32,), u32>("a32").unwrap().call(&mut i, (u32::MAX,)).unwrap(), 0);
    assert_eq!(i.func::<(i64, u64), u64>("a64").unwrap().call(&mut i, (-1, 1)).unwrap(), 0);
    assert_eq!(i.func::<(f32, f64), f64>("f").unwrap().call(&mut i, (0.5, 0.25)).unwrap(), 0.75);
    assert_eq!(i.func::<(f32,), f32>("g").unwrap().call(&mut i, (0.5,)).unwrap(), -0.5);
    assert!(!i.func::<(bool,), bool>("b").unwrap().call(&mut i, (true,)).unwrap());
    i.func::<(), ()>("nothing").unwrap().call(&mut i, ()).unwrap();
}

#[test]
fn strings_both_ways() {
    let mut i = instance(
        "#import \"modules/std.sx\";
         shout :: (s: string, n: i64) -> string {
             out := s;
             for 0..n (_) { out = concat(out, \"!\"); }
             out
         }
         length :: (s: string) -> i64 { s.len }
         empty :: () -> string { \"\" }
         broken :: () -> string { \"\\xFF\" }",
    );
    let shout = i.func::<(&str, i64), String>("shout").unwrap();
    let word = String::from("häh");
    assert_eq!(shout.call(&mut i, (&word, 2)).unwrap(), "häh!!");
    assert_eq!(i.func::<(&str,), i64>("length").unwrap().call(&mut i, ("",)).unwrap(), 0);
    assert_eq!(i.func::<(String,), i64>("length").unwrap().call(&mut i, ("abc".into(),)).unwrap(), 3);
    assert_eq!(i.func::<(), String>("empty").unwrap().call(&mut i, ()).unwrap(), "");
    let view = i.func::<(&str, i64), &str>("shout").unwrap();
    assert_eq!(view.call(&mut i, ("hey", 1)).unwrap(), "hey!");
    let error = failure(i.func::<(), String>("broken").unwrap().call(&mut i, ()));
    assert_eq!(error.kind(), ErrorKind::Convert);
    assert!(error.message().contains("UTF-8"), "{error}");
}

#[test]
fn slices_are_not_copied() {
    let mut i = instance(
        "sum :: (xs: []f64) -> f64 { t := 0.0; for xs (x) { t += x; } t }
         double :: (xs: []i32) { for xs (*x) { x = x * 2; } }
         bytes :: (xs: []u8) -> i64 { xs.len }
         tail :: (xs: []i32) -> []i32 { xs[1..] }",
    );
    let xs = vec![1.5, 2.0, 3.25];
    assert_eq!(i.func::<(&[f64],), f64>("sum").unwrap().call(&mut i, (&xs,)).unwrap(), 6.75);
    let mut ys = [1, 2, 3];
    i.func::<(&mut [i32],), ()>("double").unwrap().call(&mut i, (&mut ys,)).unwrap();
    assert_eq!(ys, [2, 4, 6]);
    assert_eq!(i.func::<(&[u8],), i64>("bytes").unwrap().call(&mut i, (b"abc",)).unwrap(), 3);
    let tail = i.func::<(&[i32],), Vec<i32>>("tail").unwrap();
    assert_eq!(tail.call(&mut i, (&[7, 8, 9],)).unwrap(), [8, 9]);
    let owned = i.func::<(Vec<i32>,), &[i32]>("tail").unwrap();
    assert_eq!(owned.call(&mut i, (vec![1, 2, 3],)).unwrap(), [2, 3]);
}

#[test]
fn optionals_and_tuples() {
    let mut i = instance(
        "half :: (n: i64) -> ?i64 { if n % 2 == 0 { return n / 2; } null }
         or_zero :: (n: ?i32) -> i32 { n ?? 0 }
         name :: (n: i64) -> ?string { if n == 1 { return \"one\"; } null }
         greet :: (s: ?string) -> i64 { if s == { case null: -1; else: (v) { v.len } } }
         pair :: (a: i64, b: f32) -> Tuple(f32, i64) { .(b, a) }
         swap :: (t: Tuple(i8, i64)) -> Tuple(i64, i8) { .(t.1, t.0) }
         big :: (a: i64) -> Tuple(i64, i64, i64) { .(a, a + 1, a + 2) }
         first :: (p: ?*i64) -> i64 { if v := p { return v.*; } 0 }",
    );
    let half = i.func::<(i64,), Option<i64>>("half").unwrap();
    assert_eq!(half.call(&mut i, (8,)).unwrap(), Some(4));
    assert_eq!(half.call(&mut i, (7,)).unwrap(), None);
    let or_zero = i.func::<(Option<i32>,), i32>("or_zero").unwrap();
    assert_eq!(or_zero.call(&mut i, (Some(3),)).unwrap(), 3);
    assert_eq!(or_zero.call(&mut i, (None,)).unwrap(), 0);
    let name = i.func::<(i64,), Option<String>>("name").unwrap();
    assert_eq!(name.call(&mut i, (1,)).unwrap().as_deref(), Some("one"));
    assert_eq!(name.call(&mut i, (2,)).unwrap(), None);
    let greet = i.func::<(Option<&str>,), i64>("greet").unwrap();
    assert_eq!(greet.call(&mut i, (Some("abc"),)).unwrap(), 3);
    assert_eq!(greet.call(&mut i, (None,)).unwrap(), -1);
    let pair = i.func::<(i64, f32), (f32, i64)>("pair").unwrap();
    assert_eq!(pair.call(&mut i, (3, 0.5)).unwrap(), (0.5, 3));
    let swap = i.func::<((i8, i64),), (i64, i8)>("swap").unwrap();
    assert_eq!(swap.call(&mut i, ((1, 2),)).unwrap(), (2, 1));
    assert_eq!(i.func::<(i64,), (i64, i64, i64)>("big").unwrap().call(&mut i, (1,)).unwrap(), (1, 2, 3));
    let first = i.func::<(Option<&i64>,), i64>("first").unwrap();
    assert_eq!(first.call(&mut i, (Some(&5),)).unwrap(), 5);
    assert_eq!(first.call(&mut i, (None,)).unwrap(), 0);
}

#[test]
fn errors_of_the_language_are_results() {
    let mut i = instance(
        "check :: (n: i64) -> i64 ! { if n < 0 { raise error.Negative; } n * 2 }
         only :: (n: i64) -> ! { if n < 0 { raise error.Negative; } }
         text :: (n: i64) -> Tuple(i64, i64, i64) ! { if n < 0 { raise error.Worse; } .(n, n, n) }",
    );
    let check = i.func::<(i64,), Result<i64, SxError>>("check").unwrap();
    assert_eq!(check.call(&mut i, (4,)).unwrap().unwrap(), 8);
    let error = check.call(&mut i, (-4,)).unwrap().unwrap_err();
    assert_eq!((error.name(), error.to_string().as_str()), ("Negative", "error.Negative"));
    let trace = i.error_trace().to_string();
    assert!(trace.contains("in check"), "{trace}");
    let only = i.func::<(i64,), Result<(), SxError>>("only").unwrap();
    assert!(only.call(&mut i, (1,)).unwrap().is_ok());
    assert!(only.call(&mut i, (-1,)).unwrap().is_err());
    let text = i.func::<(i64,), Result<(i64, i64, i64), SxError>>("text").unwrap();
    assert_eq!(text.call(&mut i, (1,)).unwrap().unwrap(), (1, 1, 1));
    assert_eq!(text.call(&mut i, (-1,)).unwrap().unwrap_err().name(), "Worse");
}

#[test]
fn a_function_works_in_every_instance_of_its_program() {
    let engine = Engine::new();
    let program = engine.compile("n := 0; next :: () -> i64 { n += 1; n }").unwrap();
    let next = program.func::<(), i64>("next").unwrap();
    let (mut a, mut b) = (program.instantiate().unwrap(), program.instantiate().unwrap());
    assert_eq!((next.call(&mut a, ()).unwrap(), next.call(&mut a, ()).unwrap()), (1, 2));
    assert_eq!(next.call(&mut b, ()).unwrap(), 1);
    let mut other = instance("next :: () -> i64 { 0 }");
    assert_eq!(failure(next.call(&mut other, ())).kind(), ErrorKind::Usage);
}

#[test]
fn main_gives_its_code() {
    let code = |source: &str| instance(source).run_main().map(|exit| exit.code);
    assert_eq!(code("main :: () {}").unwrap(), 0);
    assert_eq!(code("main :: () -> i64 { 7 }").unwrap(), 7);
    assert_eq!(code("main :: () -> i8 { -1 }").unwrap(), -1);
    assert_eq!(code("main :: () -> i32 ! { 3 }").unwrap(), 3);
    assert_eq!(code("#import \"modules/std.sx\"; main :: () { process.exit(9); }").unwrap(), 9);
    let error = failure(code("main :: () -> ! { raise error.Lost; }"));
    assert_eq!(error.kind(), ErrorKind::Unhandled);
    assert_eq!(error.message(), "unhandled error reached main: error.Lost");
    assert_eq!(error.backtrace().frames[0].function, "main");
    assert_eq!(failure(code("f :: () {}")).kind(), ErrorKind::NotFound);
}
