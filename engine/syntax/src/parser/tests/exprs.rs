use super::*;

#[test]
fn precedence() {
    expr("1 + 2 * 3", "(+ 1 (* 2 3))");
    expr("1 - 2 - 3", "(- (- 1 2) 3)");
    expr("a << 1 + b", "(<< a (+ 1 b))");
    expr("a ?? b ?? c", "(?? a (?? b c))");
    expr("a ?? b << 1", "(?? a (<< b 1))");
    expr("a == b ?? c", "(== a (?? b c))");
    expr("a | b ^ c & d", "(| a (^ b (& c d)))");
    expr("a and b or c and d", "(or (and a b) (and c d))");
    expr("a or b catch (e) c", "(catch (or a b) e (do c))");
    expr("a catch b catch c", "(catch (catch a (do b)) (do c))");
    expr("x |> f(1) |> g()", "(|> (|> x (call f 1)) (call g))");
    expr("a + b |> f()", "(|> (+ a b) (call f))");
    expr("a and x |> f()", "(and a (|> x (call f)))");
}

#[test]
fn comparisons_chain() {
    expr("a < b", "(< a b)");
    expr("a < b <= c", "(compare a < b <= c)");
    expr("1 == x in xs", "(compare 1 == x in xs)");
    expr("(a < b) < c", "(< (paren (< a b)) c)");
}

#[test]
fn prefixes_cover_one_postfix_chain() {
    expr("-a.b(c)", "(neg (call (. a b) c))");
    expr("!a and ~b", "(and (! a) (~ b))");
    expr("@p.x", "(@ (. p x))");
    expr("xx a + b", "(+ (xx a) b)");
    expr("cast(f64) x * 2", "(* (cast f64 x) 2)");
    expr("cast(*u8) xx p", "(cast (* u8) (xx p))");
    expr("try f() or v", "(or (try (call f)) v)");
    expr("- - a", "(neg (neg a))");
}

#[test]
fn postfix_chains() {
    expr("p.*.x", "(. (.* p) x)");
    expr("t.0.1", "(.1 (.0 t))");
    expr("o!.x", "(. (unwrap o) x)");
    expr("o! != p", "(!= (unwrap o) p)");
    expr("a[i][j]", "(index (index a i) j)");
    expr("x.if.case", "(. (. x if) case)");
    expr("f(a, times = 2, ..xs)", "(call f a times=2 ..xs)");
    expr("f()()", "(call (call f))");
    stmts("p.*= 1;", "(= (.* p) 1)");
}

#[test]
fn optional_chains_wrap_the_whole_chain() {
    expr("o?.f", "(chain (?. o f))");
    expr("o?.xs[i].m()", "(chain (call (. (index (?. o xs) i) m)))");
    expr("o?.0?.b", "(chain (?. (?.0 o) b))");
    expr("o?.f!.g", "(. (unwrap (chain (?. o f))) g)");
    expr("(o?.f).g", "(. (paren (chain (?. o f))) g)");
    expr("-o?.f ?? 1", "(?? (neg (chain (?. o f))) 1)");
}

#[test]
fn slicing() {
    expr("a[i..j]", "(slice a i j)");
    expr("a[..]", "(slice a _ _)");
    expr("a[i..]", "(slice a i _)");
    expr("a[..j]", "(slice a _ j)");
    expr("a[1..=3]", "(slice a 1 3 =)");
    expr("a[0<..<4]", "(slice a 0 < 4)");
    expr("a[<..3]", "(slice a _ < 3)");
    expr("a[=..=3]", "(slice a _ 3 =)");
    expr("a[i + 1..j * 2]", "(slice a (+ i 1) (* j 2))");
}

