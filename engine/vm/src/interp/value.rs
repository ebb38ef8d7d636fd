//! How Rust's scalars stand in 8-byte slots.

/// A scalar that slots and memory hold.
pub(crate) trait Val: Copy {
    /// From a slot; upper bits are ignored.
    fn from_slot(bits: u64) -> Self;
    /// To a slot; upper bits are arbitrary.
    fn to_slot(self) -> u64;
}

macro_rules! int_val {
    ($($ty:ident)*) => {$(
        impl Val for $ty {
            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                bits as $ty
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                self as u64
            }
        }
    )*};
}

int_val!(u8 u16 u32 u64 i8 i16 i32 i64);

impl Val for f32 {
    #[inline(always)]
    fn from_slot(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    #[inline(always)]
    fn to_slot(self) -> u64 {
        self.to_bits() as u64
    }
}

impl Val for f64 {
    #[inline(always)]
    fn from_slot(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    #[inline(always)]
    fn to_slot(self) -> u64 {
        self.to_bits()
    }
}

impl Val for bool {
    #[inline(always)]
    fn from_slot(bits: u64) -> bool {
        bits as u8 != 0
    }
    #[inline(always)]
    fn to_slot(self) -> u64 {
        self as u64
    }
}
