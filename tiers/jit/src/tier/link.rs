//! What functions are linked with: the numbers that the virtual machine has given out.

use crate::abi::{DataPlace, Link};
use sx_ir::{DataId, GlobalId, Signature};
use sx_vm::Program;

/// The numbers of a program.
pub(super) struct Numbers<'a>(pub &'a Program);

impl Link for Numbers<'_> {
    fn class(&self, sig: &Signature) -> Option<u32> {
        self.0.signature_class(sig)
    }
    fn global(&self, id: GlobalId) -> Option<u32> {
        self.0.object_of_global(id)
    }
    fn data(&self, id: DataId) -> Option<DataPlace> {
        self.0.place_of_data(id).map(|place| match place {
            Ok(address) => DataPlace::Shared(address),
            Err(object) => DataPlace::Object(object),
        })
    }
}
