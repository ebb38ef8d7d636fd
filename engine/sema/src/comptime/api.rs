//! Functions that the compiler itself answers: declared with `abi(.compiler)` and without a body.
//!
//! They exist only while code runs at compile time: a call suspends the machine, the compiler looks at the arguments' slots
//! and lets the call return. All of them take and give scalars and strings; what is richer is made of them in the library.

use crate::check::category;
use crate::sema::*;
use crate::types::{EnumDef, FnAbi, TypeId, TypeKind};
use sx_ir::FuncId;
use sx_syntax::ast::{FuncBody, FuncExpr};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Loc;

/// The longest text that a function of the compiler takes.
const MAX_TEXT: u64 = 64 << 20;

/// A function of the compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Api {
    /// `(name) -> Type`: a type that isn't defined yet.
    Declare,
    /// `(T) -> string`: its name.
    TypeText,
    /// `(T) -> string`: its kind, as `type_category` names it.
    TypeGroup,
    /// `(T) -> i64`: how many fields, elements, variants, parameters, methods or errors it has.
    PartCount,
    /// `(T, i) -> string`: the name of a part.
    PartName,
    /// `(T, i) -> Type`: the type of a part; `void` for none.
    PartType,
    /// `(T, i) -> i64`: the value of a variant or error.
    PartValue,
    /// `(T, which) -> i64`: see [`Number`].
    TypeNumber,
    /// `(T) -> Type`: what it points at, holds, or returns; an enum's tag.
    TypeTarget,
    /// `(kind, number, target) -> Type`: a pointer, slice, array … of a type.
    MakeType,
    /// `(T, name, part, value)`: one more part of what a type will be.
    DefinePart,
    /// `(option, value)`: a build script sets or adds to an option.
    BuildSet,
    /// `(path, text)`: a build script makes a file.
    BuildEmit,
    /// `(name) -> string`: what the build was given.
    BuildValue,
    /// `(T, kind, flags, number, target) -> Type`: it is this, with the parts so far.
    DefineType,
}

/// A function as it must be declared: `S` string, `T` type, `I` integer, `B` `bool`, `V` nothing.
struct Entry {
    name: &'static str,
    api: Api,
    params: &'static [u8],
    ret: u8,
    /// The library calls it only after it has asked `is_comptime`.
    guarded: bool,
}

const fn entry(name: &'static str, api: Api, params: &'static [u8], ret: u8) -> Entry {
    Entry { name, api, params, ret, guarded: false }
}

const TABLE: &[Entry] = &[
    entry("declare", Api::Declare, b"S", b'T'),
    Entry { guarded: true, ..entry("compiler_type_name", Api::TypeText, b"T", b'S') },
    Entry { guarded: true, ..entry("compiler_type_category", Api::TypeGroup, b"T", b'S') },
    entry("type_part_count", Api::PartCount, b"T", b'I'),
    entry("type_part_name", Api::PartName, b"TI", b'S'),
    entry("type_part_type", Api::PartType, b"TI", b'T'),
    entry("type_part_value", Api::PartValue, b"TI", b'I'),
    entry("type_number", Api::TypeNumber, b"TI", b'I'),
    entry("type_target", Api::TypeTarget, b"T", b'T'),
    entry("compiler_make_type", Api::MakeType, b"SIT", b'T'),
    entry("build_set", Api::BuildSet, b"SS", b'V'),
    entry("build_emit", Api::BuildEmit, b"SS", b'V'),
    entry("build_value", Api::BuildValue, b"S", b'S'),
    entry("define_part", Api::DefinePart, b"TSTI", b'V'),
    entry("define_type", Api::DefineType, b"TSIIT", b'T'),
];

impl Api {
    /// The function of a name, if it is declared as it must be; else what is wrong.
    pub fn find(name: &str, params: &[TypeId], ret: TypeId) -> Result<Api, String> {
        let Some(entry) = TABLE.iter().find(|entry| entry.name == name) else {
            return Err(format!("the compiler has no function `{name}`"));
        };
        let fits = entry.params.len() == params.len()
            && entry.params.iter().zip(params).all(|(&shape, &ty)| type_of(shape) == ty)
            && type_of(entry.ret) == ret;
        if fits {
            Ok(entry.api)
        } else {
            Err(format!("`{name}` is declared with other types than the compiler's"))
        }
    }
    fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.api == self).expect("every function is in the table")
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
    /// The code of what it refuses.
    pub fn refusal(self) -> Code {
        match self {
            Api::BuildSet | Api::BuildEmit | Api::BuildValue => Code::E0707,
            _ => Code::E0705,
        }
    }
    /// True when calls of it may stand in the program: they aren't reached there.
    pub fn guarded(self) -> bool {
        self.entry().guarded
    }
}

fn type_of(shape: u8) -> TypeId {
    match shape {
        b'S' => TypeId::STRING,
        b'T' => TypeId::TYPE,
        b'I' => TypeId::I64,
        b'B' => TypeId::BOOL,
        _ => TypeId::VOID,
    }
}

/// What [`Api::TypeNumber`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    Bits,
    Signed,
    Length,
    Packed,
    Align,
    Flags,
}