#[test]
fn literals() {
    expr("0xFF", "255");
    expr("1_000.5", "1000.5");
    expr("1e-3", "0.001");
    expr("'a'", "'97'");
    expr(r#""a\n\"b""#, r#""a\n\"b""#);
    expr("---", "---");
    expr("null == true", "(== null true)");
}

#[test]
fn dot_literals() {
    expr(".{}", "(struct-lit _)");
    expr("Point.{ x = 1, y }", "(struct-lit Point x=1 y)");
    expr("List(i64).{}", "(struct-lit (call List i64))");
    expr(".[1, 2, 3,]", "(array-lit _ 1 2 3)");
    expr("([2]?i64).[null, 7]", "(array-lit (paren ([N] 2 (? i64))) null 7)");
    expr("f32.[1, 2]", "(array-lit f32 1 2)");
    expr("u8.[0; N * 2]", "(T.[;] u8 0 (* N 2))");
    expr(".[v; 3]", "(.[;] v 3)");
    expr(".(a, b)", "(tuple-lit _ a b)");
    expr(".(x = a, ..xs)", "(tuple-lit _ x=a ..xs)");
    expr("Tuple(A, y: B).(a, b)", "(tuple-lit (Tuple A y:B) a b)");
    expr(".circle(2.0)", "(call .circle 2.0)");
    expr("a | .b", "(| a .b)");
    expr("error.Bad", "error.Bad");
}

#[test]
fn types_as_expressions() {
    expr("*u8 == T", "(== (* u8) T)");
    expr("[4]i32", "([N] 4 i32)");
    expr("[]*T", "([] (* T))");
    expr("[*]u8", "([*] u8)");
    expr("[:0]u8", "([:0] u8)");
    expr("??i64", "(? (? i64))");
    expr("(A, B) -> R", "(fn-type A B -> R)");
    expr("(a: A) -> !E", "(fn-type a:A -> ! E)");
    expr("() -> void abi(.c)", "(fn-type -> void .c)");
    expr("Closure(i64, ..$args) -> $R", "(Closure i64 ..$args -> $R)");
    expr("Closure()", "(Closure)");
    expr("Tuple(..P(Ts))", "(Tuple ..(call P Ts))");
    expr("Box($T/Show)", "(call Box $T/Show)");
    expr("size_of([2]T)", "(call size_of ([N] 2 T))");
    expr("Combined(i64, ..xs.T)", "(call Combined i64 ..(. xs T))");
}

#[test]
fn lambdas_groups_and_function_types() {
    expr("(a, b) => a + b", "(fn (a b) (=> (+ a b)))");
    expr("(a: i64) -> i64 { a }", "(fn (a:i64) -> i64 (block (tail a)))");
    expr("() { f(); }", "(fn () (block (call f);))");
    expr("(a)", "(paren a)");
    expr("(a)(b)", "(call (paren a) b)");
    expr("((x) => x)(1)", "(call (paren (fn (x) (=> x))) 1)");
    expr("f((x) => x, 1)", "(call f (fn (x) (=> x)) 1)");
    expr("(..$args) -> $R => args[0]", "(fn (..$args) -> $R (=> (index args 0)))");
    expr("(`i2) => `i2", "(fn (`i2) (=> `i2))");
    expr("(x: i64 = 1) => x", "(fn (x:i64=1) (=> x))");
}

#[test]
fn control_flow_as_operands() {
    expr("1 + if c then a else b", "(+ 1 (if c then a (else b)))");
    expr("o ?? return 0", "(?? o (return 0))");
    expr("o ?? { return 0; }", "(?? o (block (return 0);))");
    expr("f() or raise error.X", "(or (call f) (raise error.X))");
    stmts("x := if c { 1 } else { 2 } + 3;", "(var x (+ (if c (block (tail 1)) (else (block (tail 2)))) 3))");
    expr("#run f() + 1", "(#run (+ (call f) 1))");
    expr("#caller_location", "#caller_location");
}

#[test]
fn catch_forms() {
    expr("f() catch (e) g(e)", "(catch (call f) e (do (call g e)))");
    expr("f() catch (e)", "(catch (call f) (do (paren e)))");
    stmts("f() catch { 0 };", "(catch (call f) (do (block (tail 0))));");
    stmts("f() catch (e) { g(); }\nh();", "(catch (call f) e (do (block (call g);)))\n(call h);");
    expr(
        "f() catch (e) == { case .A: 1; else: 2; }",
        "(catch (call f) e (do (match e (case .A: 1) (else: 2))))",
    );
}

#[test]
fn asm_blocks() {
    expr(
        r#"asm volatile { "add %[a], %[b]", "nop" [a] "=r" -> i64, [b] "r" = x + 1, "=m" -> @p.x, clobbers(.rax, .memory) }"#,
        r#"(asm volatile "add %[a], %[b]\nnop" [a]"=r" (-> i64) [b]"r" (= (+ x 1)) []"=m" (->@ (. p x)) clobbers rax memory)"#,
    );
    items("asm { \"nop\" }", "(asm \"nop\")");
}
