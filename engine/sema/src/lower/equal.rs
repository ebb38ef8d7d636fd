//! Member-wise equality.
//!
//! Small values are compared in place, one branch per member; larger ones by a function that is made once
//! per type.

use super::Lower;
use super::place::Place;
use super::value::Value;
use crate::thir::{Compare, E};
use crate::types::{TypeId, TypeKind};
use sx_ir::{Addr, Base, BlockId, Callee, CmpOp, FuncId, Inst, Operand, Signature, Term, Ty};

/// Types with at most this many scalars are compared in place.
const MAX_INLINE: u64 = 4;

/// Bit-wise comparable arrays of at least this many bytes are compared as bytes.
const MIN_BYTES: u32 = 16;

impl<'b> Lower<'_, 'b> {
    /// `==` or `!=` as a value.
    pub(super) fn equal(&mut self, e: E<'b>, a: E<'b>, b: E<'b>, negate: bool) -> Operand {
        if self.types.scalar(a.ty).is_some() {
            return self.compare(e, if negate { Compare::Ne } else { Compare::Eq }, a, b);
        }
        let result = self.b.var(Ty::I8);
        let (same, differs, join) = (self.block(), self.block(), self.block());
        self.equal_branch(e, a, b, same, differs);
        for (block, value) in [(same, !negate), (differs, negate)] {
            self.enter(block);
            let value = self.b.bool(value);
            self.write_var(result, value, self.mark());
            self.jump(join);
        }
        self.enter(join);
        result.into()
    }
    /// Goes to one block if the values are equal, to another if not.
    pub(super) fn equal_branch(&mut self, e: E<'b>, a: E<'b>, b: E<'b>, same: BlockId, differs: BlockId) {
        let (assigns, writes) = (self.may_assign(b), self.may_write(b));
        let left = self.value(a);
        let keep = match left {
            Value::Regs(_) => assigns,
            Value::Mem(_) => writes,
        };
        let left = if keep { self.stable_value(left, a.ty) } else { left };
        let right = self.value(b);
        self.at(e.loc);
        let (left, right) = (self.as_place(left, a.ty), self.as_place(right, b.ty));
        self.differ(a.ty, &left, &right, differs, false);
        self.jump(same);
    }
    fn as_place(&mut self, value: Value, ty: TypeId) -> Place {
        match value {
            Value::Mem(addr) => Place::Mem(addr),
            Value::Regs(ops) => Place::Part { ops, layout: self.types.layout(ty), off: 0 },
        }
    }

    /// Goes to `fail` if the values differ; goes on if they are equal.
    fn differ(&mut self, ty: TypeId, a: &Place, b: &Place, fail: BlockId, whole: bool) {
        if self.types.layout(ty).size == 0 {
            return;
        }
        if self.types.scalar(ty).is_some() {
            return self.scalars_differ(ty, a, b, fail);
        }
        if !whole && self.weight(ty) > MAX_INLINE {
            return self.differ_by_call(ty, a, b, fail);
        }
        let niche = match *self.types.kind(ty) {
            TypeKind::Optional(of) => self.types.niche(of).is_some(),
            _ => false,
        };
        match *self.types.kind(ty) {
            TypeKind::String => self.strings_differ(a, b, fail),
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                for (member, field) in super::sig::members(self.types, ty) {
                    let off = self.types.field_offset(ty, field);
                    let (a, b) = (self.part(a.clone(), off), self.part(b.clone(), off));
                    self.differ(member, &a, &b, fail, false);
                }
            }
            TypeKind::Array(elem, len) => self.arrays_differ(elem, len, a, b, fail),
            TypeKind::Vector(elem, lanes) => self.arrays_differ(elem, lanes as u64, a, b, fail),
            TypeKind::Optional(of) if niche && self.types.scalar(of).is_some() => {
                self.scalars_differ(of, a, b, fail);
            }
            TypeKind::Optional(of) if !niche => self.optionals_differ(ty, of, a, b, fail),
            TypeKind::Enum(_) => self.unions_differ(ty, a, b, fail),
            _ => self.bits_differ(ty, a, b, fail),
        }
    }
    /// Goes to `fail` unless the condition holds.
    fn unless(&mut self, cond: Operand, fail: BlockId) {
        let next = self.block();
        self.branch(cond, next, fail);
        self.enter(next);
    }
    fn scalars_differ(&mut self, ty: TypeId, a: &Place, b: &Place, fail: BlockId) {
        let (a, b) = (self.read_scalar(a, ty), self.read_scalar(b, ty));
        let same = self.compare_ops(ty, Compare::Eq, a, b);
        self.unless(same, fail);
    }
    fn strings_differ(&mut self, a: &Place, b: &Place, fail: BlockId) {
        let (Value::Regs(a), Value::Regs(b)) = (self.read(a, TypeId::STRING), self.read(b, TypeId::STRING))
        else {
            panic!("strings are scalars")
        };
        let same = self.b.cmp(CmpOp::Eq, Ty::I64, a[1], b[1]);
        self.unless(same, fail);
        self.bytes_differ(a[0], b[0], a[1], fail);
    }
    fn bytes_differ(&mut self, a: Operand, b: Operand, len: Operand, fail: BlockId) {
        let dst = self.b.temp(Ty::I32);
        self.b.push(Inst::MemCmp { dst, a, b, len });
        let zero = self.b.constant(Ty::I32, 0);
        let same = self.b.cmp(CmpOp::Eq, Ty::I32, dst.into(), zero);
        self.unless(same, fail);
    }
    fn arrays_differ(&mut self, elem: TypeId, len: u64, a: &Place, b: &Place, fail: BlockId) {
        let (a, b) = (self.memory(a), self.memory(b));
        let stride = self.types.layout(elem).size;
        let size = stride as u64 * len;
        if size >= MIN_BYTES as u64 && self.is_bitwise(elem) {
            let (a, b, size) = (self.address(a), self.address(b), self.b.i64(size as i64));
            return self.bytes_differ(a, b, size, fail);
        }
        if len <= MAX_INLINE {
            for i in 0..len {
                let off = i * stride as u64;
                let (a, b) = (Place::Mem(self.offset(a, off)), Place::Mem(self.offset(b, off)));
                self.differ(elem, &a, &b, fail, false);
            }
            return;
        }
        let (a, b) = (self.address(a), self.address(b));
        self.counted(len, |lower, index| {
            let mut at = |base| {
                let base = Base::Reg(lower.b.index(base, index, stride));
                Place::Mem(Addr { base, off: 0 })
            };
            let (a, b) = (at(a), at(b));
            lower.differ(elem, &a, &b, fail, false);
        });
    }
    fn optionals_differ(&mut self, ty: TypeId, of: TypeId, a: &Place, b: &Place, fail: BlockId) {
        let off = self.types.field_offset(ty, 1);
        let (flag_a, flag_b) = (self.part(a.clone(), off), self.part(b.clone(), off));
        let flag_a = self.read_scalar(&flag_a, TypeId::BOOL);
        let flag_b = self.read_scalar(&flag_b, TypeId::BOOL);
        let same = self.b.cmp(CmpOp::Eq, Ty::I8, flag_a, flag_b);
        self.unless(same, fail);
        let (both, next) = (self.block(), self.block());
        self.branch(flag_a, both, next);
        self.enter(both);
        self.differ(of, a, b, fail, false);
        self.jump(next);
        self.enter(next);
    }
    fn unions_differ(&mut self, ty: TypeId, a: &Place, b: &Place, fail: BlockId) {
        let (tag_ty, off) = self.tagged(ty).expect("only tagged unions are no scalars");
        let (tag_a, tag_b) = (self.read_scalar(a, tag_ty), self.read_scalar(b, tag_ty));
        let same = self.compare_ops(tag_ty, Compare::Eq, tag_a, tag_b);
        self.unless(same, fail);
        let TypeKind::Enum(id) = *self.types.kind(ty) else { unreachable!("tagged unions are enums") };
        let variants = self.types.enum_def(id).variants.iter();
        let payloads: Vec<(u64, TypeId)> =
            variants.filter_map(|variant| Some((variant.value, variant.payload?))).collect();
        let scalar = self.scalar_ty(tag_ty);
        let mask = u64::MAX >> (64 - scalar.size(8) * 8);
        let next = self.block();
        let cases: Vec<(u64, BlockId)> =
            payloads.iter().map(|&(value, _)| (value & mask, self.block())).collect();
        self.terminate(Term::Switch { ty: scalar, val: tag_a, cases: cases.clone(), default: next });
        for ((_, block), (_, payload)) in cases.into_iter().zip(payloads) {
            self.enter(block);
            let (a, b) = (self.part(a.clone(), off), self.part(b.clone(), off));
            self.differ(payload, &a, &b, fail, false);
            self.jump(next);
        }
        self.enter(next);
    }
    /// Types without an equality of their own: all their bits.
    fn bits_differ(&mut self, ty: TypeId, a: &Place, b: &Place, fail: BlockId) {
        let layout = self.types.layout(ty);
        match (self.read(a, ty), self.read(b, ty)) {
            (Value::Regs(a), Value::Regs(b)) => {
                for ((leaf, &a), &b) in layout.leaves.iter().flatten().zip(&a).zip(&b) {
                    let op = if leaf.ty.is_float() { CmpOp::FEq } else { CmpOp::Eq };
                    let same = self.b.cmp(op, leaf.ty, a, b);
                    self.unless(same, fail);
                }
            }
            (a, b) => {
                let (a, b) = (self.in_memory(&a, &layout), self.in_memory(&b, &layout));
                let (a, b, size) = (self.address(a), self.address(b), self.b.i64(layout.size as i64));
                self.bytes_differ(a, b, size, fail);
            }
        }
    }

    fn differ_by_call(&mut self, ty: TypeId, a: &Place, b: &Place, fail: BlockId) {
        let func = self.equal_func(ty);
        let (a, b) = (self.memory(a), self.memory(b));
        let args = [self.ctx, self.address(a), self.address(b)];
        let same = self.b.call(Callee::Func(func), &args, &[Ty::I8])[0];
        self.unless(same, fail);
    }
    /// The function that compares two values of a type behind addresses.
    fn equal_func(&mut self, ty: TypeId) -> FuncId {
        if let Some(&func) = self.cache.equal_funcs.get(&ty) {
            return func;
        }
        let func = self.module.reserve_func();
        self.cache.equal_funcs.insert(ty, func);
        let sig = Signature { params: vec![Ty::Ptr; 3], rets: vec![Ty::I8] };
        self.module.declare_func(func, sig.clone());
        let name = format!("{} ==", self.type_name(ty));
        let mut lower = self.nested(&name, sig);
        let [a, b] = [1, 2].map(|i| Place::Mem(Addr { base: Base::Reg(lower.b.param(i).into()), off: 0 }));
        let fail = lower.block();
        lower.differ(ty, &a, &b, fail, true);
        let give = |lower: &mut Lower<'_, '_>, value| {
            let value = lower.b.bool(value);
            let list = lower.b.list([value]);
            lower.terminate(Term::Return(list));
        };
        give(&mut lower, true);
        lower.enter(fail);
        give(&mut lower, false);
        lower.b.func_mut().inline = false;
        let made = lower.finish();
        self.module.define_func(func, made);
        func
    }

    /// How many scalars a comparison looks at, roughly; large numbers are cut off.
    fn weight(&mut self, ty: TypeId) -> u64 {
        const MANY: u64 = 64;
        if self.types.scalar(ty).is_some() {
            return 1;
        }
        let sum = match *self.types.kind(ty) {
            TypeKind::Array(elem, _) | TypeKind::Vector(elem, _) if self.is_bitwise(elem) => 1,
            TypeKind::Vector(_, lanes) => lanes as u64,
            TypeKind::Array(elem, len) => len.saturating_mul(self.weight(elem)),
            TypeKind::Optional(of) => 1 + self.weight(of),
            TypeKind::Struct(_) | TypeKind::Tuple(_) | TypeKind::Enum(_) => {
                let mut sum = 0;
                for (member, _) in super::sig::members(self.types, ty) {
                    sum += self.weight(member);
                    if sum > MANY {
                        break;
                    }
                }
                sum
            }
            _ => 1,
        };
        sum.min(MANY)
    }
    /// True for scalars that are equal exactly when their bytes are.
    fn is_bitwise(&self, ty: TypeId) -> bool {
        self.types.scalar(ty).is_some_and(|scalar| !scalar.is_float())
    }
}