impl Number {
    fn from(value: i64) -> Option<Number> {
        use Number::*;
        [Bits, Signed, Length, Packed, Align, Flags].get(usize::try_from(value).ok()?).copied()
    }
}

/// An argument of a call.
pub(super) enum Arg {
    Text(String),
    Type(TypeId),
    Int(i64),
}

impl Arg {
    pub fn text(&self) -> &str {
        match self {
            Arg::Text(text) => text,
            _ => "",
        }
    }
    pub fn ty(&self) -> TypeId {
        match self {
            Arg::Type(ty) => *ty,
            _ => TypeId::ERROR,
        }
    }
    pub fn int(&self) -> i64 {
        match self {
            Arg::Int(value) => *value,
            _ => 0,
        }
    }
}

/// What is given back.
pub(super) enum Answer {
    Text(String),
    Type(TypeId),
    Int(i64),
    Nothing,
}

impl Sema {
    /// `abi(.compiler)`: without a body a function that the compiler answers, with one a function that only code that runs
    /// while compiling calls. False after a report.
    pub(crate) fn declare_compiler_fn(&mut self, id: InstId, decl: &FnDecl, func: &FuncExpr) -> bool {
        let Inst { func: reserved, sig, .. } = Inst::clone(self.inst(id));
        if func.body != FuncBody::None {
            self.making.only_comptime.push(reserved);
            return true;
        }
        match Api::find(self.text(decl.name), &sig.params, sig.ret) {
            Ok(api) => {
                self.making.funcs.insert(reserved, api);
                self.inst_mut(id).state = InstState::Done;
                true
            }
            Err(message) => {
                let loc = Loc::new(decl.file, decl.span);
                self.report(Diagnostic::error(Code::E0804, loc, message));
                false
            }
        }
    }

    /// The function of the compiler that an instance is.
    pub(super) fn api_of(&self, func: FuncId) -> Option<Api> {
        self.making.funcs.get(&func).copied()
    }

    /// Answers a call that waits; what is refused becomes a trap there.
    pub(super) fn serve(
        &mut self,
        api: Api,
        comptime: &mut (dyn Comptime + Send),
    ) -> Result<Vec<u64>, String> {
        let entry = api.entry();
        let slots: usize = entry.params.iter().map(|&shape| if shape == b'S' { 2 } else { 1 }).sum();
        // The context comes first.
        let given = comptime.waiting_args(slots + 1);
        let mut given = given.into_iter().skip(1);
        let mut args = Vec::with_capacity(entry.params.len());
        for &shape in entry.params {
            let slot = given.next().unwrap_or(0);
            args.push(match shape {
                b'S' => {
                    let len = given.next().unwrap_or(0);
                    Arg::Text(text(comptime, slot, len)?)
                }
                b'T' => match u32::try_from(slot).map(TypeId) {
                    Ok(ty) if (ty.0 as usize) < self.types.len() => Arg::Type(ty),
                    _ => return Err("this `Type` isn't a type".to_string()),
                },
                _ => Arg::Int(slot as i64),
            });
        }
        Ok(match self.answer(api, &args)? {
            Answer::Nothing => Vec::new(),
            Answer::Int(value) => vec![value as u64],
            Answer::Type(ty) => vec![ty.0 as u64],
            Answer::Text(text) => vec![comptime.keep(text.as_bytes()), text.len() as u64],
        })
    }

    fn answer(&mut self, api: Api, args: &[Arg]) -> Result<Answer, String> {
        let ty = args.first().map_or(TypeId::ERROR, Arg::ty);
        let at = args.get(1).map_or(0, Arg::int);
        Ok(match api {
            Api::Declare => Answer::Type(self.declare_type(args[0].text())?),
            Api::TypeText => Answer::Text(self.type_name(ty)),
            Api::TypeGroup => Answer::Text(category(&self.types, ty).to_string()),
            Api::PartCount => Answer::Int(self.parts(ty)?.len() as i64),
            Api::PartName => Answer::Text(self.part(ty, at)?.name),
            Api::PartType => Answer::Type(self.part(ty, at)?.ty),
            Api::PartValue => Answer::Int(self.part(ty, at)?.value),
            Api::TypeNumber => Answer::Int(self.type_number(ty, at)?),
            Api::TypeTarget => Answer::Type(self.type_target(ty)),
            Api::MakeType => Answer::Type(self.structural(args[0].text(), &[], 0, at, args[2].ty())?),
            Api::BuildSet => {
                self.build_set(args[0].text(), args[1].text())?;
                Answer::Nothing
            }
            Api::BuildEmit => {
                self.build_emit(args[0].text(), args[1].text())?;
                Answer::Nothing
            }
            Api::BuildValue => Answer::Text(self.build_value(args[0].text())?),
            Api::DefinePart => {
                self.define_part(ty, args[1].text(), args[2].ty(), args[3].int())?;
                Answer::Nothing
            }
            Api::DefineType => {
                let (kind, flags, number) = (args[1].text(), args[2].int(), args[3].int());
                Answer::Type(self.define_type(ty, kind, flags, number, args[4].ty())?)
            }
        })
    }

