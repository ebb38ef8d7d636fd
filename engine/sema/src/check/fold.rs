//! Constants: reading a value off a typed expression, running what can't be read off.

use super::Cx;
use crate::sema::*;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use crate::visit::any_below;
use std::sync::Arc;
use sx_syntax::diag::{Code, Diagnostic};

/// A value as a number of an integer type: its low bits, extended by its sign.
pub(crate) fn normalize(value: i128, bits: u8, signed: bool) -> i128 {
    let shift = 128 - bits as u32;
    if signed { (value << shift) >> shift } else { (((value << shift) as u128) >> shift) as i128 }
}

impl<'b> Cx<'_, '_, 'b> {
    /// The value of an expression that must be constant; a report when it isn't.
    pub(crate) fn fold_or_report(&mut self, e: E<'b>) -> Option<CVal> {
        if e.ty == TypeId::ERROR {
            return None;
        }
        if let Some(value) = self.fold(e) {
            return Some(value);
        }
        if e.ty == TypeId::TYPE {
            return self.evaluate(e);
        }
        let mut d = Diagnostic::error(Code::E0701, e.loc, "this isn't known at compile time");
        if self.calls_anything(e) {
            d = d.help("put `#run` before a call to make it at compile time");
        } else if let Kind::Local(local) = e.kind {
            let info = &self.f.locals[local.0 as usize];
            d = d.also(info.loc, "its value is known only when the program runs");
            d = d.help(format!("declare it as a constant: `{} :: …;`", info.name));
        }
        self.report(d);
        None
    }

    fn calls_anything(&self, e: E<'b>) -> bool {
        any_below(e, &mut |e| matches!(e.kind, Kind::Call { .. }))
    }

    /// A number under its type.
    fn int_value(&self, ty: TypeId, bits: u64) -> CVal {
        match *self.kind(ty) {
            TypeKind::Bool => CVal::Bool(bits != 0),
            TypeKind::Type => CVal::Type(TypeId(bits as u32)),
            _ => match self.s.types.int_repr(ty) {
                Some((width, signed)) => CVal::Int(normalize(bits as i128, width, signed)),
                None => CVal::Int(bits as i128),
            },
        }
    }

    /// The value of an expression, if it can be read off.
    pub(crate) fn fold(&mut self, e: E<'b>) -> Option<CVal> {
        if self.lanes(e.ty).is_some() && self.computes_lanes(e) {
            // What goes lane by lane is run.
            return None;
        }
        Some(match e.kind {
            Kind::Int(bits) => self.int_value(e.ty, bits),
            Kind::Local(local) if e.ty == TypeId::TYPE => CVal::Type(self.f.known_type(local)?),
            Kind::Float(x) => CVal::float(x),
            Kind::Str(bytes) | Kind::CStr(bytes) => CVal::Str(bytes.into()),
            Kind::Zero => self.zero_value(e.ty),
            Kind::Undef => CVal::Undef,
            Kind::FuncValue(func) => CVal::Func(func),
            Kind::CFuncValue(func) => CVal::CFunc(func),
            Kind::ExternAddr(ext) => CVal::Extern(ext),
            Kind::ConstData(data) => self.s.data_values.get(&data).cloned()?,
            Kind::Closure { func, captures: [], .. } => CVal::Closure(func),
            Kind::Tag(inner) => match self.fold(inner)? {
                CVal::Variant(tag, _) => self.int_value(e.ty, tag),
                CVal::Zero => CVal::Int(0),
                _ => return None,
            },
            Kind::AddrOf(place) => self.fold_address(place)?,
            Kind::Deref(ptr) => match self.fold(ptr)? {
                CVal::DataAddr(data, at) => self.s.frozen_value(data, at, e.ty)?,
                _ => return None,
            },
            Kind::Unwrap(a) | Kind::OptPayload(a) => self.fold_unwrap(a)?,
            Kind::Neg(a) => self.fold_neg(e.ty, a)?,
            Kind::Not(a) => CVal::Bool(self.fold(a)?.as_int()? == 0),
            Kind::BitNot(a) => {
                let n = self.fold(a)?.as_int()?;
                self.wrapped(e.ty, !n)
            }
            Kind::And(a, b) => {
                let left = self.fold(a)?.as_int()? != 0;
                if left { self.fold(b)? } else { CVal::Bool(false) }
            }
            Kind::Or(a, b) => {
                let left = self.fold(a)?.as_int()? != 0;
                if left { CVal::Bool(true) } else { self.fold(b)? }
            }
            Kind::Arith(op, a, b) => self.fold_arith(op, e.ty, a, b)?,
            Kind::Compare(op, a, b) => self.fold_compare(op, a, b)?,
            Kind::Equal { a, b, negate } => {
                let (x, y) = (self.fold(a)?, self.fold(b)?);
                // Two pieces of data can hold equal values.
                if matches!(x, CVal::Float(_)) || x.has_frozen() || y.has_frozen() {
                    return None;
                }
                CVal::Bool((x == y) != negate)
            }
            Kind::HasValue(a) => {
                let value = self.fold(a)?;
                if let CVal::Frozen(..) = value {
                    return None;
                }
                let null = matches!(value, CVal::Zero) || matches!(value, CVal::Int(0));
                CVal::Bool(!null)
            }
            Kind::If { cond, then, else_: Some(else_) } => {
                let cond = self.fold(cond)?.as_int()? != 0;
                if cond { self.fold(then)? } else { self.fold(else_)? }
            }
            Kind::Block { stmts: [], tail: Some(tail) } => self.fold(tail)?,
            Kind::Cast(cast, a) => self.fold_cast(cast, e.ty, a)?,
            Kind::Aggregate(parts) => self.fold_aggregate(e.ty, parts)?,
            Kind::Array(elems) => {
                let mut values = Vec::with_capacity(elems.len());
                for &elem in elems {
                    values.push(self.fold(elem)?);
                }
                CVal::Agg(values.into())
            }
            Kind::Repeat(value) => self.fold_repeat(e.ty, value)?,
            Kind::Variant { tag, payload } => match payload {
                Some(payload) => CVal::Variant(tag, Some(Arc::new(self.fold(payload)?))),
                None => CVal::Variant(tag, None),
            },
            Kind::Field { base, offset } => self.fold_field(base, offset, e.ty)?,
            Kind::Index { base, index } => {
                let n = self.fold(index)?.as_int()?;
                match self.fold(base)? {
                    CVal::Agg(values) | CVal::Slice(values) => values.get(usize::try_from(n).ok()?)?.clone(),
                    CVal::Str(bytes) => CVal::Int(*bytes.get(usize::try_from(n).ok()?)? as i128),
                    CVal::Zero => self.zero_value(e.ty),
                    _ => return None,
                }
            }
            Kind::Call { callee: Callee::Func(func), args } => self.fold_call(e, func, args)?,
            _ => return None,
        })
    }

