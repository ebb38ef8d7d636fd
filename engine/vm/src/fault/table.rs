//! The exception table: where the interpreter touches memory that the program named.
//!
//! Entries are written by the instructions themselves, into a section that the linker gathers:
//!
//! ```text
//!   i32     the instruction's address, relative to this word
//!   i32     where to go on if it faults, relative to this word; 0 if that is a trap
//!   asciz   for a trap, the registers of `pc fp core rp` at the instruction
//! ```

use std::sync::OnceLock;

/// The table's entry for the instruction at the local label `2`, which has operands named `pc fp core rp`.
macro_rules! table_entry {
    () => {
        "\n.pushsection sx_faults, \"aR\", @progbits\n.long 2b - .\n.long 0\n.asciz \"{pc} {fp} {core} {rp}\"\n.popsection"
    };
}
pub(crate) use table_entry;

/// What to do about a fault at an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fix {
    /// A trap, with the machine's state in these registers of the signal frame.
    Trap { pc: u8, fp: u8, core: u8, rp: u8 },
    /// Go on there.
    Continue(usize),
}

#[derive(Debug)]
pub(super) struct Table(Vec<(usize, Fix)>);

static TABLE: OnceLock<Table> = OnceLock::new();

/// Reads the section; before any handler may run.
pub(super) fn load() -> &'static Table {
    TABLE.get_or_init(|| {
        // SAFETY: the linker puts these symbols around the section, which holds entries and nothing else.
        let bytes = unsafe {
            let start = &raw const __start_sx_faults;
            let end = &raw const __stop_sx_faults;
            std::slice::from_raw_parts(start, end as usize - start as usize)
        };
        let mut entries = parse(bytes);
        entries.sort_unstable_by_key(|&(address, _)| address);
        Table(entries)
    })
}

/// What to do about a fault there. Locks nothing: the table was loaded before the handler was there.
pub(super) fn find(address: usize) -> Option<Fix> {
    let Table(entries) = TABLE.get()?;
    let index = entries.binary_search_by_key(&address, |&(address, _)| address).ok()?;
    Some(entries[index].1)
}

unsafe extern "C" {
    static __start_sx_faults: u8;
    static __stop_sx_faults: u8;
}

/// The instructions that the section names.
fn parse(bytes: &[u8]) -> Vec<(usize, Fix)> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (address, tail) = relative(rest).expect("entries begin with an address");
        let (next, text) = relative(tail).expect("entries have two addresses");
        let len = text.iter().position(|&byte| byte == 0).expect("entries end with a zero");
        let registers = std::str::from_utf8(&text[..len]).expect("registers have names");
        let fix = if registers.is_empty() { Fix::Continue(next) } else { trap(registers) };
        entries.push((address, fix));
        rest = &text[len + 1..];
    }
    entries
}

/// The address that a word is relative to itself, and what is behind it.
fn relative(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some(((bytes.as_ptr() as usize).wrapping_add_signed(i32::from_le_bytes(*word) as isize), rest))
}

fn trap(registers: &str) -> Fix {
    let mut registers = registers.split(' ').map(|name| register(name).expect("the entry names registers"));
    let mut next = || registers.next().expect("the entry has four registers");
    Fix::Trap { pc: next(), fp: next(), core: next(), rp: next() }
}

/// The index of a register in the signal frame.
fn register(name: &str) -> Option<u8> {
    Some(match name {
        "rax" => libc::REG_RAX,
        "rbx" => libc::REG_RBX,
        "rcx" => libc::REG_RCX,
        "rdx" => libc::REG_RDX,
        "rsi" => libc::REG_RSI,
        "rdi" => libc::REG_RDI,
        "rbp" => libc::REG_RBP,
        "r8" => libc::REG_R8,
        "r9" => libc::REG_R9,
        "r10" => libc::REG_R10,
        "r11" => libc::REG_R11,
        "r12" => libc::REG_R12,
        "r13" => libc::REG_R13,
        "r14" => libc::REG_R14,
        "r15" => libc::REG_R15,
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
        ".pushsection sx_faults, \"aR\", @progbits",
        ".long 2b - .",
        ".long 3f - .",
        ".asciz \"\"",
        ".popsection",
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
        ".pushsection sx_faults, \"aR\", @progbits",
        ".long 2b - .",
        ".long 3f - .",
        ".asciz \"\"",
        ".popsection",
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
        ".pushsection sx_faults, \"aR\", @progbits",
        ".long 2b - .",
        ".long 3f - .",
        ".asciz \"\"",
        ".popsection",
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
        let Table(entries) = load();
        assert!(entries.len() > 100, "{}", entries.len());
        assert!(entries.windows(2).all(|pair| pair[0].0 < pair[1].0), "no address is there twice");
        assert!(entries.iter().any(|(_, fix)| matches!(fix, Fix::Continue(_))));
    }

    #[test]
    fn an_entry_names_its_registers() {
        let fix = trap("rdi rsi r15 rax");
        let index = |register: i32| register as u8;
        assert_eq!(
            fix,
            Fix::Trap {
                pc: index(libc::REG_RDI),
                fp: index(libc::REG_RSI),
                core: index(libc::REG_R15),
                rp: index(libc::REG_RAX)
            }
        );
    }
}
