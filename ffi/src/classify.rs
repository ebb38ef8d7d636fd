//! How a C signature passes its values.
//!
//! Every tier asks here; none has rules of its own. A struct either falls into up to two register-sized *parts*,
//! each in a general or a floating-point register, or it lies in memory. Registers are then given out from left to
//! right; a struct whose parts don't all find one goes to the stack whole.

use crate::error::SignatureError;
use smallvec::SmallVec;
use sx_ir::{CSignature, CStruct, CType};

/// A calling convention of C.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Abi {
    /// System V on x86-64: Linux, BSD, macOS.
    SysV64,
}

#[cfg(not(all(unix, target_arch = "x86_64")))]
compile_error!("the C ABI of this target isn't known yet: add it to `classify::Abi`");

impl Abi {
    /// The convention of the machine that this code runs on.
    pub const HOST: Abi = Abi::SysV64;

    fn int_regs(self) -> u32 {
        match self {
            Abi::SysV64 => 6,
        }
    }
    fn float_regs(self) -> u32 {
        match self {
            Abi::SysV64 => 8,
        }
    }
}

/// A kind of register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bank {
    /// General registers.
    Int,
    /// Floating-point registers.
    Float,
}

/// The piece of a value that one register carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    /// Which kind of register.
    pub bank: Bank,
    /// Where the piece begins in the value.
    pub offset: u32,
    /// Its bytes, at most 8; an odd number at the end of a struct.
    pub size: u32,
}

/// The pieces of one value: none of an empty struct, one of a scalar.
pub type Parts = SmallVec<[Part; 2]>;

/// What becomes of a value by its type alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Class {
    /// Its pieces, if registers may carry it; none: it lies in memory.
    pub parts: Option<Parts>,
    /// Bytes.
    pub size: u32,
    /// Alignment in memory.
    pub align: u32,
}

/// Where an argument is at the call.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Each part in the next free register of its bank.
    Registers(Parts),
    /// The bytes lie on the stack, this far above the start of the argument area.
    Stack {
        /// Bytes from the area's start.
        offset: u32,
        /// Bytes.
        size: u32,
        /// Alignment within the area.
        align: u32,
    },
}

/// How the result comes back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Return {
    /// Nothing comes back.
    Nothing,
    /// Each part in the next result register of its bank.
    Registers(Parts),
    /// Written to memory of the caller; its address is a hidden first integer argument and comes back too.
    Hidden,
}

/// A whole signature.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Passing {
    /// The result.
    pub ret: Return,
    /// The arguments, as many as parameters.
    pub args: Vec<Place>,
    /// General registers in use, the hidden result address included.
    pub int_regs: u32,
    /// Floating-point registers in use; a variadic call tells it in `al`.
    pub float_regs: u32,
    /// Bytes of the stack's argument area, a multiple of 16.
    pub stack_size: u32,
}

/// The widest alignment that the stack gives to an argument.
const STACK_ALIGN: u32 = 16;

/// Classifies one type.
///
/// # Errors
/// When the type has no C representation.
pub fn classify_type(abi: Abi, ty: CType, structs: &[CStruct]) -> Result<Class, SignatureError> {
    match (abi, ty) {
        (Abi::SysV64, CType::Struct(id)) => {
            let shape = structs.get(id.index()).ok_or(SignatureError::BadType)?;
            Ok(Class { parts: sysv_parts(shape)?, size: shape.size, align: shape.align })
        }
        (Abi::SysV64, scalar) => {
            let (bank, size) = scalar_shape(scalar)?;
            let parts = Parts::from_slice(&[Part { bank, offset: 0, size }]);
            Ok(Class { parts: Some(parts), size, align: size })
        }
    }
}

/// Classifies a signature and gives out registers.
///
/// # Errors
/// When a type has no C representation, or an argument can't be passed by value.
pub fn classify(abi: Abi, sig: &CSignature, structs: &[CStruct]) -> Result<Passing, SignatureError> {
    if sig.params.len() > crate::MAX_PARAMS {
        return Err(SignatureError::TooManyParams);
    }
    let mut passing =
        Passing { ret: Return::Nothing, args: Vec::new(), int_regs: 0, float_regs: 0, stack_size: 0 };
    if sig.ret != CType::Void {
        passing.ret = match classify_type(abi, sig.ret, structs)?.parts {
            Some(parts) if parts.is_empty() => Return::Nothing,
            Some(parts) => Return::Registers(parts),
            None => {
                passing.int_regs = 1;
                Return::Hidden
            }
        };
    }
    for &ty in &sig.params {
        let class = classify_type(abi, ty, structs)?;
        let place = passing.place(abi, class)?;
        passing.args.push(place);
    }
    passing.stack_size = passing.stack_size.next_multiple_of(STACK_ALIGN);
    Ok(passing)
}

impl Passing {
    fn place(&mut self, abi: Abi, class: Class) -> Result<Place, SignatureError> {
        if let Some(parts) = class.parts {
            let ints = parts.iter().filter(|p| p.bank == Bank::Int).count() as u32;
            let floats = parts.len() as u32 - ints;
            if self.int_regs + ints <= abi.int_regs() && self.float_regs + floats <= abi.float_regs() {
                self.int_regs += ints;
                self.float_regs += floats;
                return Ok(Place::Registers(parts));
            }
        }
        let align = class.align.max(8);
        if align > STACK_ALIGN {
            return Err(SignatureError::OverAligned);
        }
        let offset = self.stack_size.next_multiple_of(align);
        self.stack_size = class
            .size
            .checked_next_multiple_of(8)
            .and_then(|size| offset.checked_add(size))
            .filter(|&end| end <= i32::MAX as u32)
            .ok_or(SignatureError::BadType)?;
        Ok(Place::Stack { offset, size: class.size, align })
    }
}

