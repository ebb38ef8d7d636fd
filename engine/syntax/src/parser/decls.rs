//! Declarations: names, constants, variables, parameters, functions.

use super::Parser;
use super::stmts::Parsed;
use crate::ast::*;
use crate::diag::Code;
use crate::span::Span;
use crate::token::Tok;

/// An element between parentheses before it is known whether these hold parameters or types.
#[derive(Clone, Copy)]
pub(super) struct RawParam {
    name: Option<Ident>,
    comptime: bool,
    variadic: bool,
    ty: Option<ExprId>,
    default: Option<ExprId>,
    span: Span,
}

/// Where a signature stands, which decides what may follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sig {
    /// In an expression: a lambda, a function or a function type.
    Expr,
    /// Where only a type can stand: never with a body.
    Type,
    /// A protocol's method: may lack a body and still be a function.
    Method,
}

/// Which names a declaration may have besides plain ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Bindings, parameters, functions, types: no reserved type spelling.
    Strict,
    /// Constants and methods of a type: keywords too, since they are reached through a dot.
    Method,
    /// Fields, variants, protocol methods: every word but `f32` and `f64`.
    Member,
}

impl<'a> Parser<'a> {
    /// A declared name. Reserved words are taken with an error that tells the way out.
    pub(super) fn declared_name(&mut self, naming: Naming) -> Option<Ident> {
        let (kind, span) = (self.kind(), self.span());
        if kind.is_name() {
            return Some(self.word());
        }
        if !kind.is_word() {
            self.expected("a name");
            return None;
        }
        let text = self.token_text(self.pos);
        if kind == Tok::Prim {
            if naming != Naming::Member || matches!(text, "f32" | "f64") {
                let message = format!("`{text}` is a reserved type name and can't be declared");
                self.report(Code::E0014, span, message, |d| {
                    d.help(format!("write `` `{text} `` to use it as a plain name"))
                });
            }
        } else if naming == Naming::Strict {
            self.report(Code::E0015, span, format!("`{text}` is a keyword and can't be declared"), |d| {
                d.help(format!("write `` `{text} `` to use it as a plain name"))
            });
        }
        Some(self.word())
    }

    /// A declaration or labelled loop at a word that `::`, `:=`, `:` or `,` follows; none for anything else.
    pub(super) fn declaration(&mut self) -> Option<Parsed> {
        let lo = self.lo();
        match self.peek(1) {
            Tok::ColonColon => {
                let stmt = Stmt::Const(self.const_decl(Naming::Strict, Sig::Expr));
                return Some(Parsed::Stmt(self.add_stmt(stmt, lo)));
            }
            Tok::Colon => match (self.peek(2), self.peek(3)) {
                (Tok::For | Tok::While, _) | (Tok::Inline, Tok::For) => {
                    let label = self.declared_name(Naming::Strict);
                    self.bump();
                    return Some(self.block_statement(label));
                }
                _ if matches!(self.kind(), Tok::Else | Tok::Case) => return None,
                _ => {}
            },
            Tok::Comma if !self.names_before_colon() => return None,
            _ => {}
        }
        let stmt = self.var_or_typed_const();
        Some(Parsed::Stmt(self.add_stmt(stmt, lo)))
    }

    /// True where a list of words leads to `:=` or `:`.
    fn names_before_colon(&self) -> bool {
        let kinds = &self.tokens.kinds;
        let mut at = self.pos;
        while kinds[at].is_word() && kinds[at + 1] == Tok::Comma {
            at += 2;
        }
        kinds[at].is_word() && matches!(kinds[at + 1], Tok::ColonEq | Tok::Colon)
    }

