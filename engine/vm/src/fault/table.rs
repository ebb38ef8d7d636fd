//! The exception table: where the interpreter touches memory that the program named.
//!
//! Entries are written by the instructions themselves, into a section that the linker gathers, each on 32 bytes:
//!
//! ```text
//!   i32     the instruction's address, relative to this word
//!   i32     where to go on if it faults, relative to this word; of no meaning if that is a trap
//!   asciz   for a trap, the registers of `pc fp core rp` at the instruction; else empty
//! ```
//! They are in no order, and looked through one after the other when a fault happens: that takes a microsecond or two, and
//! nothing has to be made ready for it.

/// Bytes of an entry, as the directives below align it.
const ENTRY: usize = 32;

/// The table's entry for the instruction at the local label `2`, which has operands named `pc fp core rp`.
macro_rules! table_entry {
    () => {
        "\n.pushsection sx_faults, \"aR\", @progbits\n.balign 32\n.long 2b - .\n.long 0\n.asciz \"{pc} {fp} {core} {rp}\"\n.balign 32\n.popsection"
    };
}
pub(crate) use table_entry;

/// As [`table_entry`], for an instruction behind which execution goes on at the local label `3`.
macro_rules! fixed_entry {
    () => {
        "\n.pushsection sx_faults, \"aR\", @progbits\n.balign 32\n.long 2b - .\n.long 3f - .\n.asciz \"\"\n.balign 32\n.popsection"
    };
}

/// What to do about a fault at an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fix {
    /// A trap, with the machine's state in these registers of the signal frame.
    Trap { pc: u8, fp: u8, core: u8, rp: u8 },
    /// Go on there.
    Continue(usize),
}

unsafe extern "C" {
    static __start_sx_faults: u8;
    static __stop_sx_faults: u8;
}

/// The entries.
fn section() -> &'static [[u8; ENTRY]] {
    // SAFETY: the linker puts these symbols around the section, which holds entries and nothing else.
    let bytes = unsafe {
        let start = &raw const __start_sx_faults;
        let end = &raw const __stop_sx_faults;
        std::slice::from_raw_parts(start, end as usize - start as usize)
    };
    bytes.as_chunks().0
}

/// What to do about a fault there. For the signal handler: looks at constants only.
pub(super) fn find(address: usize) -> Option<Fix> {
    fix(section().iter().find(|entry| place(entry, 0) == address)?)
}

/// The address that the word at an offset is relative to itself.
fn place(entry: &[u8; ENTRY], offset: usize) -> usize {
    let word = [entry[offset], entry[offset + 1], entry[offset + 2], entry[offset + 3]];
    (entry.as_ptr() as usize + offset).wrapping_add_signed(i32::from_le_bytes(word) as isize)
}

fn fix(entry: &[u8; ENTRY]) -> Option<Fix> {
    let text = entry[8..].split(|&byte| byte == 0).next()?;
    if text.is_empty() {
        return Some(Fix::Continue(place(entry, 4)));
    }
    let mut registers = text.split(|&byte| byte == b' ').map(register);
    let mut next = || registers.next()?;
    Some(Fix::Trap { pc: next()?, fp: next()?, core: next()?, rp: next()? })
}

/// The index of a register in the signal frame.
fn register(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"rax" => libc::REG_RAX,
        b"rbx" => libc::REG_RBX,
        b"rcx" => libc::REG_RCX,
        b"rdx" => libc::REG_RDX,
        b"rsi" => libc::REG_RSI,
        b"rdi" => libc::REG_RDI,
        b"rbp" => libc::REG_RBP,
        b"r8" => libc::REG_R8,
        b"r9" => libc::REG_R9,
        b"r10" => libc::REG_R10,
        b"r11" => libc::REG_R11,
        b"r12" => libc::REG_R12,
        b"r13" => libc::REG_R13,
        b"r14" => libc::REG_R14,
        b"r15" => libc::REG_R15,
        _ => return None,
    } as u8)
}

/// Copies bytes upward and returns how many are missing, because they couldn't be read.
///
/// # Safety
/// The destination can be written.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn copy(to: *mut u8, from: *const u8, len: usize) -> usize {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "mov rcx, rdx",
        "2: rep movsb",
        fixed_entry!(),
        "3: mov rax, rcx",
        "ret",
        ".cfi_endproc",
    )
}

/// 1 if the byte can be read, else 0.
#[unsafe(naked)]
pub(super) extern "C" fn can_read(at: usize) -> usize {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "xor eax, eax",
        "2: movzx edx, byte ptr [rdi]",
        fixed_entry!(),
        "inc eax",
        "3: ret",
        ".cfi_endproc",
    )
}

/// 1 if the byte can be written, else 0. Keeps what is there, whoever writes it meanwhile.
#[unsafe(naked)]
pub(super) extern "C" fn can_write(at: usize) -> usize {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "xor eax, eax",
        "2: lock or byte ptr [rdi], 0",
        fixed_entry!(),
        "inc eax",
        "3: ret",
        ".cfi_endproc",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_access_once() {
        let mut places: Vec<usize> = section().iter().map(|entry| place(entry, 0)).collect();
        assert!(places.len() > 100, "{}", places.len());
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "no address is there twice");
        let fixes: Vec<Fix> =
            section().iter().map(|entry| fix(entry).expect("an entry that is whole")).collect();
        assert!(fixes.iter().any(|fix| matches!(fix, Fix::Continue(_))));
        assert!(fixes.iter().any(|fix| matches!(fix, Fix::Trap { .. })));
        assert!(places.iter().all(|&place| find(place).is_some()));
        assert_eq!(find(0), None);
    }

    #[test]
    fn an_entry_names_its_registers() {
        let mut entry = [0; ENTRY];
        entry[8..23].copy_from_slice(b"rdi rsi r15 rax");
        let index = |register: i32| register as u8;
        assert_eq!(
            fix(&entry),
            Some(Fix::Trap {
                pc: index(libc::REG_RDI),
                fp: index(libc::REG_RSI),
                core: index(libc::REG_R15),
                rp: index(libc::REG_RAX)
            })
        );
    }
}