    fn fold_unwrap(&mut self, optional: E<'b>) -> Option<CVal> {
        let TypeKind::Optional(of) = *self.kind(optional.ty) else { return None };
        match self.fold(optional)? {
            CVal::Some(value) => Some((*value).clone()),
            // Traps at run time.
            CVal::Zero | CVal::Frozen(..) => None,
            value => self.s.types.niche(of).is_some().then_some(value),
        }
    }

    fn fold_repeat(&mut self, ty: TypeId, value: E<'b>) -> Option<CVal> {
        let n = match *self.kind(ty) {
            TypeKind::Array(_, n) => n,
            TypeKind::Vector(_, n) => n as u64,
            _ => return None,
        };
        let value = self.fold(value)?;
        if value == CVal::Zero || value == CVal::Int(0) {
            return Some(CVal::Zero);
        }
        (n <= 1 << 24).then(|| CVal::Agg(vec![value; n as usize].into()))
    }

    /// The result of a function that always gives the same.
    fn fold_call(&mut self, e: E<'b>, func: sx_ir::FuncId, args: &[E<'b>]) -> Option<CVal> {
        let known = match self.s.func_insts.get(&func) {
            Some(&inst) => self.s.ensure_body(inst),
            None => true,
        };
        if let Some(value) = self.s.const_results.get(&func) {
            return Some(value.clone());
        }
        // A type function has no other arguments than those that made the instance, and gives one type.
        if e.ty != TypeId::TYPE || !args.is_empty() || !known {
            return None;
        }
        let value = self.run(e)?;
        self.s.const_results.insert(func, value.clone());
        Some(value)
    }

    fn zero_value(&self, ty: TypeId) -> CVal {
        match *self.kind(ty) {
            TypeKind::Bool => CVal::Bool(false),
            TypeKind::F32 | TypeKind::F64 => CVal::float(0.0),
            _ if self.s.types.is_int(ty) => CVal::Int(0),
            _ => CVal::Zero,
        }
    }

    fn wrapped(&self, ty: TypeId, n: i128) -> CVal {
        if ty == TypeId::BOOL {
            return CVal::Bool(n & 1 != 0);
        }
        let (bits, signed) = self.s.types.int_repr(ty).unwrap_or((64, true));
        CVal::Int(normalize(n, bits, signed))
    }

    fn fold_neg(&mut self, ty: TypeId, a: E<'b>) -> Option<CVal> {
        match self.fold(a)? {
            CVal::Float(bits) => Some(CVal::float(-f64::from_bits(bits))),
            value => {
                let n = value.as_int()?;
                Some(self.wrapped(ty, -n))
            }
        }
    }

    fn fold_address(&mut self, place: E<'b>) -> Option<CVal> {
        match place.kind {
            Kind::Global(global) => Some(CVal::GlobalAddr(global, 0)),
            Kind::ConstData(data) => Some(CVal::DataAddr(data, 0)),
            Kind::Field { base, offset } => match self.fold_address(base)? {
                CVal::GlobalAddr(global, at) => Some(CVal::GlobalAddr(global, at + offset)),
                CVal::DataAddr(data, at) => Some(CVal::DataAddr(data, at + offset)),
                _ => None,
            },
            Kind::Index { base, index }
                if matches!(self.kind(base.ty), TypeKind::Array(..) | TypeKind::Vector(..)) =>
            {
                let n = u32::try_from(self.fold(index)?.as_int()?).ok()?;
                let size = self.s.types.layout(place.ty).size;
                match self.fold_address(base)? {
                    CVal::GlobalAddr(global, at) => {
                        Some(CVal::GlobalAddr(global, at.checked_add(n.checked_mul(size)?)?))
                    }
                    CVal::DataAddr(data, at) => {
                        Some(CVal::DataAddr(data, at.checked_add(n.checked_mul(size)?)?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn fold_arith(&mut self, op: Arith, ty: TypeId, a: E<'b>, b: E<'b>) -> Option<CVal> {
        let (a, b) = (self.fold(a)?, self.fold(b)?);
        if let (CVal::Float(x), CVal::Float(y)) = (&a, &b) {
            let (x, y) = (f64::from_bits(*x), f64::from_bits(*y));
            let r = match op {
                Arith::Add => x + y,
                Arith::Sub => x - y,
                Arith::Mul => x * y,
                Arith::Div => x / y,
                Arith::Rem => x % y,
                _ => return None,
            };
            // One rounding to single precision of an exact double operation is the single operation.
            return Some(CVal::float(if ty == TypeId::F32 { r as f32 as f64 } else { r }));
        }
        let (x, y) = (a.as_int()?, b.as_int()?);
        let (bits, signed) = self.s.types.int_repr(ty)?;
        let count = (y.rem_euclid(bits.max(1) as i128)) as u32;
        let r = match op {
            Arith::Add => x.wrapping_add(y),
            Arith::Sub => x.wrapping_sub(y),
            Arith::Mul => x.wrapping_mul(y),
            // Traps at run time.
            Arith::Div | Arith::Rem if y == 0 => return None,
            Arith::Div | Arith::Rem if signed && y == -1 && x == -(1i128 << (bits - 1)) => return None,
            Arith::Div => x / y,
            Arith::Rem => x % y,
            Arith::And => x & y,
            Arith::Or => x | y,
            Arith::Xor => x ^ y,
            Arith::Shl => x << count,
            Arith::Shr => x >> count,
        };
        Some(self.wrapped(ty, r))
    }

    fn fold_compare(&mut self, op: Compare, a: E<'b>, b: E<'b>) -> Option<CVal> {
        let (a, b) = (self.fold(a)?, self.fold(b)?);
        let order = match (&a, &b) {
            (CVal::Float(x), CVal::Float(y)) => f64::from_bits(*x).partial_cmp(&f64::from_bits(*y)),
            (CVal::Type(x), CVal::Type(y)) => Some(x.cmp(y)),
            _ => Some(a.as_int()?.cmp(&b.as_int()?)),
        };
        let holds = match (op, order) {
            (Compare::Ne, order) => !order.is_some_and(|o| o.is_eq()),
            (_, None) => false,
            (Compare::Eq, Some(o)) => o.is_eq(),
            (Compare::Lt, Some(o)) => o.is_lt(),
            (Compare::Le, Some(o)) => o.is_le(),
            (Compare::Gt, Some(o)) => o.is_gt(),
            (Compare::Ge, Some(o)) => o.is_ge(),
        };
        Some(CVal::Bool(holds))
    }

    fn fold_cast(&mut self, cast: Cast, ty: TypeId, a: E<'b>) -> Option<CVal> {
        let value = self.fold(a)?;
        Some(match cast {
            Cast::Int | Cast::IntToEnum => {
                if let (CVal::Int(n), TypeKind::Enum(id)) = (&value, self.kind(ty).clone()) {
                    let def = self.s.types.enum_def(id);
                    if !def.flags && !def.variants.iter().any(|v| v.value == *n as u64) {
                        return None;
                    }
                }
                let n = match value {
                    CVal::Type(t) => t.0 as i128,
                    value => value.as_int()?,
                };
                match ty {
                    TypeId::TYPE => CVal::Type(TypeId(n as u32)),
                    _ => self.wrapped(ty, n),
                }
            }
            Cast::IntToFloat => {
                let n = value.as_int()?;
                CVal::float(if ty == TypeId::F32 { n as f32 as f64 } else { n as f64 })
            }
            Cast::FloatToInt => {
                let CVal::Float(bits) = value else { return None };
                let x = f64::from_bits(bits);
                let (width, signed) = self.s.types.int_repr(ty)?;
                let (min, max) = super::nominal::int_range(width, signed);
                CVal::Int(if x.is_nan() { 0 } else { (x as i128).clamp(min, max) })
            }
            Cast::Float => {
                let CVal::Float(bits) = value else { return None };
                let x = f64::from_bits(bits);
                CVal::float(if ty == TypeId::F32 { x as f32 as f64 } else { x })
            }
            Cast::Wrap => {
                let TypeKind::Optional(of) = *self.kind(ty) else { return None };
                if self.s.types.niche(of).is_some() { value } else { CVal::Some(Arc::new(value)) }
            }
            Cast::ArrayToSlice => match value {
                CVal::Agg(values) => CVal::Slice(values),
                CVal::Zero => {
                    let TypeKind::Array(_, n) = *self.kind(a.ty) else { return None };
                    if n > 1 << 20 {
                        return None;
                    }
                    let TypeKind::Slice(elem) = *self.kind(ty) else { return None };
                    CVal::Slice(vec![self.zero_value(elem); n as usize].into())
                }
                _ => return None,
            },
            Cast::FuncToClosure => return None,
            Cast::Bits => match value {
                CVal::Int(_) if !self.s.types.is_int(ty) => value,
                other => other,
            },
            Cast::Discard => CVal::Zero,
            Cast::Never | Cast::Succeed => return None,
        })
    }

    fn fold_aggregate(&mut self, ty: TypeId, parts: &'b [(u32, E<'b>)]) -> Option<CVal> {
        if parts.is_empty() {
            return Some(CVal::Zero);
        }
        match self.kind(ty).clone() {
            TypeKind::Struct(_) | TypeKind::Tuple(_) | TypeKind::Any => {
                let members = self.s.member_types(ty);
                let mut values = Vec::with_capacity(members.len());
                for (index, &member) in members.iter().enumerate() {
                    let offset = self.s.types.field_offset(ty, index);
                    let part = parts.iter().find(|(at, e)| *at == offset && e.ty == member);
                    values.push(match part {
                        Some((_, e)) => self.fold(e)?,
                        None => self.zero_value(member),
                    });
                }
                Some(CVal::Agg(values.into()))
            }
            TypeKind::Protocol(_) => {
                let ctx = self.fold(parts[0].1)?;
                let mut funcs = Vec::new();
                for (_, e) in &parts[1..] {
                    match self.fold(e)? {
                        CVal::Func(func) => funcs.push(func),
                        CVal::DataAddr(data, 0) => {
                            return Some(CVal::Agg(vec![ctx, CVal::DataAddr(data, 0)].into()));
                        }
                        _ => return None,
                    }
                }
                Some(CVal::Protocol(Arc::new(ctx), funcs.into()))
            }
            _ => None,
        }
    }

    fn fold_field(&mut self, base: E<'b>, offset: u32, ty: TypeId) -> Option<CVal> {
        let value = self.fold(base)?;
        if let CVal::Frozen(data, at) = value {
            return self.s.frozen_value(data, at + offset, ty);
        }
        match (&value, self.kind(base.ty)) {
            (CVal::Str(bytes), TypeKind::String) if offset == 8 => {
                return Some(CVal::Int(bytes.len() as i128));
            }
            (CVal::Slice(values), _) if offset == 8 => return Some(CVal::Int(values.len() as i128)),
            (_, TypeKind::Struct(_) | TypeKind::Tuple(_)) => {}
            _ => return None,
        }
        let members = self.s.member_types(base.ty);
        let index = (0..members.len()).find(|&i| self.s.types.field_offset(base.ty, i) == offset)?;
        match value {
            CVal::Agg(values) => values.get(index).cloned(),
            CVal::Zero => Some(self.zero_value(members[index])),
            _ => None,
        }
    }
}

impl Sema {
    /// The types of a struct's fields or a tuple's elements.
    pub(crate) fn member_types(&mut self, ty: TypeId) -> Vec<TypeId> {
        match self.types.kind(ty).clone() {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                self.complete_struct(id);
                self.types.struct_def(id).fields.iter().map(|f| f.ty).collect()
            }
            TypeKind::Tuple(fields) => fields.iter().map(|f| f.ty).collect(),
            TypeKind::Any => vec![TypeId::TYPE, self.types.any_word()],
            _ => Vec::new(),
        }
    }
}
