//! Closures: code with an environment, and thunks that give functions one.

use super::value::Value;
use super::{Lower, LowerCx};
use crate::thir::{Cast, Conv, E, FnSig, Kind};
use crate::types::{TypeId, TypeKind, Types};
use smallvec::smallvec;
use sx_ir::{Builder, CallConv, Callee, FuncId, Inst, Module, Operand, Sig, Signature, Term, Ty};

/// The code of closures of a type that pass calls on to a function, or to the one that is their environment.
pub(crate) fn closure_thunk(
    types: &mut Types,
    module: &mut Module,
    cx: &mut LowerCx<'_>,
    func: Option<FuncId>,
    closure: TypeId,
) -> FuncId {
    let b = Builder::new("thunk", Signature::default(), CallConv::Sx);
    let mut lower = Lower::new(types, module, cx.cache, cx.symbols, cx.default_context, b);
    match func {
        Some(func) => lower.func_thunk(func, closure),
        None => lower.value_thunk(closure),
    }
}

impl<'b> Lower<'_, 'b> {
    /// A closure over copies of values.
    pub(super) fn closure(&mut self, func: FuncId, captures: &'b [E<'b>], alloc: Option<E<'b>>) -> Value {
        let types: Vec<TypeId> = captures.iter().map(|capture| capture.ty).collect();
        let (layout, offsets) = self.environment(&types);
        let env = match alloc {
            _ if captures.is_empty() => None,
            Some(alloc) => {
                let memory = self.scalar(alloc);
                let memory = self.stable(memory);
                self.null_check(memory);
                Some(Self::behind(memory))
            }
            None => Some(self.slot_for(&layout)),
        };
        let env = match env {
            Some(env) => {
                for (&capture, off) in captures.iter().zip(offsets) {
                    let at = self.offset(env, off as u64);
                    self.build(capture, at);
                }
                self.address(env)
            }
            None => self.b.null(),
        };
        let code = self.func_addr(func);
        Value::Regs(smallvec![code, env])
    }
    fn func_addr(&mut self, func: FuncId) -> Operand {
        let dst = self.b.temp(Ty::Ptr);
        self.b.push(Inst::FuncAddr { dst, func });
        dst.into()
    }

    /// A function as a closure: a known one needs no environment, else that is the function value.
    pub(super) fn func_to_closure(&mut self, e: E<'b>, operand: E<'b>) -> Value {
        let mut inner = operand;
        while let Kind::Cast(Cast::Bits, of) = inner.kind {
            inner = of;
        }
        let (thunk, env) = match inner.kind {
            Kind::FuncValue(func) => (self.func_thunk(func, e.ty), self.b.null()),
            _ => {
                let value = self.scalar(operand);
                (self.value_thunk(e.ty), value)
            }
        };
        self.at(e.loc);
        let code = self.func_addr(thunk);
        Value::Regs(smallvec![code, env])
    }
    fn closure_sigs(&mut self, closure: TypeId) -> (Signature, Signature) {
        let TypeKind::Closure { params, ret } = self.types.kind(closure).clone() else {
            panic!("a closure type is expected, found {:?}", self.types.kind(closure))
        };
        let mut sig = FnSig { params: params.into_vec(), ret, conv: Conv::Sx };
        let plain = super::ir_signature(self.types, &sig);
        sig.conv = Conv::Closure;
        (plain, super::ir_signature(self.types, &sig))
    }
    /// The code of a closure that calls a known function.
    fn func_thunk(&mut self, func: FuncId, closure: TypeId) -> FuncId {
        if let Some(&thunk) = self.cache.func_thunks.get(&func) {
            return thunk;
        }
        let thunk = self.thunk(closure, |_, _| Callee::Func(func));
        self.cache.func_thunks.insert(func, thunk);
        thunk
    }
    /// The code of closures of a type whose environment is a function value.
    fn value_thunk(&mut self, closure: TypeId) -> FuncId {
        if let Some(&thunk) = self.cache.value_thunks.get(&closure) {
            return thunk;
        }
        let thunk = self.thunk(closure, |lower, plain| {
            let sig = lower.module.sig(Sig::Sx(plain.clone()));
            Callee::Value(lower.b.param(1).into(), sig)
        });
        self.cache.value_thunks.insert(closure, thunk);
        thunk
    }
    /// A function behind a closure that passes all on but the environment.
    fn thunk(
        &mut self,
        closure: TypeId,
        callee: impl FnOnce(&mut Lower<'_, '_>, &Signature) -> Callee,
    ) -> FuncId {
        let (plain, with_env) = self.closure_sigs(closure);
        let thunk = self.module.reserve_func();
        self.module.declare_func(thunk, with_env.clone());
        let name = format!("{} thunk", self.type_name(closure));
        let count = with_env.params.len();
        let mut lower = self.nested(&name, with_env);
        let callee = callee(&mut lower, &plain);
        let args: Vec<Operand> = (0..count).filter(|&i| i != 1).map(|i| lower.b.param(i).into()).collect();
        let results = lower.b.call(callee, &args, &plain.rets);
        let list = lower.b.list(results);
        lower.terminate(Term::Return(list));
        let made = lower.finish();
        self.module.define_func(thunk, made);
        thunk
    }
}
