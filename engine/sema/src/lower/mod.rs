//! From the typed tree to the middle form.
//!
//! | module | what |
//! |---|---|
//! | [`sig`] | how functions of each convention take and give their values |
//! | [`flow`] | blocks, their order, and what is known on the way to them |
//! | [`value`], [`place`], [`locals`] | values in registers or memory, places, variables |
//! | [`effects`] | whether an expression may change what was read before it |
//! | [`expr`], [`arith`], [`cast`], [`aggregate`], [`intrinsic`], [`equal`] | expressions |
//! | [`call`], [`closure`] | calls, closures, thunks |
//! | [`stmt`], [`control`], [`loops`], [`cleanup`], [`errors`] | statements and control flow |
//!
//! Values whose layout has leaves live in registers, all others in memory. Values are read when they are
//! evaluated: a register that may be assigned again is copied where something evaluated later could do that.

mod aggregate;
mod arith;
mod atomic;
mod call;
mod cast;
mod cleanup;
mod closure;
mod control;
mod effects;
mod equal;
mod errors;
mod expr;
mod flow;
mod intrinsic;
mod locals;
mod loops;
mod place;
mod sig;
mod stmt;
mod value;
mod vector;

#[cfg(test)]
mod tests;

use crate::symbols::Symbols;
use crate::thir::{Body, Conv, Local};
use crate::types::{TypeId, Types};
use cleanup::{Loop, Scope};
use flow::Flow;
use place::Place;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use sx_ir::layout::Leaves;
use sx_ir::{
    Builder, CType, CallConv, ExternId, Func, FuncId, GlobalId, Module, Operand, Reg, SigId, Signature,
};
use sx_syntax::span::Loc;

pub(crate) use closure::closure_thunk;
pub use sig::{c_signature, ir_signature};

/// What lowering remembers from body to body: functions it made, and answers that it would give again.
#[derive(Debug, Default)]
pub struct LowerCache {
    c_funcs: FxHashSet<FuncId>,
    func_thunks: FxHashMap<FuncId, FuncId>,
    value_thunks: FxHashMap<TypeId, FuncId>,
    equal_funcs: FxHashMap<TypeId, FuncId>,
    variadics: FxHashMap<(ExternId, Vec<CType>), ExternId>,
    call_sigs: FxHashMap<TypeId, SigId>,
    /// Where the last function was built.
    room: sx_ir::builder::Room,
    /// What was known of its blocks, for the lists.
    flow: Flow,
    type_names: FxHashMap<TypeId, std::sync::Arc<str>>,
    array_inside: FxHashMap<TypeId, bool>,
}

impl LowerCache {
    /// True for the code of closures whose environment is a function value.
    pub(crate) fn is_value_thunk(&self, func: FuncId) -> bool {
        self.value_thunks.values().any(|&thunk| thunk == func)
    }
    /// What the code of a closure passes calls on to: a function, or any function value, of a closure type.
    pub(crate) fn thunk_of(&self, thunk: FuncId) -> Option<(Option<FuncId>, Option<TypeId>)> {
        let plain = self.func_thunks.iter().find(|&(_, &code)| code == thunk);
        let any = self.value_thunks.iter().find(|&(_, &code)| code == thunk);
        plain.map(|(&func, _)| (Some(func), None)).or_else(|| any.map(|(&ty, _)| (None, Some(ty))))
    }
    /// Says that a function has the C ABI. Needed before a direct call of it is lowered.
    pub fn declare_c_func(&mut self, id: FuncId) {
        self.c_funcs.insert(id);
    }
}

/// What lowering a body needs besides types and module.
#[derive(Debug)]
pub struct LowerCx<'a> {
    /// Names, to print types for debuggers.
    pub symbols: &'a Symbols,
    /// What is remembered; one for the module's whole life.
    pub cache: &'a mut LowerCache,
    /// The context under which functions of the C ABI run.
    pub default_context: GlobalId,
}

/// Lowers a checked body. Functions that it needs besides (thunks, comparisons) are added to the module.
///
/// # Panics
/// When the body breaks the typed tree's contract; in debug builds, when the result doesn't verify.
pub fn lower_body(types: &mut Types, module: &mut Module, cx: &mut LowerCx<'_>, body: &Body<'_>) -> Func {
    let sig = match body.sig.conv {
        Conv::Sx | Conv::Closure => ir_signature(types, &body.sig),
        Conv::C => c_signature(types, module, &body.sig).lowered(),
    };
    let conv = if body.sig.conv == Conv::C { CallConv::C } else { CallConv::Sx };
    let room = std::mem::take(&mut cx.cache.room);
    let b = Builder::with_room(body.name.clone(), sig, conv, room);
    let mut lower = Lower::new(types, module, cx.cache, cx.symbols, cx.default_context, b);
    lower.decls = &body.locals;
    lower.locals = vec![None; body.locals.len()];
    lower.b.func_mut().inline = body.inline;
    lower.at(body.loc);
    lower.prologue(body);
    lower.root(body.root);
    lower.finish()
}

/// Where a function's value goes when it returns.
enum ResultIn {
    /// Result registers.
    Regs(Leaves),
    /// The memory at this address.
    Memory(Operand),
}

/// How this function returns.
struct Returns {
    /// The value's type.
    ty: TypeId,
    result: ResultIn,
    failable: bool,
    /// Holds the value while cleanup runs; made when first needed.
    vars: Option<SmallVec<[Reg; 4]>>,
    /// Holds the error while cleanup runs; made when first needed.
    error: Option<Reg>,
}

/// A function being lowered.
struct Lower<'a, 'b> {
    types: &'a mut Types,
    module: &'a mut Module,
    cache: &'a mut LowerCache,
    symbols: &'a Symbols,
    default_context: GlobalId,
    b: Builder,
    flow: Flow,
    decls: &'a [Local],
    locals: Vec<Option<Place>>,
    /// The address of the current context.
    ctx: Operand,
    returns: Returns,
    scopes: Vec<Scope<'b>>,
    loops: Vec<Loop>,
}

impl<'a, 'b> Lower<'a, 'b> {
    /// Starts a function without locals. The prologue sets what depends on the convention.
    fn new(
        types: &'a mut Types,
        module: &'a mut Module,
        cache: &'a mut LowerCache,
        symbols: &'a Symbols,
        default_context: GlobalId,
        mut b: Builder,
    ) -> Lower<'a, 'b> {
        let ctx = b.null();
        let flow = Flow::new(std::mem::take(&mut cache.flow));
        let result = ResultIn::Regs(Leaves::new());
        Lower {
            types,
            module,
            cache,
            symbols,
            default_context,
            b,
            flow,
            decls: &[],
            locals: Vec::new(),
            ctx,
            returns: Returns { ty: TypeId::VOID, result, failable: false, vars: None, error: None },
            scopes: Vec::new(),
            loops: Vec::new(),
        }
    }

    /// Starts another function of the default ABI that this one needs.
    fn nested<'n>(&'n mut self, name: &str, sig: Signature) -> Lower<'n, 'n> {
        let mut b = Builder::new(name, sig, CallConv::Sx);
        if let Some(loc) = self.b.func().locs.last() {
            b.set_loc(loc.file, loc.offset);
        }
        b.func_mut().inline = true;
        let ctx = b.param(0).into();
        let mut lower =
            Lower::new(self.types, self.module, self.cache, self.symbols, self.default_context, b);
        lower.ctx = ctx;
        lower
    }

    /// The position of what follows.
    fn at(&mut self, loc: Loc) {
        self.b.set_loc(loc.file.0, loc.span.lo);
    }
}
