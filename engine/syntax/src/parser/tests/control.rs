use super::*;

#[test]
fn blocks_have_values() {
    expr("{ a; b }", "(block a; (tail b))");
    expr("{ a; b; }", "(block a; b;)");
    expr("{ if c { 1 } else { 2 } }", "(block (tail (if c (block (tail 1)) (else (block (tail 2))))))");
    expr("{ if c { f(); } g() }", "(block (if c (block (call f);)) (tail (call g)))");
}

#[test]
fn block_statements_end_at_their_brace() {
    stmts("if a { }\n(b).c();", "(if a (block))\n(call (. (paren b) c));");
    stmts("while a { }\n-b;", "(while a (block))\n(neg b);");
    stmts("{ }\n*T;", "(block)\n(* T);");
    stmts("if s == { case 1: a; }\n.x;", "(match s (case 1: a))\n.x;");
}

#[test]
fn ifs() {
    stmts("if c return 0;", "(if c (return 0));");
    stmts("if c x = 1; else y = 2;", "(if c (block (= x 1)) (else (block (= y 2))));");
    stmts("if c then a() else b();", "(if c then (call a) (else (call b)));");
    stmts("if a {} else if b {} else {}", "=> (if a (block) (else (if b (block) (else (block)))))");
    stmts("if v := f() { }", "=> (if v:= (call f) (block))");
    stmts("if a if b x(); else y();", "(if a (if b (call x) (else (call y))));");
    stmts("if (a) foo();", "(if (paren a) (call foo));");
    stmts("if (a) { }", "=> (if (paren a) (block))");
    stmts("if f((x) { x }) { }", "=> (if (call f (fn (x) (block (tail x)))) (block))");
    stmts(
        "inline if N == 1 { } else inline if M { }",
        "=> (if inline (== N 1) (block) (else (if inline M (block))))",
    );
    stmts("if c { } else return;", "(if c (block) (else return));");
}

#[test]
fn loops() {
    stmts("while i < n i += 1;", "(while (< i n) (block (+= i 1)));");
    stmts("while v := next() { }", "=> (while v:= (call next) (block))");
    stmts("outer: for 0..n (i) { break outer; }", "=> (for outer: (range 0 n) (i) (block break:outer;))");
    stmts("l: while c { continue l; }", "=> (while l: c (block continue:l;))");
    stmts("for xs (x) { }", "=> (for xs (x) (block))");
    stmts("for xs (*x) { }", "=> (for xs (*x) (block))");
    stmts("for 1..=5 { }", "=> (for (range 1 5 =) () (block))");
    stmts("for xs, 0.. (x, i) { }", "=> (for xs (range 0 _) (x i) (block))");
    stmts("for xs, ys (x, y) => s += x * y;", "(for xs ys (x y) (block (+= s (* x y))));");
    stmts("for 0..f(n) (_) { }", "=> (for (range 0 (call f n)) (_) (block))");
    stmts("for f(a)(b) (x) { }", "=> (for (call (call f a) b) (x) (block))");
    stmts("for g((x) => x) (y) { }", "=> (for (call g (fn (x) (=> x))) (y) (block))");
    stmts("for 0<..n (i) => f(i);", "(for (range 0 < n) (i) (call f i));");
    stmts("inline for args (a) { }", "=> (for inline args (a) (block))");
    stmts("for xs[1..] (x) { }", "=> (for (slice xs 1 _) (x) (block))");
}

#[test]
fn matches() {
    stmts(
        "if s == {\n case .circle: (r) { r }\n case .rect: (*q) { q.w }\n case .empty: 0.0;\n}",
        "=> (match s (case .circle (r): (block (tail r))) (case .rect (*q): (block (tail (. q w)))) (case .empty: 0.0))",
    );
    stmts("if a and b == { else: x = 1; }", "=> (match (and a b) (else: (block (= x 1))))");
    stmts(
        "if n == { case 1, 2, 5..=9: a; case 'a'..'z': b; }",
        "=> (match n (case 1 2 (..= 5 9): a) (case (.. '97' '122'): b))",
    );
    stmts(
        "if T == { case int: 1; case struct: 2; case *u8: 3; case string: 4; }",
        "=> (match T (case int: 1) (case struct: 2) (case (* u8): 3) (case string: 4))",
    );
    stmts(
        "if o == { case null: 0; else: (v) { v } }",
        "=> (match o (case null: 0) (else (v): (block (tail v))))",
    );
    stmts(
        "if n == { case 1: if c return 1; else: 2; }",
        "=> (match n (case 1: (if c (return 1))) (else: 2))",
    );
    stmts(
        "if n == { case 1: if c { } else { } else: 2; }",
        "=> (match n (case 1: (if c (block) (else (block)))) (else: 2))",
    );
    stmts("if n == { case 1: return; case 2: {} }", "=> (match n (case 1: return) (case 2: (block)))");
    stmts("x := if n == { case 1: 2; else: 3; };", "(var x (match n (case 1: 2) (else: 3)))");
    stmts("if n == { case 1: break; else: ; }", "=> (match n (case 1: break) (else: (block)))");
    stmts("if f(x) == { case .enum: 1; }", "=> (match (call f x) (case .enum: 1))");
    stmts("inline if T == { else: 1; }", "=> (match inline T (else: 1))");
}

#[test]
fn contexts() {
    stmts("push .{ io = xx sched } { f(); }", "=> (push (struct-lit _ io=(xx sched)) (block (call f);))");
    stmts(
        "push Context.{ allocator = a } { }\nf();",
        "(push (struct-lit Context allocator=a) (block))\n(call f);",
    );
}

#[test]
fn deferred_statements() {
    stmts("defer f();", "(defer (call f);)");
    stmts("defer { f(); }\ng();", "(defer (block (call f);))\n(call g);");
    stmts("onfail x = 1;", "(onfail (= x 1))");
    stmts("onfail (e) { log(e); }\ng();", "(onfail e (block (call log e);))\n(call g);");
    stmts("onfail { g(); }", "(onfail (block (call g);))");
}

#[test]
fn assignments() {
    stmts("a = 1;", "(= a 1)");
    stmts("a.b[0] <<= 2;", "(<<= (index (. a b) 0) 2)");
    stmts("a, b = b, a;", "(= a b <- b a)");
    stmts("_ = f();", "(= _ (call f))");
    stmts("p.* += 1;", "(+= (.* p) 1)");
}

#[test]
fn directives_in_blocks() {
    stmts("#assert a == b, \"no\";", "(#assert (== a b) (message \"no\"))");
    stmts("#insert \"x := 1;\";", "(#insert \"x := 1;\");");
    stmts("#using p;", "(#using p)");
    stmts("#run { f(); }\ng();", "(#run (block (call f);))\n(call g);");
}
