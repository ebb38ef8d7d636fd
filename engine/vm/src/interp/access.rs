//! Loads and stores at addresses that the program computed.
//!
//! Where hardware faults become traps, each is a single instruction that the exception table knows (see [`crate::fault`]): the
//! entry names the registers that hold the machine's state there, so that the state at the fault can be told without having
//! been stored. Elsewhere they are plain loads and stores.

use super::state::St;
use super::value::Val;

/// A value at any address. Reading it is a plain load in every build, where `read_unaligned` goes through a local that keeps
/// a handler of a build with assertions from ending in a jump.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Anywhere<T>(T);

/// Reads where the VM itself keeps values: such places exist.
///
/// # Safety
/// The bytes can be read.
#[inline(always)]
pub(super) unsafe fn read<T: Copy>(address: u64) -> T {
    // SAFETY: the caller's promise.
    unsafe { (*(address as usize as *const Anywhere<T>)).0 }
}

/// As [`read`].
///
/// # Safety
/// The bytes can be written.
#[inline(always)]
pub(super) unsafe fn write<T: Copy>(address: u64, value: T) {
    // SAFETY: the caller's promise.
    unsafe { *(address as usize as *mut Anywhere<T>) = Anywhere(value) }
}

/// A scalar in the program's memory.
pub(crate) trait Mem: Val {
    /// Loads it as it stands in a slot.
    ///
    /// # Safety
    /// What lies there belongs to the program, or the access faults.
    unsafe fn load<const FUEL: bool>(st: St<FUEL>, address: u64) -> u64;
    /// Stores it from a slot.
    ///
    /// # Safety
    /// As for [`Mem::load`].
    unsafe fn store<const FUEL: bool>(st: St<FUEL>, address: u64, slot: u64);
}

#[cfg(sx_faults)]
macro_rules! mem {
    ($($ty:ident $load:literal $store:literal $class:ident $value:ident;)*) => {$(
        impl Mem for $ty {
            #[inline(always)]
            unsafe fn load<const FUEL: bool>(st: St<FUEL>, address: u64) -> u64 {
                let bits: u64;
                // SAFETY: the caller's promise; the instruction loads and does nothing else.
                unsafe {
                    std::arch::asm!(
                        concat!("2: ", $load),
                        crate::fault::table_entry!(),
                        out = lateout(reg) bits,
                        address = in(reg) address,
                        pc = in(reg) st.pc, fp = in(reg) st.fp, core = in(reg) st.core, rp = in(reg) st.rp,
                        options(nostack, readonly, preserves_flags)
                    );
                }
                bits
            }
            #[inline(always)]
            unsafe fn store<const FUEL: bool>(st: St<FUEL>, address: u64, slot: u64) {
                // SAFETY: as above, for a store.
                unsafe {
                    std::arch::asm!(
                        concat!("2: ", $store),
                        crate::fault::table_entry!(),
                        value = in($class) slot as $value,
                        address = in(reg) address,
                        pc = in(reg) st.pc, fp = in(reg) st.fp, core = in(reg) st.core, rp = in(reg) st.rp,
                        options(nostack, preserves_flags)
                    );
                }
            }
        }
    )*};
}

#[cfg(not(sx_faults))]
macro_rules! mem {
    ($($ty:ident $load:literal $store:literal $class:ident $value:ident;)*) => {$(
        impl Mem for $ty {
            #[inline(always)]
            unsafe fn load<const FUEL: bool>(_: St<FUEL>, address: u64) -> u64 {
                // SAFETY: the caller's promise.
                unsafe { read::<mem!(@plain $ty)>(address) }.to_slot()
            }
            #[inline(always)]
            unsafe fn store<const FUEL: bool>(_: St<FUEL>, address: u64, slot: u64) {
                // SAFETY: the caller's promise.
                unsafe { write::<$ty>(address, <$ty>::from_slot(slot)) }
            }
        }
    )*};
    // A byte that is no truth value is read as it is.
    (@plain bool) => { u8 };
    (@plain $ty:ident) => { $ty };
}

// Byte registers of a store may not be those whose name depends on a prefix; `reg_byte` sees to that.
mem! {
    u8 "movzx {out:e}, byte ptr [{address}]" "mov byte ptr [{address}], {value}" reg_byte u8;
    u16 "movzx {out:e}, word ptr [{address}]" "mov word ptr [{address}], {value:x}" reg u16;
    u32 "mov {out:e}, dword ptr [{address}]" "mov dword ptr [{address}], {value:e}" reg u32;
    u64 "mov {out}, qword ptr [{address}]" "mov qword ptr [{address}], {value}" reg u64;
    i8 "movsx {out}, byte ptr [{address}]" "mov byte ptr [{address}], {value}" reg_byte u8;
    i16 "movsx {out}, word ptr [{address}]" "mov word ptr [{address}], {value:x}" reg u16;
    i32 "movsxd {out}, dword ptr [{address}]" "mov dword ptr [{address}], {value:e}" reg u32;
    i64 "mov {out}, qword ptr [{address}]" "mov qword ptr [{address}], {value}" reg u64;
    f32 "mov {out:e}, dword ptr [{address}]" "mov dword ptr [{address}], {value:e}" reg u32;
    f64 "mov {out}, qword ptr [{address}]" "mov qword ptr [{address}], {value}" reg u64;
    bool "movzx {out:e}, byte ptr [{address}]" "mov byte ptr [{address}], {value}" reg_byte u8;
}
