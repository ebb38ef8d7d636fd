//! Variables: registers where possible, else memory.

use super::call::CParam;
use super::place::Place;
use super::value::{Dest, Ops, Value};
use super::{Lower, ResultIn};
use crate::lower::sig::{c_type, split_failable};
use crate::thir::{Body, Conv, E, Kind, LocalId, LocalKind};
use crate::types::{TypeId, TypeKind};
use smallvec::SmallVec;
use std::sync::Arc;
use sx_ir::layout::Layout;
use sx_ir::{Addr, Base, CType, DataId, DebugVar, Operand, Reg, Sig, UnOp};

impl<'b> Lower<'_, 'b> {
    /// Where a local is.
    pub(super) fn local(&mut self, id: LocalId) -> Place {
        if self.locals[id.0 as usize].is_none() {
            // Declared where nothing leads, used where something may seem to.
            self.declare(id, None);
        }
        self.locals[id.0 as usize].clone().expect("it was declared above")
    }

    /// True when a local can't be in registers.
    fn needs_memory(&mut self, id: LocalId, layout: &Layout) -> bool {
        let local = &self.decls[id.0 as usize];
        let (ty, taken) = (local.ty, local.address_taken);
        taken || !layout.is_scalars() || (layout.size > 0 && self.has_array(ty))
    }
    /// True for types with an array somewhere inside, which is indexed in memory.
    fn has_array(&mut self, ty: TypeId) -> bool {
        let array = match *self.types.kind(ty) {
            TypeKind::Array(..) => return true,
            TypeKind::Struct(_) | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::Tuple(_) => {
                self.cache.array_inside.get(&ty).copied()
            }
            TypeKind::Optional(of) => return self.has_array(of),
            _ => return false,
        };
        if let Some(known) = array {
            return known;
        }
        let members = super::sig::members(self.types, ty);
        let found = members.iter().any(|&(member, _)| self.has_array(member));
        self.cache.array_inside.insert(ty, found);
        found
    }

    /// A local comes to life.
    pub(super) fn declare(&mut self, id: LocalId, init: Option<E<'b>>) {
        let decl = &self.decls[id.0 as usize];
        let (ty, assigned) = (decl.ty, decl.assigned);
        if decl.kind == LocalKind::Alias {
            let init = init.expect("an alias has a place");
            let place = self.place(init);
            let place = self.stable_place(place);
            self.locals[id.0 as usize] = Some(place);
            return;
        }
        let layout = self.types.layout(ty);
        if self.needs_memory(id, &layout) {
            if let Some(data) = init.filter(|_| self.is_constant(id)).and_then(|init| self.data_of(init)) {
                return self.bind_place(id, Place::Mem(Addr { base: Base::Data(data), off: 0 }));
            }
            let slot = self.slot_for(&layout);
            if let Some(init) = init {
                self.build(init, slot);
            }
            return self.name_place(id, Place::Mem(slot));
        }
        if assigned {
            let regs: SmallVec<[Reg; 4]> =
                layout.leaves.iter().flatten().map(|leaf| self.b.var(leaf.ty)).collect();
            match init.filter(|init| !matches!(init.kind, Kind::Undef)) {
                Some(init) => self.expr_to(init, &Dest::vars(&regs)),
                None => {
                    let zeros = Value::Regs(self.zeros(&layout));
                    let mark = self.mark();
                    self.write_vars(&regs, &zeros, mark);
                }
            }
            let ops = regs.into_iter().map(Operand::from).collect();
            return self.name_place(id, Place::Part { ops, layout, off: 0 });
        }
        let ops = match init {
            Some(init) => self.regs(init),
            None => self.zeros(&layout),
        };
        self.bind_ops(id, ops, layout);
    }
    /// The read-only data that a constant is.
    fn data_of(&mut self, e: E<'b>) -> Option<DataId> {
        match e.kind {
            Kind::ConstData(data) => Some(data),
            _ => self.constant_array(e),
        }
    }
    fn is_constant(&self, id: LocalId) -> bool {
        let local = &self.decls[id.0 as usize];
        !local.assigned && !local.address_taken
    }
    fn bind_ops(&mut self, id: LocalId, ops: Ops, layout: Arc<Layout>) {
        let ops = self.stable_ops(ops);
        self.name_place(id, Place::Part { ops, layout, off: 0 });
    }

    /// A local comes to life with an evaluated value.
    pub(super) fn bind(&mut self, id: LocalId, value: &Value) {
        let decl = &self.decls[id.0 as usize];
        let (ty, assigned) = (decl.ty, decl.assigned);
        let layout = self.types.layout(ty);
        match value {
            Value::Regs(ops) if !self.needs_memory(id, &layout) => {
                if !assigned {
                    return self.bind_ops(id, ops.clone(), layout);
                }
                let regs: SmallVec<[Reg; 4]> =
                    layout.leaves.iter().flatten().map(|leaf| self.b.var(leaf.ty)).collect();
                let mark = self.mark();
                self.write_vars(&regs, value, mark);
                let ops = regs.into_iter().map(Operand::from).collect();
                self.name_place(id, Place::Part { ops, layout, off: 0 });
            }
            Value::Regs(_) | Value::Mem(_) => {
                let slot = self.slot_for(&layout);
                self.store(slot, value, ty);
                self.name_place(id, Place::Mem(slot));
            }
        }
    }
    /// A local that is another name for memory.
    pub(super) fn bind_place(&mut self, id: LocalId, place: Place) {
        self.locals[id.0 as usize] = Some(place);
    }

    /// Says where a local is, to lowering and to debuggers.
    pub(super) fn name_place(&mut self, id: LocalId, place: Place) {
        let decl = &self.decls[id.0 as usize];
        if !decl.name.is_empty() && !self.dead() {
            let shown = match &place {
                Place::Mem(Addr { base: Base::Slot(slot), off: 0 }) => Some(sx_ir::Place::Slot(*slot)),
                Place::Mem(_) => None,
                Place::Part { ops, .. } => {
                    let regs: Option<SmallVec<[Reg; 4]>> = ops.iter().map(|op| op.as_reg()).collect();
                    regs.map(sx_ir::Place::Regs)
                }
            };
            if let Some(place) = shown {
                let ty = self.type_name(decl.ty);
                let name = decl.name.clone();
                self.b.func_mut().debug_vars.push(DebugVar { name, ty, place });
            }
        }
        self.locals[id.0 as usize] = Some(place);
    }
    pub(super) fn type_name(&mut self, ty: TypeId) -> Arc<str> {
        let shown = || self.types.display(ty, self.symbols).into();
        let name = self.cache.type_names.entry(ty).or_insert_with(shown);
        name.clone()
    }

    /// Takes the parameters, as the convention has it.
    pub(super) fn prologue(&mut self, body: &Body<'_>) {
        let (value, failable) = split_failable(self.types, body.sig.ret);
        self.returns.ty = value;
        self.returns.failable = failable;
        let mut next = 0;
        if body.sig.conv == Conv::C {
            self.c_prologue(body, &mut next);
        } else {
            self.ctx = self.next_param(&mut next);
            let env = (body.sig.conv == Conv::Closure).then(|| self.next_param(&mut next));
            let layout = self.types.layout(value);
            self.returns.result = match &layout.leaves {
                Some(leaves) => ResultIn::Regs(leaves.clone()),
                None => ResultIn::Memory(self.next_param(&mut next)),
            };
            for &param in &body.params {
                let layout = self.types.layout(self.decls[param.0 as usize].ty);
                match &layout.leaves {
                    Some(leaves) => {
                        let ops = leaves.iter().map(|_| self.next_param(&mut next)).collect();
                        self.bind(param, &Value::Regs(ops));
                    }
                    None => {
                        let address = self.next_param(&mut next);
                        self.bind_memory(param, address);
                    }
                }
            }
            if let Some(env) = env {
                self.take_captures(body, env);
            }
        }
    }
    fn next_param(&mut self, next: &mut usize) -> Operand {
        *next += 1;
        self.b.param(*next - 1).into()
    }
    /// A parameter whose value is behind an address, and stays the same unless this function changes it.
    fn bind_memory(&mut self, id: LocalId, address: Operand) {
        let addr = Addr { base: Base::Reg(address), off: 0 };
        if self.is_constant(id) {
            self.bind_place(id, Place::Mem(addr));
        } else {
            self.bind(id, &Value::Mem(addr));
        }
    }

    fn c_prologue(&mut self, body: &Body<'_>, next: &mut usize) {
        let c_sig = super::c_signature(self.types, self.module, &body.sig);
        let by_address = matches!(c_sig.ret, CType::Struct(_));
        let fixed = c_sig.params.len() as u32;
        let id = self.module.sig(Sig::C { sig: c_sig, fixed });
        self.b.func_mut().c_sig = Some(id);
        self.returns.result = if by_address {
            ResultIn::Memory(self.next_param(next))
        } else {
            let layout = self.types.layout(self.returns.ty);
            ResultIn::Regs(layout.leaves.clone().unwrap_or_default())
        };
        let context = Addr { base: Base::Global(self.default_context), off: 0 };
        self.ctx = self.hoisted_address(context);
        for &param in &body.params {
            let ty = self.decls[param.0 as usize].ty;
            match CParam::of(c_type(self.types, self.module, ty)) {
                CParam::None => self.bind(param, &Value::Regs(Ops::new())),
                CParam::Scalar(_) => {
                    let op = self.next_param(next);
                    let op = self.normal_from_c(op, ty);
                    let value = self.one(op);
                    self.bind(param, &value);
                }
                CParam::Struct => {
                    let address = self.next_param(next);
                    let addr = Addr { base: Base::Reg(address), off: 0 };
                    if self.types.layout(ty).is_scalars() {
                        let value = self.load(addr, ty);
                        self.bind(param, &value);
                    } else {
                        self.bind_memory(param, address);
                    }
                }
            }
        }
    }
    /// An integer of odd width from C, with the bits above it as the language wants them.
    pub(super) fn normal_from_c(&mut self, op: Operand, ty: TypeId) -> Operand {
        let Some((bits, signed)) = self.types.int_repr(ty) else { return op };
        if ty == TypeId::BOOL || matches!(bits, 8 | 16 | 32 | 64) {
            return op;
        }
        let scalar = self.scalar_ty(ty);
        self.b.un(if signed { UnOp::SextIn(bits) } else { UnOp::ZextIn(bits) }, scalar, op)
    }

    /// Captured values are constants: those in registers are read at once.
    fn take_captures(&mut self, body: &Body<'_>, env: Operand) {
        let offsets = self.capture_offsets(&body.captures);
        for (i, local) in body.locals.iter().enumerate() {
            let LocalKind::Capture(n) = local.kind else { continue };
            let id = LocalId(i as u32);
            let off = offsets[n as usize] as u64;
            let addr = self.offset(Addr { base: Base::Reg(env), off: 0 }, off);
            let layout = self.types.layout(local.ty);
            if self.needs_memory(id, &layout) {
                self.bind_place(id, Place::Mem(addr));
            } else {
                let value = self.load(addr, local.ty);
                self.bind(id, &value);
            }
        }
    }
    /// The offsets of captured values in their environment.
    pub(super) fn capture_offsets(&mut self, captures: &[TypeId]) -> Vec<u32> {
        self.environment(captures).1
    }
    /// The layout of a closure's environment.
    pub(super) fn environment(&mut self, captures: &[TypeId]) -> (Layout, Vec<u32>) {
        let layouts: Vec<Arc<Layout>> = captures.iter().map(|&ty| self.types.layout(ty)).collect();
        Layout::structure(layouts.iter().map(|layout| &**layout), false, 1)
            .expect("the checker limits what is captured")
    }
}