    /// `a, b` where names are declared.
    pub(super) fn name_list(&mut self, naming: Naming) -> Range<Ident> {
        let mark = self.mark::<Ident>();
        while let Some(name) = self.declared_name(naming) {
            self.stack(name);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.seal(mark)
    }

    /// `name :: value;` at its name.
    pub(super) fn const_decl(&mut self, naming: Naming, sig: Sig) -> Idx<ConstDecl> {
        let doc = self.doc_before(self.pos);
        let name = self.declared_name(naming).expect("the caller has seen a word");
        self.bump();
        let value = self.const_value(sig);
        self.end_declaration();
        self.ast.push(ConstDecl { name, ty: None, value, doc })
    }

    /// What stands behind `::`.
    fn const_value(&mut self, sig: Sig) -> ExprId {
        let plain_method = sig == Sig::Method && self.at(Tok::LParen);
        if plain_method { self.function(Sig::Method, None) } else { self.expr() }
    }

    /// `a, b := …;`, `a: T = …;`, `a: T : …;`, `a: T;`, `a: T extern …;`
    fn var_or_typed_const(&mut self) -> Stmt {
        let doc = self.doc_before(self.pos);
        let names = self.name_list(Naming::Strict);
        if self.eat(Tok::ColonEq) {
            let values = self.expr_list();
            self.end_declaration();
            return Stmt::Var(self.ast.push(VarDecl { names, ty: None, values, external: None, doc }));
        }
        self.expect(Tok::Colon);
        let ty = Some(self.type_());
        if self.eat(Tok::Colon) {
            let value = self.expr();
            self.end_declaration();
            let name = self.ast.list(names)[0];
            if names.len > 1 {
                self.report(Code::E0001, name.span, "a constant declaration has one name", |d| d);
            }
            return Stmt::Const(self.ast.push(ConstDecl { name, ty, value, doc }));
        }
        let external = matches!(self.kind(), Tok::Extern | Tok::Export).then(|| self.linkage());
        let values = if self.eat(Tok::Eq) { self.expr_list() } else { Range::empty() };
        self.end_declaration();
        Stmt::Var(self.ast.push(VarDecl { names, ty, values, external, doc }))
    }

    /// `extern lib "symbol"`, `export "symbol"`
    fn linkage(&mut self) -> Linkage {
        let lo = self.lo();
        let export = self.at(Tok::Export);
        self.bump();
        let library = (!export && self.kind().is_name()).then(|| self.word());
        let symbol = matches!(self.kind(), Tok::Str | Tok::RawStr).then(|| self.string_value());
        Linkage { export, library, symbol, span: self.since(lo) }
    }

    // ---- parameters ----

    /// `( … )` onto the stack of raw parameters, from `mark` on.
    fn raw_params(&mut self) {
        let open = self.pos;
        self.bump();
        let ctx = self.free();
        while !matches!(self.kind(), Tok::RParen | Tok::Eof) {
            let param = self.raw_param();
            self.scratch.raw_params.push(param);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.ctx = ctx;
        self.close(Tok::RParen, open);
    }

    fn raw_param(&mut self) -> RawParam {
        let lo = self.lo();
        let variadic = self.eat(Tok::DotDot);
        let mut param =
            RawParam { name: None, comptime: false, variadic, ty: None, default: None, span: Span::at(lo) };
        let ends = |kind| matches!(kind, Tok::Comma | Tok::RParen | Tok::Colon | Tok::ColonEq | Tok::Eq);
        if self.at(Tok::Dollar) && self.peek(1).is_word() && ends(self.peek(2)) {
            self.bump();
            param.comptime = true;
            param.name = self.declared_name(Naming::Strict);
        } else if self.kind().is_word() && matches!(self.peek(1), Tok::Colon | Tok::ColonEq) {
            param.name = self.declared_name(Naming::Strict);
        } else {
            param.ty = Some(self.type_());
        }
        if param.name.is_some() && self.eat(Tok::Colon) {
            param.ty = Some(self.type_());
        }
        if self.eat(Tok::Eq) || (param.ty.is_none() && self.eat(Tok::ColonEq)) {
            param.default = Some(self.expr());
        }
        param.span = self.since(lo);
        param
    }

    /// Raw parameters from `mark` on as parameters of a function.
    fn as_params(&mut self, mark: usize) -> Range<Param> {
        let out = self.mark::<Param>();
        for i in mark..self.scratch.raw_params.len() {
            let raw = self.scratch.raw_params[i];
            let RawParam { comptime, variadic, default, span, .. } = raw;
            let (name, ty) = match (raw.name, raw.ty) {
                (Some(name), ty) => (Some(name), ty),
                (None, Some(ty)) => (self.name_behind(ty), None),
                (None, None) => (None, None),
            };
            if let Some(name) = name {
                self.stack(Param { name, comptime, variadic, ty, default, span });
            }
        }
        self.scratch.raw_params.truncate(mark);
        self.seal(out)
    }

    /// The parameter name behind what was read as a type.
    fn name_behind(&mut self, ty: ExprId) -> Option<Ident> {
        let span = self.ast.expr_span(ty);
        match *self.ast.expr(ty) {
            Expr::Name(name) => return Some(name),
            Expr::Error => {}
            _ => self.report(Code::E0026, span, "a parameter needs a name", |d| {
                d.help("write `name: T`; in a lambda whose type is known the name alone will do")
            }),
        }
        None
    }

    /// Raw parameters from `mark` on as the elements of a function type.
    fn as_types(&mut self, mark: usize) -> Range<TupleElem> {
        let out = self.mark::<TupleElem>();
        for i in mark..self.scratch.raw_params.len() {
            let raw = self.scratch.raw_params[i];
            if let Some(default) = raw.default {
                let span = self.ast.expr_span(default);
                self.report(Code::E0026, span, "a function type has no default arguments", |d| d);
            }
            let elem = match (raw.name, raw.ty) {
                (Some(name), None) => {
                    let dollar = Expr::Dollar { name, constraint: None };
                    let expr = if raw.comptime { dollar } else { Expr::Name(name) };
                    let lo = if raw.comptime { name.span.lo - 1 } else { name.span.lo };
                    let ty = self.add(expr, Span::new(lo, name.span.hi));
                    TupleElem { name: None, ty, spread: raw.variadic }
                }
                (name, Some(ty)) => TupleElem { name, ty, spread: raw.variadic },
                (None, None) => continue,
            };
            self.stack(elem);
        }
        self.scratch.raw_params.truncate(mark);
        self.seal(out)
    }

    /// `($T: Type, ..$Ts: []Type)` after `struct` or `protocol`, if it is there.
    pub(super) fn type_params(&mut self) -> Range<Param> {
        if !self.at(Tok::LParen) {
            return Range::empty();
        }
        let mark = self.scratch.raw_params.len();
        self.raw_params();
        self.as_params(mark)
    }

    /// `(A, y: B, ..C)` as the elements of a tuple type or closure type.
    pub(super) fn type_elems(&mut self) -> Range<TupleElem> {
        let mark = self.scratch.raw_params.len();
        self.raw_params();
        self.as_types(mark)
    }

    // ---- functions ----

    /// `-> T !E`, if it is there.
    pub(super) fn ret_type(&mut self) -> RetType {
        let mut ret = RetType { arrow: false, ty: None, failable: false, error_set: None };
        if !self.eat(Tok::Arrow) {
            return ret;
        }
        ret.arrow = true;
        if !self.at(Tok::Bang) {
            ret.ty = Some(self.type_());
        }
        if self.eat(Tok::Bang) {
            ret.failable = true;
            if self.kind().is_name() {
                ret.error_set = Some(self.type_());
            }
        }
        ret
    }

    /// From `(`: a function, lambda or function type. `ufcs` is where that keyword stood.
    pub(super) fn function(&mut self, sig: Sig, ufcs: Option<u32>) -> ExprId {
        let lo = ufcs.unwrap_or(self.lo());
        let certain = ufcs.is_some() || sig == Sig::Method || self.names_parameters();
        let mark = self.scratch.raw_params.len();
        self.raw_params();
        let mut func = FuncExpr {
            params: Range::empty(),
            ret: RetType { arrow: false, ty: None, failable: false, error_set: None },
            body: FuncBody::None,
            abi: Abi::Sx,
            linkage: None,
            accessor: None,
            ufcs: ufcs.is_some(),
            inline: false,
            sig_span: Span::at(lo),
        };
        if self.at(Tok::Abi) {
            func.abi = self.abi();
        }
        func.ret = self.ret_type();
        let attributes = self.attributes(&mut func, sig);
        func.sig_span = self.since(lo);
        let may_have_body = sig != Sig::Type && !self.ctx.header;
        if may_have_body {
            self.sync_to_block();
        }
        match self.kind() {
            Tok::LBrace if may_have_body => func.body = FuncBody::Block(self.block()),
            Tok::FatArrow if may_have_body => {
                self.bump();
                func.body = FuncBody::Arrow(self.expr());
            }
            _ => {}
        }
        let bodiless_type =
            func.body == FuncBody::None && !attributes && sig != Sig::Method && ufcs.is_none();
        if bodiless_type && func.ret.arrow && func.abi != Abi::Compiler {
            let params = self.as_types(mark);
            let ty = self.ast.push(FuncType { params, ret: func.ret, abi: func.abi });
            return self.add_since(Expr::FuncTy(ty), lo);
        }
        func.params = self.as_params(mark);
        let needs_body = sig != Sig::Method && func.linkage.is_none() && func.abi != Abi::Compiler;
        if func.body == FuncBody::None && needs_body {
            let (span, what) =
                (func.sig_span, if certain { "this function has" } else { "these parameters have" });
            self.fail(Code::E0021, span, format!("{what} no body"), |d| {
                d.help("a body is `{ … }` or `=> value`; a function type needs `-> T`")
            });
        }
        let func = self.ast.push(func);
        self.add_since(Expr::Func(func), lo)
    }

    /// True where what is in the parentheses at the current token can only be parameters.
    pub(super) fn names_parameters(&self) -> bool {
        match (self.peek(1), self.peek(2)) {
            (Tok::RParen | Tok::DotDot, _) => true,
            (Tok::Dollar, word) => word.is_word(),
            (word, Tok::Colon) => word.is_word(),
            _ => false,
        }
    }

    /// What stands between a signature and its body. True when there is something that only functions have.
    fn attributes(&mut self, func: &mut FuncExpr, sig: Sig) -> bool {
        let mut any = false;
        loop {
            match self.kind() {
                Tok::Abi => {
                    func.abi = self.abi();
                    continue;
                }
                _ if sig == Sig::Type => return any,
                Tok::Extern | Tok::Export => func.linkage = Some(self.linkage()),
                Tok::DGet | Tok::DSet => {
                    let get = self.at(Tok::DGet);
                    func.accessor = Some(if get { Accessor::Get } else { Accessor::Set });
                    self.bump();
                }
                Tok::DInline => {
                    func.inline = true;
                    self.bump();
                }
                Tok::DBuiltin => {
                    func.body = FuncBody::Builtin;
                    self.bump();
                }
                _ => return any,
            }
            any = true;
        }
    }

    /// `abi(.c)`
    fn abi(&mut self) -> Abi {
        self.bump();
        let open = self.pos;
        if !self.expect(Tok::LParen) {
            return Abi::Sx;
        }
        let mut abi = Abi::Sx;
        if self.expect(Tok::Dot) && self.kind().is_word() {
            abi = match self.token_text(self.pos) {
                "c" => Abi::C,
                "naked" => Abi::Naked,
                "compiler" => Abi::Compiler,
                other => {
                    let (span, message) = (self.span(), format!("there is no calling convention `.{other}`"));
                    self.report(Code::E0029, span, message, |d| {
                        d.help("the conventions are `.c`, `.naked` and `.compiler`")
                    });
                    Abi::Sx
                }
            };
            self.bump();
        }
        self.close(Tok::RParen, open);
        abi
    }
}