    fn part(&mut self, ty: TypeId, at: i64) -> Result<Part, String> {
        let mut parts = self.parts(ty)?;
        let index = usize::try_from(at).ok().filter(|&index| index < parts.len());
        match index {
            Some(index) => Ok(parts.swap_remove(index)),
            None => Err(format!("`{}` has no part {at}", self.type_name(ty))),
        }
    }

    /// What a type consists of.
    pub(super) fn parts(&mut self, ty: TypeId) -> Result<Vec<Part>, String> {
        self.complete_deep(ty);
        let unnamed =
            |types: &[TypeId]| types.iter().map(|&ty| Part { name: String::new(), ty, value: 0 }).collect();
        Ok(match self.types.kind(ty).clone() {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let def = self.types.struct_def(id);
                if !def.complete {
                    return Err(format!("what `{}` consists of isn't known yet", self.type_name(ty)));
                }
                let fields = def.fields.iter();
                fields.map(|f| Part { name: self.text(f.name).to_string(), ty: f.ty, value: 0 }).collect()
            }
            TypeKind::Enum(id) => {
                let def = self.types.enum_def(id);
                if !def.complete {
                    return Err(format!("what `{}` consists of isn't known yet", self.type_name(ty)));
                }
                self.variants(def)
            }
            TypeKind::Tuple(fields) => fields
                .iter()
                .map(|f| Part {
                    name: f.name.map_or(String::new(), |n| self.text(n).to_string()),
                    ty: f.ty,
                    value: 0,
                })
                .collect(),
            TypeKind::Func { params, .. } | TypeKind::Closure { params, .. } => unnamed(&params),
            TypeKind::ErrorSet(set) => {
                let tags = self.error_tags(set).unwrap_or_default();
                let name = |tag: u32| self.text(self.types.error_names[tag as usize]).to_string();
                tags.iter()
                    .map(|&tag| Part { name: name(tag), ty: TypeId::VOID, value: tag as i64 })
                    .collect()
            }
            TypeKind::Protocol(id) => {
                let methods = self.types.protocol(id).methods.clone();
                let mut parts = Vec::with_capacity(methods.len());
                for method in methods {
                    let params = method.params.into();
                    let ty = self.types.intern(TypeKind::Func { params, ret: method.ret, abi: FnAbi::Sx });
                    parts.push(Part { name: self.text(method.name).to_string(), ty, value: 0 });
                }
                parts
            }
            TypeKind::Declared(_) => return Err(format!("`{}` isn't defined yet", self.type_name(ty))),
            _ => Vec::new(),
        })
    }

    fn variants(&self, def: &EnumDef) -> Vec<Part> {
        let variants = def.variants.iter();
        variants
            .map(|v| Part {
                name: self.text(v.name).to_string(),
                ty: v.payload.unwrap_or(TypeId::VOID),
                value: v.value as i64,
            })
            .collect()
    }

    fn type_number(&mut self, ty: TypeId, which: i64) -> Result<i64, String> {
        let Some(which) = Number::from(which) else {
            return Err("there is no such number of a type".to_string());
        };
        let kind = self.types.kind(ty).clone();
        Ok(match (which, kind) {
            (Number::Bits, TypeKind::F32) => 32,
            (Number::Bits, TypeKind::F64) => 64,
            (Number::Bits, _) => self.types.int_repr(ty).map_or(0, |(bits, _)| bits as i64),
            (Number::Signed, _) => self.types.int_repr(ty).is_some_and(|(_, signed)| signed) as i64,
            (Number::Length, TypeKind::Array(_, len)) => len as i64,
            (Number::Length, TypeKind::Vector(_, lanes)) => lanes as i64,
            (Number::Packed, TypeKind::Struct(id)) => self.types.struct_def(id).packed as i64,
            (Number::Align, TypeKind::Struct(id) | TypeKind::Union(id)) => {
                self.types.struct_def(id).align as i64
            }
            (Number::Flags, TypeKind::Enum(id)) => self.types.enum_def(id).flags as i64,
            _ => 0,
        })
    }

    fn type_target(&self, ty: TypeId) -> TypeId {
        match *self.types.kind(ty) {
            TypeKind::Ptr(of) | TypeKind::Optional(of) => of,
            TypeKind::Func { ret, .. } | TypeKind::Closure { ret, .. } => ret,
            TypeKind::Failable { value, .. } => value,
            TypeKind::Enum(id) => self.types.enum_def(id).tag,
            _ => self.types.elem(ty).unwrap_or(TypeId::VOID),
        }
    }
}

/// A field, element, variant, parameter, method or error.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub name: String,
    pub ty: TypeId,
    pub value: i64,
}

fn text(comptime: &(dyn Comptime + Send), address: u64, len: u64) -> Result<String, String> {
    if len == 0 {
        return Ok(String::new());
    }
    if len > MAX_TEXT {
        return Err("this text is too long for the compiler".to_string());
    }
    let bytes = comptime.read(address, len as usize).ok_or("this text can't be read")?;
    String::from_utf8(bytes).map_err(|_| "the compiler takes only text in UTF-8".to_string())
}
