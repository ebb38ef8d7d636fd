//! Uses of members, for sessions that ask: fields, variants, methods, wherever their names stand.

use super::Cx;
use crate::sema::*;
use crate::symbols::Sym;
use crate::types::{ProtocolId, TypeId, TypeKind};
use sx_syntax::ast::{Expr as Ast, Ident, Member as AstMember};
use sx_syntax::span::{FileId, Loc, Span};

impl Cx<'_, '_, '_> {
    /// Notes a use of a struct's or union's field, or of an enum's variant.
    pub(crate) fn probe_member(&mut self, ty: TypeId, name: Ident) {
        if self.s.is_probing()
            && let Some(declared) = self.s.member_loc(ty, self.ident(name))
        {
            self.s.probe_use(self.loc(name.span), declared);
        }
    }

    /// Notes a use of a function that no name in a scope leads to.
    pub(crate) fn probe_func(&mut self, func: FnId, span: Span) {
        if self.s.is_probing() {
            let decl = self.s.fn_decl(func);
            // Inside a default body the protocol's own methods are meant, whichever impl it is checked for.
            let own = self.s.method_around(self.loc(span), decl.name);
            let declared = own.unwrap_or(Loc::new(decl.file, decl.span));
            self.s.probe_use(self.loc(span), declared);
        }
    }

    /// Notes a use of a protocol's method.
    pub(crate) fn probe_method(&mut self, protocol: ProtocolId, name: Ident) {
        if self.s.is_probing()
            && let Some(declared) = self.s.method_loc(protocol, self.ident(name))
        {
            self.s.probe_use(self.loc(name.span), declared);
        }
    }
}

impl Sema {
    /// Where a field or variant is declared.
    fn member_loc(&self, ty: TypeId, name: Sym) -> Option<Loc> {
        match *self.types.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                self.types.struct_def(id).fields.iter().find(|f| f.name == name).map(|f| f.loc)
            }
            TypeKind::Enum(id) => {
                self.types.enum_def(id).variants.iter().find(|v| v.name == name).map(|v| v.loc)
            }
            _ => None,
        }
    }

    /// Where a protocol's method is declared.
    fn method_loc(&self, protocol: ProtocolId, name: Sym) -> Option<Loc> {
        let decl = &self.proto_decls[self.proto_info[protocol.0 as usize].decl.0 as usize];
        let syms = &self.file(decl.file).syms;
        self.methods_of(decl).find(|(sym, _)| syms[*sym] == name).map(|(_, loc)| loc)
    }

    /// The method of a name of the protocol in whose declaration a place is.
    fn method_around(&self, at: Loc, name: Sym) -> Option<Loc> {
        let around = self.proto_decls.iter().find(|decl| {
            let ast = &self.file(decl.file).file.ast;
            let covers = |member: &AstMember| match *member {
                AstMember::Const(idx) => {
                    let span = ast.expr_span(ast.get(idx).value);
                    span.lo <= at.span.lo && at.span.hi <= span.hi
                }
                AstMember::Field { .. } => false,
            };
            decl.file == at.file && ast.list(ast.get(decl.ast).methods).iter().any(covers)
        })?;
        let syms = &self.file(around.file).syms;
        self.methods_of(around).find(|(sym, _)| syms[*sym] == name).map(|(_, loc)| loc)
    }

    /// The methods of a protocol: their names' numbers in the file, and places.
    fn methods_of<'a>(&'a self, decl: &'a ProtoDecl) -> impl Iterator<Item = (usize, Loc)> + 'a {
        let ast = &self.file(decl.file).file.ast;
        ast.list(ast.get(decl.ast).methods).iter().filter_map(|member| {
            let AstMember::Const(idx) = *member else { return None };
            let method = ast.get(idx);
            let is_func = matches!(*ast.expr(method.value), Ast::Func(_));
            is_func.then(|| (method.name.name.index(), Loc::new(decl.file, method.name.span)))
        })
    }

    /// The member whose own name stands at an offset, of those that are known.
    pub(crate) fn member_here(&self, file: FileId, offset: u32) -> Option<Loc> {
        let covers = |loc: &Loc| loc.file == file && loc.span.lo <= offset && offset < loc.span.hi;
        let fields = self.types.structs.iter().flat_map(|def| def.fields.iter().map(|f| f.loc));
        let variants = self.types.enums.iter().flat_map(|def| def.variants.iter().map(|v| v.loc));
        let methods = self.proto_decls.iter().flat_map(|decl| self.methods_of(decl).map(|(_, loc)| loc));
        let owned = self.decls.iter().filter(|decl| decl.owner.is_some());
        let owned = owned.map(|decl| Loc::new(decl.file, decl.span));
        fields.chain(variants).chain(methods).chain(owned).find(covers)
    }
}
