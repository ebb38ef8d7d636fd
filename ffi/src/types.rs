//! What libffi is told about a signature.
//!
//! libffi has a classifier of its own, which knows neither unions nor packed structs and, in the versions that
//! systems ship, loses parts of structs of mixed class. It is therefore shown our findings instead of the declared
//! structs: each part that travels in a register is a scalar argument of its own; a struct on the stack is one with
//! a `long double` in it, which System V passes in memory whatever its size; a result in memory is what it is, a
//! hidden pointer argument. Only a result in registers is a struct for libffi too.

use crate::classify::{self, Abi, Bank, Part, Parts, Place, Return};
use crate::error::SignatureError;
use libffi::low::{ffi_cif, ffi_type, types};
use libffi::raw;
use std::ptr::{self, addr_of_mut};
use sx_ir::{CSignature, CStruct, CType};

/// A prepared call interface and everything it points into.
pub(crate) struct Interface {
    cif: Box<ffi_cif>,
    _arg_types: Box<[*mut ffi_type]>,
    _types: StructTypes,
    /// One for each slot.
    pub(crate) slots: Vec<Slot>,
    /// How the result comes back.
    pub(crate) ret: Ret,
}

/// A struct as libffi sees it; boxed, because it points into itself.
struct StructType {
    ty: ffi_type,
    elements: [*mut ffi_type; 3],
}

/// Boxed, because libffi is given their addresses.
type StructTypes = Vec<Box<StructType>>;

/// What a slot becomes for libffi.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    /// A value in the slot, of this type.
    Scalar(CType),
    /// A value of this type, of which C makes another in `...`.
    Promoted(CType),
    /// The slot holds the address of a struct that lies on the stack.
    Memory,
    /// The slot holds the address of a struct whose parts are arguments; none of an empty one.
    Parts(Parts),
    /// The address of a struct result; passed as a hidden argument or not at all, see [`Ret`].
    Result,
}

/// How a result comes back from libffi.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ret {
    /// Nothing.
    Nothing,
    /// A scalar.
    Scalar(CType),
    /// A struct of this many bytes in registers, which libffi gathers.
    Gathered(u32),
    /// In memory: the first argument is its address.
    Hidden,
}

// SAFETY: an interface is written only while it is made; libffi reads it in calls. The pointers lead to its own
// boxes and to libffi's static type descriptions, which nobody writes.
unsafe impl Send for Interface {}
// SAFETY: as above.
unsafe impl Sync for Interface {}

impl Interface {
    /// Prepares a signature. Parameters from `fixed` on are variadic arguments, if the signature is variadic.
    pub(crate) fn new(sig: &CSignature, fixed: usize, structs: &[CStruct]) -> Result<Self, SignatureError> {
        let passing = classify::classify(Abi::HOST, sig, structs)?;
        let mut types = StructTypes::new();
        let mut arg_types = Vec::new();
        let mut slots = Vec::new();
        let (ret, ret_type) = match (&passing.ret, sig.ret) {
            (Return::Nothing, _) => (Ret::Nothing, addr_of_mut!(types::void)),
            (Return::Hidden, _) => (Ret::Hidden, addr_of_mut!(types::pointer)),
            (Return::Registers(parts), CType::Struct(id)) => {
                let shape = structs.get(id.index()).ok_or(SignatureError::BadType)?;
                let [first, second] = [parts.first(), parts.get(1)].map(|part| match part {
                    Some(part) => part_type(part),
                    None => ptr::null_mut(),
                });
                (Ret::Gathered(shape.size), struct_type(shape.size, 8, [first, second], &mut types))
            }
            (Return::Registers(_), scalar) => (Ret::Scalar(scalar), scalar_type(scalar)?),
        };
        if matches!(sig.ret, CType::Struct(_)) {
            slots.push(Slot::Result);
        }
        if ret == Ret::Hidden {
            arg_types.push(addr_of_mut!(types::pointer));
        }
        let mut fixed_args = arg_types.len();
        for (i, (&ty, place)) in sig.params.iter().zip(passing.args).enumerate() {
            slots.push(match (ty, place) {
                (CType::Struct(_), Place::Registers(parts)) => {
                    arg_types.extend(parts.iter().map(part_type));
                    Slot::Parts(parts)
                }
                (CType::Struct(_), Place::Stack { size, align, .. }) => {
                    let elements = [addr_of_mut!(types::longdouble), ptr::null_mut()];
                    arg_types.push(struct_type(size, align, elements, &mut types));
                    Slot::Memory
                }
                (scalar, _) => {
                    let promoted = if sig.variadic && i >= fixed { promote(scalar) } else { scalar };
                    arg_types.push(scalar_type(promoted)?);
                    if promoted == scalar { Slot::Scalar(scalar) } else { Slot::Promoted(scalar) }
                }
            });
            if i < fixed {
                fixed_args = arg_types.len();
            }
        }
        let mut arg_types = arg_types.into_boxed_slice();
        let mut cif = Box::new(ffi_cif::default());
        let count = arg_types.len() as u32;
        let abi = libffi::low::ffi_abi_FFI_DEFAULT_ABI;
        // SAFETY: `cif`, the type array and every type in it live in boxes that the interface keeps.
        let status = unsafe {
            let (cif, args) = (&raw mut *cif, arg_types.as_mut_ptr());
            if sig.variadic {
                raw::ffi_prep_cif_var(cif, abi, fixed_args as u32, count, ret_type, args)
            } else {
                raw::ffi_prep_cif(cif, abi, count, ret_type, args)
            }
        };
        if status != raw::ffi_status_FFI_OK {
            return Err(SignatureError::BadType);
        }
        Ok(Interface { cif, _arg_types: arg_types, _types: types, slots, ret })
    }

