//! Variables of a program, as the host reads and writes them.

use crate::error::{Error, ErrorKind, Result};
use crate::host::Site;
use crate::instance::Instance;
use crate::program::Program;
use crate::value::slots::take;
use crate::value::{Encoder, FromSx, SxType, ToSx, Value};
use std::marker::PhantomData;
use sx_ir::GlobalId;

/// A variable of a program whose type was compared with the host's once.
pub struct Global<T> {
    id: GlobalId,
    program: u64,
    ty: PhantomData<fn() -> T>,
}

impl<T> Clone for Global<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Global<T> {}

impl<T> std::fmt::Debug for Global<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Global").field("id", &self.id).finish()
    }
}

impl<T: Value> Global<T> {
    pub(crate) fn new(id: GlobalId, program: &Program) -> Global<T> {
        Global { id, program: program.id(), ty: PhantomData }
    }
    fn address(&self, instance: &mut Instance) -> Result<*mut u8> {
        if Instance::program(instance).id() != self.program {
            return Err(Error::new(ErrorKind::Usage, "this variable belongs to another program"));
        }
        let found = instance.vm().global(self.id);
        if let Some(address) = found {
            return Ok(address);
        }
        // The instance was made before the variable was asked for.
        instance.grow()?;
        let found = instance.vm().global(self.id);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "the variable isn't part of this instance"))
    }
    /// Its value, borrowed from the instance where the type is a borrow.
    ///
    /// # Errors
    /// [`ErrorKind::Convert`] when the value can't be one of the host's; [`ErrorKind::Usage`] in an instance of another
    /// program.
    pub fn get<'i>(&self, instance: &'i mut Instance) -> Result<T::Of<'i>>
    where
        T: FromSx,
    {
        let address = self.address(instance)?;
        // SAFETY: the type was compared when the variable was looked up; what it borrows is the instance's, which is
        // borrowed as long.
        let value = unsafe { take::<T>(address) };
        value.map_err(|error| Error::new(ErrorKind::Convert, error.to_string()))
    }
    /// Gives it a value. Text and lists are copied to memory of the program.
    ///
    /// # Errors
    /// [`ErrorKind::Convert`] when there is no memory for a copy; [`ErrorKind::Usage`] as for [`Global::get`].
    pub fn set(&self, instance: &mut Instance, value: T) -> Result<()>
    where
        T: ToSx + 'static,
    {
        let address = self.address(instance)?;
        let mut allocate = |bytes: usize, align: usize| instance.allocate(bytes, align);
        let repr = value.encode(&mut Encoder { allocate: &mut allocate });
        let repr = repr.map_err(|error| Error::new(ErrorKind::Convert, error.to_string()))?;
        // SAFETY: the variable has room for a value of its type.
        unsafe { address.cast::<T::Repr>().write_unaligned(repr) };
        Ok(())
    }
    /// The variable itself, to be changed in place.
    ///
    /// # Errors
    /// As for [`Global::get`].
    pub fn get_mut<'i>(&self, instance: &'i mut Instance) -> Result<&'i mut T>
    where
        T: SxType,
    {
        let address = self.address(instance)?;
        // SAFETY: as in `get`; the layout of plain data is the same on both sides, and nothing runs while the instance is
        // borrowed.
        unsafe {
            if T::CHECKED && !T::valid(address) {
                return Err(Error::new(
                    ErrorKind::Convert,
                    "the variable holds bits that aren't a value of the type",
                ));
            }
            Ok(&mut *address.cast::<T>())
        }
    }
}
