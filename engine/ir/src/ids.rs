//! Typed 32-bit names of the middle form's tables.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// The position in its table.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}

id! {
    /// A function of a module. Append-only: an id keeps its meaning for the engine's life.
    FuncId "fn";
    /// A function reached by symbol, with the C ABI.
    ExternId "ext";
    /// Mutable storage that each instance has its own copy of.
    GlobalId "glob";
    /// Read-only data of the program.
    DataId "data";
    /// A signature of indirect calls.
    SigId "sig";
    /// The shape of a C struct that crosses a C call by value.
    CStructId "cstruct";
    /// A register of one function: a temporary or a `var`.
    Reg "r";
    /// A piece of a function's frame memory.
    SlotId "slot";
    /// A basic block of one function.
    BlockId "b";
    /// A source position of one function.
    LocId "loc";
}