    /// How many arguments libffi is given.
    pub(crate) fn arg_count(&self) -> usize {
        self.cif.nargs as usize
    }

    /// The interface for libffi, which doesn't write through it.
    pub(crate) fn cif(&self) -> *mut ffi_cif {
        (&raw const *self.cif).cast_mut()
    }
}

/// What C makes of a variadic argument.
fn promote(ty: CType) -> CType {
    match ty {
        CType::F32 => CType::F64,
        CType::Bool | CType::Int { size: 1 | 2, .. } => CType::Int { size: 4, signed: true },
        other => other,
    }
}

fn scalar_type(ty: CType) -> Result<*mut ffi_type, SignatureError> {
    Ok(match ty {
        CType::Int { size: 1, signed: true } => addr_of_mut!(types::sint8),
        CType::Int { size: 2, signed: true } => addr_of_mut!(types::sint16),
        CType::Int { size: 4, signed: true } => addr_of_mut!(types::sint32),
        CType::Int { size: 8, signed: true } => addr_of_mut!(types::sint64),
        CType::Int { size: 1, signed: false } | CType::Bool => addr_of_mut!(types::uint8),
        CType::Int { size: 2, signed: false } => addr_of_mut!(types::uint16),
        CType::Int { size: 4, signed: false } => addr_of_mut!(types::uint32),
        CType::Int { size: 8, signed: false } => addr_of_mut!(types::uint64),
        CType::F32 => addr_of_mut!(types::float),
        CType::F64 => addr_of_mut!(types::double),
        CType::Ptr => addr_of_mut!(types::pointer),
        CType::Int { .. } | CType::Void | CType::Struct(_) => return Err(SignatureError::BadType),
    })
}

/// The scalar that carries a part. Of a ragged end the whole word is passed.
fn part_type(part: &Part) -> *mut ffi_type {
    match (part.bank, part.size) {
        (Bank::Float, 4) => addr_of_mut!(types::float),
        (Bank::Float, _) => addr_of_mut!(types::double),
        (Bank::Int, 1) => addr_of_mut!(types::uint8),
        (Bank::Int, 2) => addr_of_mut!(types::uint16),
        (Bank::Int, 4) => addr_of_mut!(types::uint32),
        (Bank::Int, _) => addr_of_mut!(types::uint64),
    }
}

fn struct_type(
    size: u32,
    align: u32,
    [first, second]: [*mut ffi_type; 2],
    store: &mut StructTypes,
) -> *mut ffi_type {
    let ty = ffi_type {
        // A size that is set keeps libffi from laying the struct out itself.
        size: size as usize,
        alignment: align as u16,
        type_: raw::FFI_TYPE_STRUCT,
        elements: ptr::null_mut(),
    };
    let mut made = Box::new(StructType { ty, elements: [first, second, ptr::null_mut()] });
    made.ty.elements = made.elements.as_mut_ptr();
    let address = &raw mut made.ty;
    store.push(made);
    address
}