fn scalar_shape(ty: CType) -> Result<(Bank, u32), SignatureError> {
    match ty {
        CType::Int { size: size @ (1 | 2 | 4 | 8), .. } => Ok((Bank::Int, size as u32)),
        CType::Bool => Ok((Bank::Int, 1)),
        CType::Ptr => Ok((Bank::Int, 8)),
        CType::F32 => Ok((Bank::Float, 4)),
        CType::F64 => Ok((Bank::Float, 8)),
        CType::Int { .. } | CType::Void | CType::Struct(_) => Err(SignatureError::BadType),
    }
}

/// The pieces of a struct under System V: one for each eightbyte that holds a scalar, in a float register when
/// all its scalars are floats. None when it is passed in memory: beyond 16 bytes, or with an unaligned scalar.
fn sysv_parts(shape: &CStruct) -> Result<Option<Parts>, SignatureError> {
    if shape.size > 16 {
        return Ok(None);
    }
    let mut banks: [Option<Bank>; 2] = [None, None];
    for field in &shape.fields {
        let (bank, size) = scalar_shape(field.ty)?;
        if field.offset.checked_add(size).is_none_or(|end| end > shape.size) {
            return Err(SignatureError::BadType);
        }
        if field.offset % size != 0 {
            return Ok(None);
        }
        let word = &mut banks[(field.offset / 8) as usize];
        if *word != Some(Bank::Int) {
            *word = Some(bank);
        }
    }
    let mut parts = Parts::new();
    for (word, bank) in banks.into_iter().enumerate() {
        let offset = word as u32 * 8;
        if let Some(bank) = bank {
            parts.push(Part { bank, offset, size: (shape.size - offset).min(8) });
        }
    }
    Ok(Some(parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sx_ir::{CField, CStructId};

    const I8: CType = CType::Int { size: 1, signed: true };
    const I32: CType = CType::Int { size: 4, signed: true };
    const I64: CType = CType::Int { size: 8, signed: true };

    fn shape(size: u32, align: u32, fields: &[(u32, CType)]) -> CStruct {
        let fields = fields.iter().map(|&(offset, ty)| CField { offset, ty }).collect();
        CStruct { size, align, fields }
    }

    /// Parts as text: bank, offset and size of each, `memory`, or the error.
    fn check(shape: CStruct, expect: &str) {
        let got = match classify_type(Abi::SysV64, CType::Struct(CStructId(0)), &[shape]) {
            Err(err) => format!("{err:?}"),
            Ok(Class { parts: None, .. }) => "memory".to_owned(),
            Ok(Class { parts: Some(parts), .. }) => {
                let parts = parts.iter().map(|p| format!("{:?}@{}+{}", p.bank, p.offset, p.size));
                parts.collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn eightbytes() {
        check(shape(0, 1, &[]), "");
        check(shape(1, 1, &[(0, CType::Bool)]), "Int@0+1");
        check(shape(3, 1, &[(0, I8), (1, I8), (2, I8)]), "Int@0+3");
        check(shape(12, 4, &[(0, CType::F32), (4, CType::F32), (8, CType::F32)]), "Float@0+8 Float@8+4");
        check(shape(8, 4, &[(0, CType::F32), (4, I32)]), "Int@0+8");
        check(shape(16, 8, &[(0, CType::F64), (8, I8)]), "Float@0+8 Int@8+8");
        check(shape(16, 16, &[(0, I64)]), "Int@0+8");
        check(shape(17, 1, &[(0, I8)]), "memory");
        check(shape(24, 8, &[(0, I64), (8, I64), (16, I64)]), "memory");
    }

    #[test]
    fn unions_overlap() {
        check(shape(8, 8, &[(0, CType::F64), (0, I64)]), "Int@0+8");
        check(shape(8, 8, &[(0, CType::F64), (0, CType::F32)]), "Float@0+8");
    }

    #[test]
    fn unaligned_scalars_lie_in_memory() {
        check(shape(5, 1, &[(0, I8), (1, I32)]), "memory");
        check(shape(9, 1, &[(0, I64), (8, I8)]), "Int@0+8 Int@8+1");
    }

    #[test]
    fn broken_shapes_are_refused() {
        check(shape(4, 4, &[(4, I32)]), "BadType");
        check(shape(16, 8, &[(u32::MAX, I8)]), "BadType");
        check(shape(16, 8, &[(0, CType::Void)]), "BadType");
        check(shape(3, 1, &[(0, CType::Int { size: 3, signed: true })]), "BadType");
    }

    #[test]
    fn a_struct_never_splits_between_registers_and_stack() {
        let pair = shape(16, 8, &[(0, I64), (8, I64)]);
        let sig = CSignature {
            params: vec![I64, I64, I64, I64, I64, CType::Struct(CStructId(0)), I64, I64],
            ret: CType::Void,
            variadic: false,
        };
        let passing = classify(Abi::SysV64, &sig, &[pair]).unwrap();
        assert_eq!(passing.args[5], Place::Stack { offset: 0, size: 16, align: 8 });
        assert!(matches!(passing.args[6], Place::Registers(_)));
        assert_eq!(passing.args[7], Place::Stack { offset: 16, size: 8, align: 8 });
        assert_eq!((passing.int_regs, passing.stack_size), (6, 32));
    }

    #[test]
    fn a_hidden_result_takes_the_first_register() {
        let big = shape(24, 8, &[(0, I64)]);
        let sig = CSignature { params: vec![I64; 6], ret: CType::Struct(CStructId(0)), variadic: false };
        let passing = classify(Abi::SysV64, &sig, &[big]).unwrap();
        assert_eq!(passing.ret, Return::Hidden);
        assert!(matches!(passing.args[5], Place::Stack { offset: 0, .. }));
    }
}
