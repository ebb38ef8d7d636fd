//! Conversions of scalars.

use super::value::scalar;
use super::{Done, Lower};
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, Value, types};
use sx_ir::{ConvOp, Ty};

impl Lower<'_, '_> {
    pub(super) fn conv(&mut self, op: ConvOp, from: Ty, to: Ty, x: Value) -> Done<Value> {
        let (source, target) = (scalar(from)?, scalar(to)?);
        Ok(match op {
            ConvOp::Sext | ConvOp::Zext if target.bits() <= source.bits() => x,
            ConvOp::Sext => self.b.ins().sextend(target, x),
            ConvOp::Zext => self.b.ins().uextend(target, x),
            ConvOp::Trunc if target.bits() >= source.bits() => x,
            ConvOp::Trunc => self.b.ins().ireduce(target, x),
            ConvOp::SToF => {
                let wide = if source.bits() < 32 { self.b.ins().sextend(types::I32, x) } else { x };
                self.b.ins().fcvt_from_sint(target, wide)
            }
            // What has fewer bits than the machine's registers is a signed number there.
            ConvOp::UToF if source.bits() < 64 => {
                let wide = self.b.ins().uextend(types::I64, x);
                self.b.ins().fcvt_from_sint(target, wide)
            }
            ConvOp::UToF => self.b.ins().fcvt_from_uint(target, x),
            ConvOp::FToS => self.signed_of(target, x),
            ConvOp::FToU => self.unsigned_of(target, x),
            ConvOp::FExt => self.b.ins().fpromote(target, x),
            ConvOp::FTrunc => self.b.ins().fdemote(target, x),
            ConvOp::Bitcast if source == target => x,
            ConvOp::Bitcast => self.b.ins().bitcast(target, MemFlagsData::new(), x),
        })
    }
    fn signed_of(&mut self, target: ir::Type, x: Value) -> Value {
        if target.bits() >= 32 {
            return self.b.ins().fcvt_to_sint_sat(target, x);
        }
        let wide = self.b.ins().fcvt_to_sint_sat(types::I32, x);
        let most = (1i64 << (target.bits() - 1)) - 1;
        let (least, most) = (self.int(types::I32, !most as u64), self.int(types::I32, most as u64));
        let above = self.b.ins().smax(wide, least);
        let within = self.b.ins().smin(above, most);
        self.b.ins().ireduce(target, within)
    }
    fn unsigned_of(&mut self, target: ir::Type, x: Value) -> Value {
        if target.bits() >= 32 {
            return self.b.ins().fcvt_to_uint_sat(target, x);
        }
        let wide = self.b.ins().fcvt_to_uint_sat(types::I32, x);
        let most = self.int(types::I32, (1 << target.bits()) - 1);
        let within = self.b.ins().umin(wide, most);
        self.b.ins().ireduce(target, within)
    }
}
