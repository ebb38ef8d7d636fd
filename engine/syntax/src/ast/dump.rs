//! A tree as text, one item a line, without places: what parser tests compare, and how two trees are found to
//! be the same.

use super::*;
use std::fmt::Write;

/// The items of a file.
pub fn dump(ast: &Ast) -> String {
    let mut dump = Dump { ast, out: String::new() };
    for &item in &ast.items {
        dump.stmt(item);
        dump.out.push('\n');
    }
    dump.out
}

/// One expression.
pub fn dump_expr(ast: &Ast, expr: ExprId) -> String {
    let mut dump = Dump { ast, out: String::new() };
    dump.expr(expr);
    dump.out
}

struct Dump<'a> {
    ast: &'a Ast,
    out: String,
}

impl Dump<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// `(head …)`, with `parts` writing ` part` for each part.
    fn node(&mut self, head: &str, parts: impl FnOnce(&mut Self)) {
        self.put("(");
        self.put(head);
        parts(self);
        self.put(")");
    }

    fn flag(&mut self, on: bool, name: &str) {
        if on {
            self.put(" ");
            self.put(name);
        }
    }

    fn ident(&mut self, ident: Ident) {
        if ident.raw {
            self.put("`");
        }
        let name = self.ast.name(ident.name).to_string();
        self.put(&name);
    }

    fn names(&mut self, names: Range<Ident>) {
        for &name in self.ast.list(names) {
            self.put(" ");
            self.ident(name);
        }
    }

    fn string(&mut self, id: StrId) {
        let bytes = self.ast.string(id);
        let _ = write!(self.out, "\"{}\"", bytes.escape_ascii());
    }

    /// ` e`
    fn sub(&mut self, expr: ExprId) {
        self.put(" ");
        self.expr(expr);
    }

    fn subs(&mut self, exprs: Range<ExprId>) {
        for &expr in self.ast.list(exprs) {
            self.sub(expr);
        }
    }

    /// ` _` where there is none.
    fn opt(&mut self, expr: Option<ExprId>) {
        match expr {
            Some(expr) => self.sub(expr),
            None => self.put(" _"),
        }
    }

    /// ` (key e)` where there is one.
    fn key(&mut self, key: &str, expr: Option<ExprId>) {
        if let Some(expr) = expr {
            self.put(" ");
            self.node(key, |d| d.sub(expr));
        }
    }

    fn args(&mut self, args: Range<Arg>) {
        for &Arg { name, value, spread } in self.ast.list(args) {
            self.put(" ");
            if spread {
                self.put("..");
            }
            if let Some(name) = name {
                self.ident(name);
                self.put("=");
            }
            self.expr(value);
        }
    }

    fn elems(&mut self, elems: Range<TupleElem>) {
        for &TupleElem { name, ty, spread } in self.ast.list(elems) {
            self.put(" ");
            if spread {
                self.put("..");
            }
            if let Some(name) = name {
                self.ident(name);
                self.put(":");
            }
            self.expr(ty);
        }
    }

    fn params(&mut self, params: Range<Param>) {
        self.put(" (");
        for (i, &Param { name, comptime, variadic, ty, default, span: _ }) in
            self.ast.list(params).iter().enumerate()
        {
            self.put(if i > 0 { " " } else { "" });
            self.put(if variadic { ".." } else { "" });
            self.put(if comptime { "$" } else { "" });
            self.ident(name);
            if let Some(ty) = ty {
                self.put(":");
                self.expr(ty);
            }
            if let Some(default) = default {
                self.put("=");
                self.expr(default);
            }
        }
        self.put(")");
    }

    fn ret(&mut self, ret: RetType) {
        if ret.arrow {
            self.put(" ->");
        }
        if let Some(ty) = ret.ty {
            self.sub(ty);
        }
        self.flag(ret.failable, "!");
        if let Some(set) = ret.error_set {
            self.sub(set);
        }
    }

    fn linkage(&mut self, linkage: Option<Linkage>) {
        let Some(Linkage { export, library, symbol, span: _ }) = linkage else { return };
        self.put(" ");
        self.node(if export { "export" } else { "extern" }, |d| {
            if let Some(library) = library {
                d.put(" ");
                d.ident(library);
            }
            if let Some(symbol) = symbol {
                d.put(" ");
                d.string(symbol);
            }
        });
    }

    fn func(&mut self, func: &FuncExpr) {
        let FuncExpr { params, ret, body, abi, linkage, accessor, ufcs, inline, sig_span: _ } = *func;
        self.node("fn", |d| {
            d.flag(ufcs, "ufcs");
            d.params(params);
            d.ret(ret);
            d.abi(abi);
            d.linkage(linkage);
            d.flag(accessor == Some(Accessor::Get), "#get");
            d.flag(accessor == Some(Accessor::Set), "#set");
            d.flag(inline, "#inline");
            match body {
                FuncBody::None => d.put(" ;"),
                FuncBody::Block(body) => d.sub(body),
                FuncBody::Arrow(body) => d.key("=>", Some(body)),
                FuncBody::Builtin => d.put(" #builtin"),
            }
        });
    }

    fn abi(&mut self, abi: Abi) {
        match abi {
            Abi::Sx => {}
            Abi::C => self.put(" .c"),
            Abi::Naked => self.put(" .naked"),
            Abi::Compiler => self.put(" .compiler"),
        }
    }

    fn member(&mut self, member: Member) {
        self.put(" ");
        match member {
            Member::Field { names, ty, default, using, doc } => self.node("field", |d| {
                d.flag(using, "#using");
                d.flag(doc.is_some(), "doc");
                d.names(names);
                d.put(" :");
                d.opt(ty);
                d.key("=", default);
            }),
            Member::Const(decl) => self.const_decl(decl),
        }
    }

    fn members(&mut self, members: Range<Member>) {
        for &member in self.ast.list(members) {
            self.member(member);
        }
    }

    fn const_decl(&mut self, decl: Idx<ConstDecl>) {
        let ConstDecl { name, ty, value, doc } = *self.ast.get(decl);
        self.node("const", |d| {
            d.flag(doc.is_some(), "doc");
            d.put(" ");
            d.ident(name);
            d.key(":", ty);
            d.sub(value);
        });
    }

    fn stmt(&mut self, id: StmtId) {
        match *self.ast.stmt(id) {
            Stmt::Error => self.put("<error>"),
            Stmt::Expr { expr, semi } => {
                self.expr(expr);
                self.put(if semi { ";" } else { "" });
            }
            Stmt::Const(decl) => self.const_decl(decl),
            Stmt::Var(decl) => {
                let VarDecl { names, ty, values, external, doc } = *self.ast.get(decl);
                self.node("var", |d| {
                    d.flag(doc.is_some(), "doc");
                    d.names(names);
                    d.key(":", ty);
                    d.subs(values);
                    d.linkage(external);
                });
            }
            Stmt::Assign { op, targets, values } => {
                let head = format!("{}=", op.map_or("", binary_sign));
                self.node(&head, |d| {
                    d.subs(targets);
                    if targets.len != 1 || values.len != 1 {
                        d.put(" <-");
                    }
                    d.subs(values);
                });
            }
            Stmt::Defer(body) => self.node("defer", |d| d.sub_stmt(body)),
            Stmt::OnFail { binding, body } => self.node("onfail", |d| {
                if let Some(name) = binding {
                    d.put(" ");
                    d.ident(name);
                }
                d.sub_stmt(body);
            }),
            Stmt::Impl(decl) => {
                let ImplDecl { protocol, target, members } = *self.ast.get(decl);
                self.node("impl", |d| {
                    d.sub(protocol);
                    d.sub(target);
                    d.members(members);
                });
            }
            Stmt::Assert { cond, message } => self.node("#assert", |d| {
                d.sub(cond);
                d.key("message", message);
            }),
            Stmt::Test(decl) => {
                let TestDecl { name, body } = *self.ast.get(decl);
                self.node("test ", |d| {
                    d.string(name);
                    d.sub(body);
                });
            }
            Stmt::Using(expr) => self.node("#using", |d| d.sub(expr)),
        }
    }

    fn sub_stmt(&mut self, stmt: StmtId) {
        self.put(" ");
        self.stmt(stmt);
    }

    fn expr(&mut self, id: ExprId) {
        let expr = *self.ast.expr(id);
        match expr {
            Expr::Error => self.put("<error>"),
            Expr::Int(value) => _ = write!(self.out, "{value}"),
            Expr::Char(value) => _ = write!(self.out, "'{value}'"),
            Expr::Float(value) => _ = write!(self.out, "{value:?}"),
            Expr::Str(value) => self.string(value),
            Expr::Bool(value) => _ = write!(self.out, "{value}"),
            Expr::Null => self.put("null"),
            Expr::Undef => self.put("---"),
            Expr::Name(name) => self.ident(name),
            Expr::Prim(prim) => self.prim(prim),
            Expr::Dollar { name, constraint } => {
                self.put("$");
                self.ident(name);
                if let Some(constraint) = constraint {
                    self.put("/");
                    self.expr(constraint);
                }
            }
            Expr::Field { base, name } => self.node(".", |d| d.base_name(base, name)),
            Expr::OptField { base, name } => self.node("?.", |d| d.base_name(base, name)),
            Expr::TupleIndex { base, index } => self.node(&format!(".{index}"), |d| d.sub(base)),
            Expr::OptTupleIndex { base, index } => self.node(&format!("?.{index}"), |d| d.sub(base)),
            Expr::DotName(name) => {
                self.put(".");
                self.ident(name);
            }
            Expr::ErrorName(name) => {
                self.put("error.");
                self.ident(name);
            }
            Expr::Func(func) => self.func(self.ast.get(func)),
            Expr::CallerLocation => self.put("#caller_location"),
            _ => self.operator(expr),
        }
    }

    fn base_name(&mut self, base: ExprId, name: Ident) {
        self.sub(base);
        self.put(" ");
        self.ident(name);
    }

    fn prim(&mut self, prim: Prim) {
        match prim {
            Prim::Int { bits, signed } => _ = write!(self.out, "{}{bits}", if signed { 'i' } else { 'u' }),
            Prim::Usize => self.put("usize"),
            Prim::Isize => self.put("isize"),
            Prim::F32 => self.put("f32"),
            Prim::F64 => self.put("f64"),
            Prim::Bool => self.put("bool"),
            Prim::String => self.put("string"),
            Prim::CString => self.put("cstring"),
            Prim::Void => self.put("void"),
            Prim::Noreturn => self.put("noreturn"),
            Prim::Any => self.put("Any"),
            Prim::Type => self.put("Type"),
        }
    }

    /// Expressions whose parts are expressions only.
    fn operator(&mut self, expr: Expr) {
        let (head, parts): (&str, &[ExprId]) = match &expr {
            Expr::Paren(e) => ("paren", &[*e]),
            Expr::Unary { op: UnOp::Neg, operand } => ("neg", &[*operand]),
            Expr::Unary { op: UnOp::Not, operand } => ("!", &[*operand]),
            Expr::Unary { op: UnOp::BitNot, operand } => ("~", &[*operand]),
            Expr::AddrOf(e) => ("@", &[*e]),
            Expr::Deref(e) => (".*", &[*e]),
            Expr::Unwrap(e) => ("unwrap", &[*e]),
            Expr::Try(e) => ("try", &[*e]),
            Expr::Autocast(e) => ("xx", &[*e]),
            Expr::Cast { ty, operand } => ("cast", &[*ty, *operand]),
            Expr::Binary { op, lhs, rhs } => (binary_sign(*op), &[*lhs, *rhs]),
            Expr::And(a, b) => ("and", &[*a, *b]),
            Expr::Or(a, b) => ("or", &[*a, *b]),
            Expr::Coalesce(a, b) => ("??", &[*a, *b]),
            Expr::Pipe(a, b) => ("|>", &[*a, *b]),
            Expr::OptChain(e) => ("chain", &[*e]),
            Expr::Index { base, index } => ("index", &[*base, *index]),
            Expr::ArrayRepeat { ty: None, value, count } => (".[;]", &[*value, *count]),
            Expr::ArrayRepeat { ty: Some(ty), value, count } => ("T.[;]", &[*ty, *value, *count]),
            Expr::PtrTy(e) => ("*", &[*e]),
            Expr::ManyPtrTy(e) => ("[*]", &[*e]),
            Expr::SliceTy(e) => ("[]", &[*e]),
            Expr::SentinelSliceTy(e) => ("[:0]", &[*e]),
            Expr::ArrayTy { len, elem } => ("[N]", &[*len, *elem]),
            Expr::OptionalTy(e) => ("?", &[*e]),
            Expr::UfcsAlias(e) => ("ufcs", &[*e]),
            Expr::Push { ctx, body } => ("push", &[*ctx, *body]),
            Expr::Raise(e) => ("raise", &[*e]),
            Expr::Run(e) => ("#run", &[*e]),
            Expr::Insert(e) => ("#insert", &[*e]),
            Expr::RangePat { lo, hi, inclusive: false } => ("..", &[*lo, *hi]),
            Expr::RangePat { lo, hi, inclusive: true } => ("..=", &[*lo, *hi]),
            _ => return self.compound(expr),
        };
        self.node(head, |d| parts.iter().for_each(|&part| d.sub(part)));
    }

    /// Expressions with parts of several sorts.
    fn compound(&mut self, expr: Expr) {
        match expr {
            Expr::Chain { first, links } => self.node("compare", |d| {
                d.sub(first);
                for &ChainLink { op, rhs } in d.ast.list(links) {
                    d.put(" ");
                    d.put(binary_sign(op));
                    d.sub(rhs);
                }
            }),
            Expr::Slice(slice) => {
                let SliceExpr { base, lo, hi, lo_exclusive, hi_inclusive } = *self.ast.get(slice);
                self.node("slice", |d| {
                    d.sub(base);
                    d.opt(lo);
                    d.flag(lo_exclusive, "<");
                    d.opt(hi);
                    d.flag(hi_inclusive, "=");
                });
            }
            Expr::Call { callee, args } => self.node("call", |d| {
                d.sub(callee);
                d.args(args);
            }),
            Expr::StructLit { ty, fields } => self.node("struct-lit", |d| {
                d.opt(ty);
                d.args(fields);
            }),
            Expr::TupleLit { ty, elems } => self.node("tuple-lit", |d| {
                d.opt(ty);
                d.args(elems);
            }),
            Expr::ArrayLit { ty, elems } => self.node("array-lit", |d| {
                d.opt(ty);
                d.subs(elems);
            }),
            Expr::TupleTy(elems) => self.node("Tuple", |d| d.elems(elems)),
            Expr::FuncTy(ty) => self.func_type("fn-type", ty),
            Expr::ClosureTy(ty) => self.func_type("Closure", ty),
            Expr::ErrorSet(names) => self.node("error", |d| d.names(names)),
            Expr::Block { stmts, tail } => self.node("block", |d| {
                for &stmt in d.ast.list(stmts) {
                    d.sub_stmt(stmt);
                }
                d.key("tail", tail);
            }),
            Expr::Return(None) => self.put("return"),
            Expr::Return(value) => self.node("return", |d| d.opt(value)),
            Expr::Break(label) => self.jump("break", label),
            Expr::Continue(label) => self.jump("continue", label),
            Expr::Import(path) => self.node("#import ", |d| d.string(path)),
            Expr::Library(name) => self.node("#library ", |d| d.string(name)),
            Expr::ImportC(import) => {
                let items = self.ast.get(import).items;
                self.node("#import-c", |d| d.c_items(items));
            }
            Expr::Asm(asm) => self.asm(asm),
            Expr::Catch(catch) => {
                let CatchExpr { operand, binding, handler } = *self.ast.get(catch);
                self.node("catch", |d| {
                    d.sub(operand);
                    if let Some(name) = binding {
                        d.put(" ");
                        d.ident(name);
                    }
                    d.key("do", Some(handler));
                });
            }
            _ => self.body(expr),
        }
    }

    fn jump(&mut self, head: &str, label: Option<Ident>) {
        self.put(head);
        if let Some(label) = label {
            self.put(":");
            self.ident(label);
        }
    }

    fn func_type(&mut self, head: &str, ty: Idx<FuncType>) {
        let FuncType { params, ret, abi } = *self.ast.get(ty);
        self.node(head, |d| {
            d.elems(params);
            d.ret(ret);
            d.abi(abi);
        });
    }

    fn c_items(&mut self, items: Range<CItem>) {
        for &item in self.ast.list(items) {
            let (head, text) = match item {
                CItem::Include(text) => (" include ", Some(text)),
                CItem::Source(text) => (" source ", Some(text)),
                CItem::Library(text) => (" library ", Some(text)),
                CItem::Define(name, text) => {
                    self.put(" ");
                    self.ident(name);
                    ("=", text)
                }
            };
            self.put(head);
            if let Some(text) = text {
                self.string(text);
            }
        }
    }

    fn asm(&mut self, asm: Idx<AsmExpr>) {
        let AsmExpr { volatile, template, operands, clobbers } = *self.ast.get(asm);
        self.node("asm", |d| {
            d.flag(volatile, "volatile");
            d.put(" ");
            d.string(template);
            for &AsmOperand { name, constraint, kind } in d.ast.list(operands) {
                d.put(" [");
                if let Some(name) = name {
                    d.ident(name);
                }
                d.put("]");
                d.string(constraint);
                match kind {
                    AsmKind::Value(ty) => d.key("->", Some(ty)),
                    AsmKind::Place(place) => d.key("->@", Some(place)),
                    AsmKind::Input(value) => d.key("=", Some(value)),
                }
            }
            if !clobbers.is_empty() {
                d.put(" clobbers");
                d.names(clobbers);
            }
        });
    }

    /// Control flow and type bodies.
    fn body(&mut self, expr: Expr) {
        match expr {
            Expr::If(idx) => {
                let IfExpr { inline, binding, cond, then, else_, then_keyword } = *self.ast.get(idx);
                self.node("if", |d| {
                    d.flag(inline, "inline");
                    d.bound(binding, cond);
                    d.flag(then_keyword, "then");
                    d.sub(then);
                    d.key("else", else_);
                });
            }
            Expr::Match(idx) => {
                let MatchExpr { inline, subject, arms } = *self.ast.get(idx);
                self.node("match", |d| {
                    d.flag(inline, "inline");
                    d.sub(subject);
                    for &arm in d.ast.list(arms) {
                        d.arm(arm);
                    }
                });
            }
            Expr::While(idx) => {
                let WhileExpr { label, binding, cond, body } = *self.ast.get(idx);
                self.node("while", |d| {
                    d.label(label);
                    d.bound(binding, cond);
                    d.sub(body);
                });
            }
            Expr::For(idx) => {
                let ForExpr { label, inline, iters, captures, body } = *self.ast.get(idx);
                self.node("for", |d| {
                    d.label(label);
                    d.flag(inline, "inline");
                    d.iters(iters);
                    d.put(" (");
                    for (i, &capture) in d.ast.list(captures).iter().enumerate() {
                        d.put(if i > 0 { " " } else { "" });
                        d.capture(capture);
                    }
                    d.put(")");
                    d.sub(body);
                });
            }
            Expr::Struct(idx) => self.struct_("struct", idx),
            Expr::Union(idx) => self.struct_("union", idx),
            Expr::Enum(idx) => self.enum_(idx),
            Expr::Protocol(idx) => {
                let ProtocolExpr { inline, params, methods } = *self.ast.get(idx);
                self.node("protocol", |d| {
                    d.flag(inline, "#inline");
                    d.params(params);
                    d.members(methods);
                });
            }
            other => unreachable!("written by another part of the dump: {other:?}"),
        }
    }

    fn label(&mut self, label: Option<Ident>) {
        if let Some(label) = label {
            self.put(" ");
            self.ident(label);
            self.put(":");
        }
    }

    fn bound(&mut self, binding: Option<Ident>, cond: ExprId) {
        if let Some(name) = binding {
            self.put(" ");
            self.ident(name);
            self.put(":=");
        }
        self.sub(cond);
    }

    fn capture(&mut self, capture: Capture) {
        self.put(if capture.by_ref { "*" } else { "" });
        self.ident(capture.name);
    }

    fn arm(&mut self, arm: Arm) {
        let Arm { patterns, binding, body, span: _ } = arm;
        self.put(" ");
        self.node(if patterns.is_empty() { "else" } else { "case" }, |d| {
            d.subs(patterns);
            if let Some(binding) = binding {
                d.put(" (");
                d.capture(binding);
                d.put(")");
            }
            d.put(":");
            d.sub(body);
        });
    }

    fn iters(&mut self, iters: Range<Iter>) {
        for &iter in self.ast.list(iters) {
            match iter {
                Iter::Each(expr) => self.sub(expr),
                Iter::Range { lo, hi, lo_exclusive, hi_inclusive } => {
                    self.put(" ");
                    self.node("range", |d| {
                        d.sub(lo);
                        d.flag(lo_exclusive, "<");
                        d.opt(hi);
                        d.flag(hi_inclusive, "=");
                    });
                }
            }
        }
    }

    fn struct_(&mut self, head: &str, idx: Idx<StructExpr>) {
        let StructExpr { params, members, packed, align } = *self.ast.get(idx);
        self.node(head, |d| {
            d.params(params);
            d.flag(packed, "#packed");
            d.key("#align", align);
            d.members(members);
        });
    }

    fn enum_(&mut self, idx: Idx<EnumExpr>) {
        let EnumExpr { flags, backing, variants, members } = *self.ast.get(idx);
        self.node("enum", |d| {
            d.flag(flags, "flags");
            d.key("backing", backing);
            for &Variant { name, payload, value, doc } in d.ast.list(variants) {
                d.put(" (");
                d.ident(name);
                d.flag(doc.is_some(), "doc");
                d.key(":", payload);
                d.key("::", value);
                d.put(")");
            }
            d.members(members);
        });
    }
}

/// The spelling of an operator.
pub(crate) fn binary_sign(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::Mul => "*",
        BinOp::Div => "/",
        BinOp::Rem => "%",
        BinOp::Shl => "<<",
        BinOp::Shr => ">>",
        BinOp::BitAnd => "&",
        BinOp::BitXor => "^",
        BinOp::BitOr => "|",
        BinOp::Eq => "==",
        BinOp::Ne => "!=",
        BinOp::Lt => "<",
        BinOp::Gt => ">",
        BinOp::Le => "<=",
        BinOp::Ge => ">=",
        BinOp::In => "in",
    }
}
