//! Bodies of types: struct, union, enum, error set, protocol; and `impl`.

use super::Parser;
use super::decls::{Naming, Sig};
use crate::ast::*;
use crate::diag::Code;
use crate::token::Tok;

/// What a body's names may be followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Fields and constants.
    Fields,
    /// Methods, whose bodies may be missing.
    Protocol,
    /// Methods.
    Impl,
}

impl Parser<'_> {
    /// `struct ($T: Type) #packed { … }`, `union { … }`
    pub(super) fn struct_(&mut self) -> ExprId {
        let lo = self.lo();
        let union = self.at(Tok::Union);
        self.bump();
        let params = self.type_params();
        let (mut packed, mut align) = (false, None);
        loop {
            match self.kind() {
                Tok::DPacked => {
                    self.once("#packed", packed);
                    packed = true;
                    self.bump();
                }
                Tok::DAlign => {
                    self.once("#align", align.is_some());
                    self.bump();
                    let open = self.pos;
                    if self.expect(Tok::LParen) {
                        align = Some(self.expr());
                        self.close(Tok::RParen, open);
                    }
                }
                _ => break,
            }
        }
        let members = self.members(Body::Fields);
        let body = self.ast.push(StructExpr { params, members, packed, align });
        self.add_since(if union { Expr::Union(body) } else { Expr::Struct(body) }, lo)
    }

    /// Reports a mark that was there before.
    fn once(&mut self, mark: &str, there: bool) {
        if there {
            let span = self.span();
            self.report(Code::E0001, span, format!("`{mark}` is written twice"), |d| d);
        }
    }

    /// `{ … }` with members.
    fn members(&mut self, body: Body) -> Range<Member> {
        self.sync_to_block();
        let open = self.pos;
        if !self.eat(Tok::LBrace) {
            self.expected("`{`");
            return Range::empty();
        }
        let ctx = self.free();
        let mark = self.mark::<Member>();
        self.each_in_braces(|p| {
            if let Some(member) = p.member(body) {
                p.stack(member);
            }
        });
        self.ctx = ctx;
        let members = self.seal(mark);
        self.end_of_braces(open);
        members
    }

    /// Runs `parse` for each part of a body, and recovers between them.
    fn each_in_braces(&mut self, mut parse: impl FnMut(&mut Self)) {
        loop {
            match self.kind() {
                Tok::RBrace | Tok::Eof => return,
                Tok::Semi => self.bump(),
                Tok::RParen | Tok::RBracket => self.stray_close(),
                _ => {
                    let first = self.pos;
                    parse(self);
                    if self.panic {
                        if self.pos > first && self.prev_kind() == Tok::Semi {
                            self.panic = false;
                        } else {
                            self.sync();
                        }
                    }
                    if self.pos == first {
                        self.bump();
                    }
                }
            }
        }
    }

    fn end_of_braces(&mut self, open: usize) {
        if self.eat(Tok::RBrace) {
            self.panic = false;
        } else {
            self.unclosed_block(open);
        }
    }

    fn member(&mut self, body: Body) -> Option<Member> {
        let naming = if body == Body::Fields { Naming::Method } else { Naming::Member };
        let using = body == Body::Fields && self.eat(Tok::DUsing);
        if !self.kind().is_word() {
            self.expected(if body == Body::Fields { "a field, constant or method" } else { "a method" });
            return None;
        }
        if self.peek(1) == Tok::ColonColon && !using {
            let sig = if body == Body::Protocol { Sig::Method } else { Sig::Expr };
            return Some(Member::Const(self.const_decl(naming, sig)));
        }
        if body != Body::Fields {
            let span = self.span();
            self.fail(Code::E0001, span, "only methods can stand here", |d| {
                d.help("a method is written `name :: (self: *Self) -> T`")
            });
            return None;
        }
        self.field(using)
    }

    /// `x, y: T = d;`, `N : T : v;`
    fn field(&mut self, using: bool) -> Option<Member> {
        let doc = self.doc_before(if using { self.pos - 1 } else { self.pos });
        let names = self.name_list(Naming::Member);
        let mut field = (None, None);
        if self.eat(Tok::ColonEq) {
            field.1 = Some(self.expr());
        } else {
            if !self.expect(Tok::Colon) {
                return None;
            }
            let ty = self.type_();
            if self.eat(Tok::Colon) {
                let value = self.expr();
                self.end_member();
                let name = self.ast.list(names)[0];
                return Some(Member::Const(self.ast.push(ConstDecl { name, ty: Some(ty), value, doc })));
            }
            field = (Some(ty), self.eat(Tok::Eq).then(|| self.expr()));
        }
        self.end_member();
        let (ty, default) = field;
        Some(Member::Field { names, ty, default, using, doc })
    }

    /// The `;` after a field or variant, which the last one may lack.
    fn end_member(&mut self) {
        if self.panic || self.eat(Tok::Semi) || self.at(Tok::RBrace) {
            return;
        }
        if self.at(Tok::Comma) {
            let span = self.span();
            self.report(Code::E0002, span, "expected `;`, found `,`", |d| {
                d.help("fields and variants are separated by `;`")
            });
            self.bump();
            return;
        }
        self.end_declaration();
    }

    /// `enum u8 { … }`, `enum flags { … }`
    pub(super) fn enum_(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let mut flags = self.eat(Tok::Flags);
        let backing = (!matches!(self.kind(), Tok::LBrace | Tok::Eof)).then(|| self.type_());
        flags |= self.eat(Tok::Flags);
        self.sync_to_block();
        let open = self.pos;
        let (variants, members) = if self.eat(Tok::LBrace) {
            let ctx = self.free();
            let (variant_mark, member_mark) = (self.mark::<Variant>(), self.mark::<Member>());
            self.each_in_braces(|p| p.variant());
            self.ctx = ctx;
            let lists = (self.seal(variant_mark), self.seal(member_mark));
            self.end_of_braces(open);
            lists
        } else {
            self.expected("`{`");
            (Range::empty(), Range::empty())
        };
        let body = self.ast.push(EnumExpr { flags, backing, variants, members });
        self.add_since(Expr::Enum(body), lo)
    }

    /// A variant, constant or method onto its stack.
    fn variant(&mut self) {
        if !self.kind().is_word() {
            return self.expected("a variant");
        }
        let doc = self.doc_before(self.pos);
        let Some(name) = self.declared_name(Naming::Member) else { return };
        let mut variant = Variant { name, payload: None, value: None, doc };
        if self.eat(Tok::ColonColon) {
            let value = self.expr();
            if matches!(
                self.ast.expr(value),
                Expr::Func(_) | Expr::Struct(_) | Expr::Enum(_) | Expr::Union(_)
            ) {
                self.end_declaration();
                let decl = self.ast.push(ConstDecl { name, ty: None, value, doc });
                return self.stack(Member::Const(decl));
            }
            variant.value = Some(value);
        } else if self.eat(Tok::Colon) {
            let ty = self.type_();
            if self.eat(Tok::Colon) {
                let value = self.expr();
                self.end_declaration();
                let decl = self.ast.push(ConstDecl { name, ty: Some(ty), value, doc });
                return self.stack(Member::Const(decl));
            }
            variant.payload = Some(ty);
        } else if self.at(Tok::Eq) {
            let span = self.span();
            self.fail(Code::E0001, span, "expected `::`, found `=`", |d| {
                d.help("a variant's value is written `name :: 7;`")
            });
        }
        self.end_member();
        self.stack(variant);
    }

    /// `error { A, B }`
    pub(super) fn error_set(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let open = self.pos;
        self.bump();
        let mark = self.mark::<Ident>();
        while self.kind().is_word() {
            let name = self.word();
            self.stack(name);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        let names = self.seal(mark);
        self.close(Tok::RBrace, open);
        self.add_since(Expr::ErrorSet(names), lo)
    }

    /// `protocol #inline (T: Type) { … }`
    pub(super) fn protocol(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let mut inline = self.eat(Tok::DInline);
        let params = self.type_params();
        inline |= self.eat(Tok::DInline);
        let methods = self.members(Body::Protocol);
        let body = self.ast.push(ProtocolExpr { inline, params, methods });
        self.add_since(Expr::Protocol(body), lo)
    }

    /// `impl P for T { … }`
    pub(super) fn impl_decl(&mut self) -> Stmt {
        self.bump();
        let protocol = self.type_();
        if !self.eat(Tok::For) {
            self.expected("`for` and a type");
        }
        let target = if self.panic { self.broken() } else { self.type_() };
        let members = self.members(Body::Impl);
        Stmt::Impl(self.ast.push(ImplDecl { protocol, target, members }))
    }
}
