//! Vectors: so many lanes of one scalar type, in one register.

use crate::func::{Inst, Ty};

/// The most lanes that a vector has.
pub const MAX_LANES: u8 = 64;

/// What the lanes of a vector are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// 8 bits; `bool` too, as 0 or 1.
    I8,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
}

impl Lane {
    /// The lane of a scalar type; addresses have none.
    pub fn of(ty: Ty) -> Option<Lane> {
        Some(match ty {
            Ty::I8 => Lane::I8,
            Ty::I16 => Lane::I16,
            Ty::I32 => Lane::I32,
            Ty::I64 => Lane::I64,
            Ty::F32 => Lane::F32,
            Ty::F64 => Lane::F64,
            Ty::Ptr | Ty::Vec(_) => return None,
        })
    }
    /// Its scalar type.
    #[inline]
    pub fn ty(self) -> Ty {
        match self {
            Lane::I8 => Ty::I8,
            Lane::I16 => Ty::I16,
            Lane::I32 => Ty::I32,
            Lane::I64 => Ty::I64,
            Lane::F32 => Ty::F32,
            Lane::F64 => Ty::F64,
        }
    }
    /// Bytes.
    #[inline]
    pub fn size(self) -> u32 {
        match self {
            Lane::I8 => 1,
            Lane::I16 => 2,
            Lane::I32 | Lane::F32 => 4,
            Lane::I64 | Lane::F64 => 8,
        }
    }
}

/// A vector type. Its lanes lie one behind the other, without gaps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VecTy {
    /// Of each lane.
    pub lane: Lane,
    /// How many: 1 to [`MAX_LANES`].
    pub lanes: u8,
}

impl VecTy {
    /// Bytes, from the first lane to the last.
    #[inline]
    pub fn size(self) -> u32 {
        self.lane.size() * self.lanes as u32
    }
    /// Its name in the text form, `v4xf32`.
    pub(crate) fn name(self) -> String {
        format!("v{}x{}", self.lanes, self.lane.ty().name())
    }
    /// The one that a word of the text form names.
    pub(crate) fn from_word(word: &str) -> Option<VecTy> {
        let (lanes, lane) = word.strip_prefix('v')?.split_once('x')?;
        let plain = !lanes.starts_with(['0', '+']);
        let lanes = lanes.parse().ok().filter(|lanes| plain && (1..=MAX_LANES).contains(lanes))?;
        Some(VecTy { lane: Lane::of(Ty::from_word(lane)?)?, lanes })
    }
}

impl Ty {
    /// The vector type, if it is one.
    #[inline]
    pub fn vector(self) -> Option<VecTy> {
        match self {
            Ty::Vec(vec) => Some(vec),
            _ => None,
        }
    }
    /// The type of its lanes; of a scalar itself. What an operation takes is decided by this.
    #[inline]
    pub fn lane(self) -> Ty {
        match self {
            Ty::Vec(vec) => vec.lane.ty(),
            _ => self,
        }
    }
    /// As many lanes of another scalar type; of a scalar that type itself.
    ///
    /// # Panics
    /// When lanes of addresses are asked for.
    pub fn with_lane(self, ty: Ty) -> Ty {
        match self {
            Ty::Vec(vec) => {
                let lane = Lane::of(ty).expect("addresses are no lanes");
                Ty::Vec(VecTy { lane, lanes: vec.lanes })
            }
            _ => ty,
        }
    }
}

impl Inst {
    /// True for operations whose operands or result are vectors; loads, stores and copies aren't operations.
    #[inline]
    pub fn is_on_vectors(&self) -> bool {
        match *self {
            Inst::Bin { ty, .. } | Inst::Un { ty, .. } | Inst::Cmp { ty, .. } | Inst::Select { ty, .. } => {
                ty.vector().is_some()
            }
            Inst::Conv { from, .. } => from.vector().is_some(),
            Inst::Splat { .. } | Inst::Lane { .. } | Inst::SetLane { .. } => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in ["v1xi8", "v3xf32", "v4xi64", "v64xf64"] {
            let ty = Ty::from_word(name).expect(name);
            assert_eq!(ty.name(), name);
        }
        for name in ["v0xi8", "v65xi8", "v04xi8", "v+4xi8", "vxi8", "v4xptr", "v4xv2xi8", "v4", "v4xi7"] {
            assert_eq!(Ty::from_word(name), None, "{name}");
        }
    }

    #[test]
    fn sizes_are_those_of_the_lanes() {
        let ty = Ty::from_word("v3xf32").expect("a type");
        assert_eq!(ty.size(8), 12);
        assert_eq!(ty.lane(), Ty::F32);
        assert_eq!(ty.with_lane(Ty::I8).name(), "v3xi8");
        assert!(!ty.is_float(), "what is asked of lanes is asked of `lane`");
    }
}
