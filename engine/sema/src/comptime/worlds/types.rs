//! Types: structural ones by their parts, nominal ones by what made them.

use super::super::keep::Refusal;
use super::Crossing;
use crate::sema::*;
use crate::types::{ErrorSetId, ProtocolId, TupleField, TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;
use sx_syntax::span::Span;

impl Crossing<'_> {
    pub(super) fn ty(&mut self, ty: TypeId) -> Result<TypeId, Refusal> {
        if ty <= TypeId::ANY {
            return Ok(ty);
        }
        if let Some(&known) = self.crossed().types.get(&ty) {
            self.define_late(ty, known)?;
            return Ok(known);
        }
        let there = self.deeper(|c| c.find_type(ty))?;
        self.remember_type(ty, there);
        Ok(there)
    }

    fn remember_type(&mut self, ty: TypeId, there: TypeId) {
        self.crossed().types.insert(ty, there);
        self.crossed_back().types.insert(there, ty);
    }

    fn types(&mut self, types: &[TypeId]) -> Result<Box<[TypeId]>, Refusal> {
        types.iter().map(|&ty| self.ty(ty)).collect()
    }

    fn find_type(&mut self, ty: TypeId) -> Result<TypeId, Refusal> {
        let kind = match self.from().types.kind(ty).clone() {
            TypeKind::Ptr(of) => TypeKind::Ptr(self.ty(of)?),
            TypeKind::ManyPtr(of) => TypeKind::ManyPtr(self.ty(of)?),
            TypeKind::Array(of, len) => TypeKind::Array(self.ty(of)?, len),
            TypeKind::Vector(of, lanes) => TypeKind::Vector(self.ty(of)?, lanes),
            TypeKind::Slice(of) => TypeKind::Slice(self.ty(of)?),
            TypeKind::SentinelSlice(of) => TypeKind::SentinelSlice(self.ty(of)?),
            TypeKind::Optional(of) => TypeKind::Optional(self.ty(of)?),
            TypeKind::Tuple(fields) => {
                let mut there = Vec::with_capacity(fields.len());
                for field in &fields {
                    let name = field.name.map(|name| self.sym(name));
                    there.push(TupleField { name, ty: self.ty(field.ty)? });
                }
                TypeKind::Tuple(there.into())
            }
            TypeKind::Func { params, ret, abi } => {
                TypeKind::Func { params: self.types(&params)?, ret: self.ty(ret)?, abi }
            }
            TypeKind::Closure { params, ret } => {
                TypeKind::Closure { params: self.types(&params)?, ret: self.ty(ret)? }
            }
            TypeKind::Failable { value, set } => {
                TypeKind::Failable { value: self.ty(value)?, set: self.error_set(set, None)? }
            }
            TypeKind::ErrorSet(set) => TypeKind::ErrorSet(self.error_set(set, Some(ty))?),
            TypeKind::Protocol(id) => TypeKind::Protocol(self.protocol(id)?),
            TypeKind::Struct(_) | TypeKind::Union(_) | TypeKind::Enum(_) => return self.nominal(ty),
            TypeKind::Declared(_) => return self.made(ty),
            // All others consist of nothing else.
            kind => kind,
        };
        Ok(self.to().types.intern(kind))
    }

    fn nominal(&mut self, ty: TypeId) -> Result<TypeId, Refusal> {
        let name = self.from().type_name(ty);
        let unknown = || format!("nothing says what made the type `{name}`");
        let info = self.from().members_of(ty).map(|(info, _)| info.clone()).ok_or_else(unknown)?;
        if let NominalSource::Made = info.source {
            return self.made(ty);
        }
        let Some((generic, args)) = info.generic else { return self.made_by_expression(ty) };
        let around = self.from().scopes[info.scope.0 as usize].parent.ok_or_else(unknown)?;
        let names = self.from().scopes[around.0 as usize].names.clone();
        let args = self.args(&args, &names)?;
        let generic = self.generic(generic)?;
        let there = self.to();
        let (file, scope, span) = {
            let generic = &there.generics[generic.0 as usize];
            (generic.file, generic.scope, generic.decl_span)
        };
        match there.with_static(file, scope, |cx| cx.instantiate_type(generic, args, span)) {
            TypeId::ERROR => Err(format!("the type `{name}` can't be made in the other world")),
            ty => Ok(ty),
        }
    }

    /// Compile-time arguments, each under the type that it is bound with.
    fn args(
        &mut self,
        args: &[CVal],
        names: &[(crate::symbols::Sym, Bound)],
    ) -> Result<Arc<[CVal]>, Refusal> {
        let types = names.iter().map(|(_, bound)| match bound {
            Bound::Const(ty, _) => *ty,
            Bound::Decl(_) => TypeId::ERROR,
        });
        let types: Vec<TypeId> = types.chain(std::iter::repeat(TypeId::ERROR)).take(args.len()).collect();
        args.iter().zip(types).map(|(arg, ty)| self.value(ty, arg)).collect()
    }

    /// A type that an expression makes.
    fn made_by_expression(&mut self, ty: TypeId) -> Result<TypeId, Refusal> {
        let maker = self.traces().makers.get(&ty).cloned();
        let name = self.from().type_name(ty);
        let (file, expr, scope, text) =
            maker.ok_or_else(|| format!("nothing says what made the type `{name}`"))?;
        let (file, scope) = (self.file(file)?, self.scope(scope)?);
        Ok(self.to().with_static(file, scope, |cx| cx.nominal_type(expr, &text)))
    }

    fn error_set(&mut self, set: ErrorSetId, ty: Option<TypeId>) -> Result<ErrorSetId, Refusal> {
        if self.from().types.error_set(set).inferred {
            let owner = self.from().set_owners.get(&set).copied();
            let owner = self.inst(owner.ok_or("it has errors that belong to no function")?)?;
            return self
                .to()
                .inst(owner)
                .set
                .ok_or_else(|| "it has errors that belong to no function".into());
        }
        let named = match ty {
            Some(ty) => ty,
            None => self.origin_mut().types.intern(TypeKind::ErrorSet(set)),
        };
        let known = self.crossed().types.get(&named).copied();
        let there = match known {
            Some(there) => there,
            None if self.traces().makers.contains_key(&named) => self.made_by_expression(named)?,
            None => self.made(named)?,
        };
        match *self.to().types.kind(there) {
            TypeKind::ErrorSet(set) => Ok(set),
            _ => Err("it has a set of errors that isn't one in the other world".to_string()),
        }
    }

    pub(super) fn protocol(&mut self, id: ProtocolId) -> Result<ProtocolId, Refusal> {
        let (decl, args, scope) = {
            let info = &self.from().proto_info[id.0 as usize];
            (info.decl, info.args.clone(), info.scope)
        };
        let names = self.from().scopes[scope.0 as usize].names.clone();
        let args = self.args(&args, &names)?;
        let decl = self.protocol_decl(decl)?;
        let there = self.to();
        let (file, scope) = {
            let proto = &there.proto_decls[decl.0 as usize];
            (proto.file, proto.scope)
        };
        let ty = there.with_static(file, scope, |cx| cx.protocol_type(decl, args, Span::at(0)));
        match *there.types.kind(ty) {
            TypeKind::Protocol(id) => Ok(id),
            _ => Err("a protocol in it can't be made in the other world".to_string()),
        }
    }

    /// A type that code has made: declared and defined anew.
    fn made(&mut self, ty: TypeId) -> Result<TypeId, Refusal> {
        let name = self.from().type_name(ty);
        let there = self.to().declare_type(&name)?;
        self.remember_type(ty, there);
        self.define(ty, there)?;
        Ok(there)
    }

    /// Defines what wasn't defined yet when it was met first.
    fn define_late(&mut self, ty: TypeId, there: TypeId) -> Result<(), Refusal> {
        let is_open = |sema: &Sema, ty| matches!(sema.types.kind(ty), TypeKind::Declared(_));
        if is_open(self.to(), there) { self.define(ty, there) } else { Ok(()) }
    }

    fn define(&mut self, ty: TypeId, there: TypeId) -> Result<(), Refusal> {
        let kind = self.from().types.kind(ty).clone();
        if matches!(kind, TypeKind::Declared(_)) || !self.defining.insert(ty) {
            return Ok(());
        }
        let result = self.define_as(ty, kind, there);
        self.defining.remove(&ty);
        result
    }

    fn define_as(&mut self, ty: TypeId, kind: TypeKind, there: TypeId) -> Result<(), Refusal> {
        let types = &self.from().types;
        let (kind, flags, number, target) = match kind {
            TypeKind::Struct(id) => {
                let def = types.struct_def(id);
                ("struct", def.packed, def.align, TypeId::VOID)
            }
            TypeKind::Union(id) => ("union", false, types.struct_def(id).align, TypeId::VOID),
            TypeKind::Enum(id) => ("enum", types.enum_def(id).flags, 0, types.enum_def(id).tag),
            _ => ("error_set", false, 0, TypeId::VOID),
        };
        let target = self.ty(target)?;
        for part in self.origin_mut().parts(ty)? {
            let of = self.ty(part.ty)?;
            self.to().define_part(there, &part.name, of, part.value)?;
        }
        self.to().define_type(there, kind, flags as i64, number as i64, target)?;
        Ok(())
    }
}
