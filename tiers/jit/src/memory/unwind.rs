//! What unwinders are told about compiled code: panics of host functions and backtraces pass through its frames.

use super::MemoryError;
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::isa::unwind::UnwindInfo;
use gimli::RunTimeEndian;
use gimli::write::{Address, EhFrame, EndianVec, FrameTable};

/// Unwind information that is registered while this lives.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The section, which the unwinder keeps the address of.
    section: Option<Box<[u8]>>,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn __register_frame(section: *const u8);
    fn __deregister_frame(section: *const u8);
}

impl Frames {
    /// Registers functions at their addresses.
    pub fn register<'a>(
        isa: &dyn TargetIsa,
        functions: impl Iterator<Item = (&'a UnwindInfo, usize)>,
    ) -> Result<Frames, MemoryError> {
        let Some(cie) = isa.create_systemv_cie() else { return Ok(Frames::default()) };
        let mut table = FrameTable::default();
        let cie = table.add_cie(cie);
        let mut any = false;
        for (info, address) in functions {
            if let UnwindInfo::SystemV(info) = info {
                table.add_fde(cie, info.to_fde(Address::Constant(address as u64)));
                any = true;
            }
        }
        if !any {
            return Ok(Frames::default());
        }
        let mut section = EhFrame(EndianVec::new(RunTimeEndian::default()));
        table.write_eh_frame(&mut section).map_err(|error| MemoryError::Unwind(error.to_string()))?;
        let mut bytes = section.0.into_vec();
        // A length of 0 ends the section.
        bytes.extend([0; 4]);
        let section = bytes.into_boxed_slice();
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: the section is well-formed, ended, and stays in place until it is taken back.
        unsafe {
            __register_frame(section.as_ptr());
        }
        Ok(Frames { section: Some(section) })
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        if let Some(section) = &self.section {
            // SAFETY: it was registered, once.
            unsafe { __deregister_frame(section.as_ptr()) };
        }
    }
}
