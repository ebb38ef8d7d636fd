//! Where things come from, as far as the other compilation must find them again.

use crate::sema::*;
use crate::symbols::Sym;
use crate::types::{ProtocolId, TypeId};
use crate::value::CVal;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_ir::{DataId, FuncId, GlobalId};
use sx_syntax::ast::{ConstDecl, ExprId, FuncExpr, Idx, ImplDecl};
use sx_syntax::span::FileId;

/// What a scope is for.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The compile-time arguments of a function.
    Instance(InstId),
    /// The arguments of a generic type.
    Arguments(TypeId),
    /// What stands in a type's declaration.
    Of(TypeId),
    /// A protocol's arguments.
    Protocol(ProtocolId),
    /// The default body of a protocol's method, for a type.
    Default(ProtocolId, Sym, TypeId),
    /// An `impl` of a protocol for a type.
    Impl(ProtocolId, TypeId, Idx<ImplDecl>),
    /// The constants of a block, the first of which is this.
    Block(Idx<ConstDecl>),
    /// A round of an `inline for` or of a spread, with what it binds.
    Round(Round),
}

/// A round's number and names.
pub(crate) type Round = (u32, Vec<(Sym, TypeId, CVal)>);

/// A lambda's code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Lambda {
    pub file: FileId,
    pub ast: Idx<FuncExpr>,
    pub scope: ScopeId,
}

/// What a declaration may have made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Thing {
    Func(FnId),
    Generic(GenericId),
    Protocol(ProtoDeclId),
    Global(GlobalId),
}

/// The expression and scope that made a type, and its name.
pub(super) type Maker = (FileId, ExprId, ScopeId, Arc<str>);

/// What a compilation remembers when it is one of two.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub(super) makers: FxHashMap<TypeId, Maker>,
    pub(super) origins: FxHashMap<ScopeId, Origin>,
    /// A block's scope by the one around it: both compilations have one for each, whoever makes it first.
    blocks: FxHashMap<(ScopeId, FileId, Idx<ConstDecl>), ScopeId>,
    rounds: FxHashMap<(ScopeId, FileId, Round), ScopeId>,
    pub(super) decls: FxHashMap<Thing, DeclId>,
    /// Lambdas by their code, with the function around.
    pub(super) lambdas: FxHashMap<FuncId, (Lambda, Option<InstId>)>,
    pub(super) lambda_codes: FxHashMap<Lambda, FuncId>,
    /// What lies in data that was kept: so many values of a type.
    pub(super) kept: FxHashMap<DataId, (TypeId, u64)>,
    /// What each `#run` gave, so that it runs once whichever side asks.
    pub(crate) runs: FxHashMap<(FileId, ExprId, ScopeId), (TypeId, CVal)>,
}

impl Traces {
    pub(crate) fn made_type(&mut self, ty: TypeId, maker: (FileId, ExprId, ScopeId), name: &str) {
        self.makers.insert(ty, (maker.0, maker.1, maker.2, name.into()));
    }
    pub(crate) fn made_scope(&mut self, scope: ScopeId, origin: Origin) {
        self.origins.insert(scope, origin);
    }
    pub(crate) fn made_lambda(&mut self, func: FuncId, lambda: Lambda, within: Option<InstId>) {
        self.lambdas.insert(func, (lambda, within));
        self.lambda_codes.insert(lambda, func);
    }
    pub(crate) fn decided(&mut self, decl: DeclId, value: &DeclVal) {
        let thing = match *value {
            DeclVal::Func(func) => Thing::Func(func),
            DeclVal::Generic(generic) => Thing::Generic(generic),
            DeclVal::Protocol(protocol) => Thing::Protocol(protocol),
            DeclVal::Global(global, _) => Thing::Global(global),
            _ => return,
        };
        self.decls.entry(thing).or_insert(decl);
    }
    pub(crate) fn keeps(&mut self, data: DataId, ty: TypeId, count: u64) {
        self.kept.insert(data, (ty, count));
    }
}

impl Sema {
    /// Remembers what a scope is for, if another compilation may ask.
    #[inline]
    pub(crate) fn trace_scope(&mut self, scope: ScopeId, origin: impl FnOnce() -> Origin) {
        if let Some(traces) = &mut self.traces {
            traces.made_scope(scope, origin());
        }
    }

    /// The scope of a block's constants, if the other compilation, or an earlier check, has asked for it.
    pub(crate) fn traced_block(
        &self,
        around: ScopeId,
        file: FileId,
        first: Idx<ConstDecl>,
    ) -> Option<ScopeId> {
        self.traces.as_ref()?.blocks.get(&(around, file, first)).copied()
    }

    pub(crate) fn trace_block(
        &mut self,
        around: ScopeId,
        file: FileId,
        first: Idx<ConstDecl>,
        scope: ScopeId,
    ) {
        if let Some(traces) = &mut self.traces {
            traces.blocks.insert((around, file, first), scope);
            traces.origins.insert(scope, Origin::Block(first));
        }
    }

    /// The scope of a round: of the same round the same, where that matters.
    pub(crate) fn round_scope(
        &mut self,
        around: ScopeId,
        file: FileId,
        round: usize,
        names: Vec<(Sym, Bound)>,
    ) -> ScopeId {
        if self.traces.is_none() {
            return self.new_scope(Some(around), file, names);
        }
        let consts = names.iter().filter_map(|(sym, bound)| match bound {
            Bound::Const(ty, value) => Some((*sym, *ty, value.clone())),
            Bound::Decl(_) => None,
        });
        let key: Round = (round as u32, consts.collect());
        let known = self.traces.as_ref().and_then(|t| t.rounds.get(&(around, file, key.clone())).copied());
        if let Some(scope) = known {
            return scope;
        }
        let scope = self.new_scope(Some(around), file, names);
        if let Some(traces) = &mut self.traces {
            traces.rounds.insert((around, file, key.clone()), scope);
            traces.origins.insert(scope, Origin::Round(key));
        }
        scope
    }
}
