//! Calls of every convention.

use super::Lower;
use super::sig::{c_type, split_failable};
use super::value::{Ops, Value};
use crate::thir::{Callee, Conv, E, FnSig};
use crate::types::TypeId;
use smallvec::SmallVec;
use sx_ir::{
    Addr, Base, CSignature, CType, Extern, ExternId, ExternKind, Inst, Operand, Sig, SigId, Term, Ty,
};

/// How a C parameter travels.
pub(super) enum CParam {
    None,
    Scalar(Ty),
    Struct,
}

impl CParam {
    pub(super) fn of(ty: CType) -> CParam {
        match (ty, ty.reg_ty()) {
            (_, None) => CParam::None,
            (CType::Struct(_), _) => CParam::Struct,
            (_, Some(ty)) => CParam::Scalar(ty),
        }
    }
}

/// What a call of a possibly failable function gives.
pub(super) struct Outcome {
    pub value: Value,
    /// The error; a constant 0 where there can be none.
    pub tag: Operand,
}

type Args = SmallVec<[Operand; 8]>;

impl<'b> Lower<'_, 'b> {
    /// Calls. A result in memory goes to `hint`, if one is given.
    pub(super) fn call(
        &mut self,
        e: E<'b>,
        callee: &Callee<'b>,
        args: &'b [E<'b>],
        hint: Option<Addr>,
    ) -> Outcome {
        let outcome = match *callee {
            Callee::Func(func) if self.cache.c_funcs.contains(&func) => {
                self.c_call(e, sx_ir::Callee::Func(func), args, hint)
            }
            Callee::Func(func) => self.sx_call(e, sx_ir::Callee::Func(func), None, args, hint),
            Callee::Extern(ext) => {
                let ext = self.promoted(ext, args);
                self.c_call(e, sx_ir::Callee::Extern(ext), args, hint)
            }
            Callee::Value(target) => {
                let op = self.callee(target, args)[0];
                let sig = self.call_sig(target.ty, e.ty, args, Conv::Sx);
                self.sx_call(e, sx_ir::Callee::Value(op, sig), None, args, hint)
            }
            Callee::Closure(target) => {
                let ops = self.callee(target, args);
                let sig = self.call_sig(target.ty, e.ty, args, Conv::Closure);
                self.sx_call(e, sx_ir::Callee::Value(ops[0], sig), Some(ops[1]), args, hint)
            }
            Callee::CPtr(target) => {
                let op = self.callee(target, args)[0];
                let sig = self.call_sig(target.ty, e.ty, args, Conv::C);
                self.c_call(e, sx_ir::Callee::CPtr(op, sig), args, hint)
            }
        };
        if e.ty == TypeId::NORETURN {
            self.terminate(Term::Unreachable);
        }
        outcome
    }
    /// The function value that is called: evaluated before the arguments.
    fn callee(&mut self, target: E<'b>, args: &'b [E<'b>]) -> Ops {
        let ops = self.regs(target);
        if args.iter().any(|arg| self.may_assign(arg)) { self.stable_ops(ops) } else { ops }
    }
    /// The signature of calls through values of a type.
    fn call_sig(&mut self, target: TypeId, ret: TypeId, args: &[E<'b>], conv: Conv) -> SigId {
        if let Some(&sig) = self.cache.call_sigs.get(&target) {
            return sig;
        }
        let sig = FnSig { params: args.iter().map(|arg| arg.ty).collect(), ret, conv };
        let sig = match conv {
            Conv::Sx | Conv::Closure => Sig::Sx(super::ir_signature(self.types, &sig)),
            Conv::C => {
                let fixed = sig.params.len() as u32;
                Sig::C { sig: super::c_signature(self.types, self.module, &sig), fixed }
            }
        };
        let id = self.module.sig(sig);
        self.cache.call_sigs.insert(target, id);
        id
    }

    fn sx_call(
        &mut self,
        e: E<'b>,
        callee: sx_ir::Callee,
        env: Option<Operand>,
        args: &'b [E<'b>],
        hint: Option<Addr>,
    ) -> Outcome {
        let mut ops = Args::new();
        ops.push(self.ctx);
        ops.extend(env);
        let before = ops.len();
        let stable = self.before_assign(args);
        for (i, &arg) in args.iter().enumerate() {
            if self.types.layout(arg.ty).is_scalars() {
                let value = self.regs(arg);
                ops.extend(if i < stable { self.stable_ops(value) } else { value });
            } else {
                let addr = self.argument_memory(arg);
                ops.push(self.address(addr));
            }
        }
        self.at(e.loc);
        let (ty, failable) = split_failable(self.types, e.ty);
        let layout = self.types.layout(ty);
        let result = match layout.leaves {
            Some(_) => None,
            None => {
                let addr = hint.unwrap_or_else(|| self.slot_for(&layout));
                ops.insert(before, self.address(addr));
                Some(addr)
            }
        };
        let mut rets: SmallVec<[Operand; 5]> =
            layout.leaves.iter().flatten().map(|leaf| self.b.temp(leaf.ty).into()).collect();
        if failable {
            rets.push(self.b.temp(Ty::I32).into());
        }
        self.push_call(callee, &ops, &rets);
        let tag = if failable { rets.pop() } else { None };
        let value = match result {
            Some(addr) => Value::Mem(addr),
            None => Value::Regs(rets.into_iter().collect()),
        };
        Outcome { value, tag: tag.unwrap_or_else(|| self.b.constant(Ty::I32, 0)) }
    }
    pub(super) fn push_call(&mut self, callee: sx_ir::Callee, args: &[Operand], rets: &[Operand]) {
        let args = self.b.list(args.iter().copied());
        let rets = self.b.list(rets.iter().copied());
        self.b.push(Inst::Call { callee, args, rets });
    }
    /// Memory with an argument's value that nobody changes during the call.
    fn argument_memory(&mut self, arg: E<'b>) -> Addr {
        if self.is_constant_place(arg) { self.place_in_memory(arg) } else { self.temporary(arg) }
    }

    fn c_call(&mut self, e: E<'b>, callee: sx_ir::Callee, args: &'b [E<'b>], hint: Option<Addr>) -> Outcome {
        let mut ops = Args::new();
        let stable = self.before_assign(args);
        for (i, &arg) in args.iter().enumerate() {
            match CParam::of(c_type(self.types, self.module, arg.ty)) {
                CParam::None => self.effect(arg),
                CParam::Scalar(_) => {
                    let op = self.scalar(arg);
                    ops.push(if i < stable { self.stable(op) } else { op });
                }
                CParam::Struct => {
                    let addr = self.temporary(arg);
                    ops.push(self.address(addr));
                }
            }
        }
        self.at(e.loc);
        let tag = self.b.constant(Ty::I32, 0);
        let value = match CParam::of(c_type(self.types, self.module, e.ty)) {
            CParam::None => {
                self.push_call(callee, &ops, &[]);
                self.dummy(e.ty)
            }
            CParam::Scalar(ty) => {
                let ret = self.b.temp(ty).into();
                self.push_call(callee, &ops, &[ret]);
                let ret = self.normal_from_c(ret, e.ty);
                self.one(ret)
            }
            CParam::Struct => {
                let layout = self.types.layout(e.ty);
                let addr = hint.unwrap_or_else(|| self.slot_for(&layout));
                ops.insert(0, self.address(addr));
                self.push_call(callee, &ops, &[]);
                self.load(addr, e.ty)
            }
        };
        Outcome { value, tag }
    }
    /// A symbol with the promoted types of a variadic call.
    fn promoted(&mut self, ext: ExternId, args: &[E<'b>]) -> ExternId {
        let ExternKind::Func(sig) = self.module.externs[ext.index()].kind else {
            panic!("a variable can't be called")
        };
        let Sig::C { sig: CSignature { params, ret, variadic: true }, fixed } =
            &self.module.sigs[sig.index()]
        else {
            return ext;
        };
        let (declared, ret, fixed) = (params.clone(), *ret, *fixed);
        let mut all = declared;
        for arg in args.iter().skip(all.len()) {
            all.push(c_type(self.types, self.module, arg.ty));
        }
        let key = (ext, all);
        if let Some(&known) = self.cache.variadics.get(&key) {
            return known;
        }
        let sig = Sig::C { sig: CSignature { params: key.1.clone(), ret, variadic: true }, fixed };
        let kind = ExternKind::Func(self.module.sig(sig));
        let made = self.module.add_extern(Extern { kind, ..self.module.externs[ext.index()].clone() });
        self.cache.variadics.insert(key, made);
        made
    }
    /// The memory behind an address.
    pub(super) fn behind(address: Operand) -> Addr {
        Addr { base: Base::Reg(address), off: 0 }
    }
}
