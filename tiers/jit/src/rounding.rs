//! What Cranelift calls on machines that don't round in one instruction.

macro_rules! rounding {
    ($($name:ident $ty:ident $method:ident)*) => {$(
        pub(crate) extern "C" fn $name(value: $ty) -> $ty {
            value.$method()
        }
    )*};
}

rounding! {
    ceil_f32 f32 ceil
    ceil_f64 f64 ceil
    floor_f32 f32 floor
    floor_f64 f64 floor
    trunc_f32 f32 trunc
    trunc_f64 f64 trunc
    nearest_f32 f32 round_ties_even
    nearest_f64 f64 round_ties_even
}
