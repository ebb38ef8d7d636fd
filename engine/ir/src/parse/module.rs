//! A module's text.

use super::*;
use crate::module::*;

/// Runs of zero in data may add up to this many bytes in one text.
pub const MAX_ZERO_BYTES: usize = 64 << 20;

/// A whole module from its text.
///
/// # Errors
/// When the text isn't a module.
pub fn parse_module(text: &str) -> Result<Module> {
    let mut tables = Tables { parser: Parser::new(text)?, module: Module::new(), zeros: 0 };
    tables.all()?;
    Ok(tables.module)
}

struct Tables<'a> {
    parser: Parser<'a>,
    module: Module,
    /// Bytes that runs of zero made so far.
    zeros: usize,
}

impl Tables<'_> {
    fn entry(&mut self, prefix: &str, next: usize) -> Result<()> {
        self.parser.entry(prefix, next)?;
        self.parser.sign("=")
    }

    fn all(&mut self) -> Result<()> {
        loop {
            if self.parser.token == Token::End {
                return Ok(());
            }
            if self.parser.eat_word("target")? {
                self.parser.word("ptr")?;
                let at = self.parser.at;
                let ptr_size = self.parser.int()?;
                if !matches!(ptr_size, 4 | 8) {
                    return Err(self.parser.lexer.error(at, "an address has 4 or 8 bytes"));
                }
                self.module.target.ptr_size = ptr_size;
            } else if self.parser.peek_id("file").is_some() {
                self.entry("file", self.module.files.len())?;
                let path = self.parser.name()?;
                self.module.files.push(path.into());
            } else if self.parser.peek_id("cstruct").is_some() {
                self.c_struct()?;
            } else if self.parser.peek_id("sig").is_some() {
                self.sig()?;
            } else if self.parser.peek_id("ext").is_some() {
                self.ext()?;
            } else if self.parser.peek_id("data").is_some() {
                self.entry("data", self.module.datas.len())?;
                let data = self.data()?;
                self.module.add_data(data);
            } else if self.parser.peek_id("glob").is_some() {
                self.entry("glob", self.module.globals.len())?;
                let name = self.parser.name()?;
                self.parser.word("size")?;
                let size = self.parser.int()?;
                let init = self.data()?;
                self.module.add_global(Global { name, size, init });
            } else {
                self.func()?;
            }
        }
    }

    fn func(&mut self) -> Result<()> {
        self.entry("fn", self.module.funcs.len())?;
        let id = self.module.reserve_func();
        if self.parser.eat_word("declared")? {
            if self.parser.is_sign("(") {
                let sig = self.signature()?;
                self.module.declare_func(id, sig);
            }
            return Ok(());
        }
        self.parser.word("func")?;
        let func = func::func(&mut self.parser)?;
        self.module.define_func(id, func);
        Ok(())
    }

    fn signature(&mut self) -> Result<Signature> {
        let params = self.parser.tys()?;
        self.parser.sign("->")?;
        let rets = self.parser.tys()?;
        Ok(Signature { params, rets })
    }

    fn c_type(&mut self) -> Result<CType> {
        if let Some(id) = self.parser.eat_id("cstruct")? {
            return Ok(CType::Struct(CStructId(id)));
        }
        let at = self.parser.at;
        let int = |size, signed| CType::Int { size, signed };
        Ok(match self.parser.any_word("a C type")? {
            "void" => CType::Void,
            "bool" => CType::Bool,
            "f32" => CType::F32,
            "f64" => CType::F64,
            "ptr" => CType::Ptr,
            "s8" => int(1, true),
            "s16" => int(2, true),
            "s32" => int(4, true),
            "s64" => int(8, true),
            "u8" => int(1, false),
            "u16" => int(2, false),
            "u32" => int(4, false),
            "u64" => int(8, false),
            word => return Err(self.parser.lexer.error(at, format!("no such C type: {word}"))),
        })
    }

    fn sig(&mut self) -> Result<()> {
        let at = self.parser.at;
        let next = self.module.sigs.len();
        self.entry("sig", next)?;
        let sig = if self.parser.eat_word("c")? {
            let fixed = self.parser.int()?;
            Sig::C { sig: self.c_signature()?, fixed }
        } else {
            Sig::Sx(self.signature()?)
        };
        if self.module.sig(sig).index() != next {
            return Err(self.parser.lexer.error(at, "this signature is there already"));
        }
        Ok(())
    }

    fn c_signature(&mut self) -> Result<CSignature> {
        let mut params = Vec::new();
        let mut variadic = false;
        self.parser.sign("(")?;
        while !self.parser.eat_sign(")")? {
            if !params.is_empty() {
                self.parser.sign(",")?;
            }
            if self.parser.eat_sign("...")? {
                variadic = true;
                self.parser.sign(")")?;
                break;
            }
            params.push(self.c_type()?);
        }
        self.parser.sign("->")?;
        Ok(CSignature { params, ret: self.c_type()?, variadic })
    }

    fn c_struct(&mut self) -> Result<()> {
        let at = self.parser.at;
        let next = self.module.c_structs.len();
        self.entry("cstruct", next)?;
        self.parser.word("size")?;
        let size = self.parser.int()?;
        self.parser.word("align")?;
        let align = self.parser.int()?;
        let mut fields = Vec::new();
        self.parser.sign("{")?;
        while !self.parser.eat_sign("}")? {
            if !fields.is_empty() {
                self.parser.sign(",")?;
            }
            let offset = self.parser.int()?;
            self.parser.sign(":")?;
            fields.push(CField { offset, ty: self.c_type()? });
        }
        if self.module.c_struct(CStruct { size, align, fields }).index() != next {
            return Err(self.parser.lexer.error(at, "this shape is there already"));
        }
        Ok(())
    }

    fn ext(&mut self) -> Result<()> {
        self.entry("ext", self.module.externs.len())?;
        let symbol = self.parser.name()?;
        let library = if self.parser.eat_word("in")? { Some(self.parser.name()?) } else { None };
        let kind = if self.parser.eat_word("data")? {
            ExternKind::Data
        } else {
            ExternKind::Func(SigId(self.parser.id("sig")?))
        };
        self.parser.word("at")?;
        let file = self.parser.int()?;
        self.parser.sign(":")?;
        let declared = (file, self.parser.int()?);
        self.module.add_extern(Extern { symbol, library, kind, declared });
        Ok(())
    }

    fn data(&mut self) -> Result<Data> {
        self.parser.word("align")?;
        let align = self.parser.int()?;
        let mut data = Data { bytes: Vec::new(), align, relocs: Vec::new() };
        loop {
            if self.parser.eat_word("zero")? {
                let at = self.parser.at;
                let zeros: u32 = self.parser.int()?;
                self.zeros += zeros as usize;
                if self.zeros > MAX_ZERO_BYTES {
                    return Err(self.parser.lexer.error(at, "more zeros than a text may make"));
                }
                data.bytes.resize(data.bytes.len() + zeros as usize, 0);
            } else if let Token::Text(_) = self.parser.token {
                let bytes = self.parser.text()?;
                data.bytes.extend(bytes);
            } else {
                break;
            }
        }
        while self.parser.eat_word("reloc")? {
            let offset = self.parser.int()?;
            self.parser.sign(":")?;
            let target = self.reloc_target()?;
            data.relocs.push(Reloc { offset, target, addend: self.parser.offset()? });
        }
        Ok(data)
    }

    fn reloc_target(&mut self) -> Result<RelocTarget> {
        if self.parser.eat_word("c")? {
            return Ok(RelocTarget::CFunc(FuncId(self.parser.id("fn")?)));
        }
        if let Some(id) = self.parser.eat_id("fn")? {
            return Ok(RelocTarget::Func(FuncId(id)));
        }
        if let Some(id) = self.parser.eat_id("data")? {
            return Ok(RelocTarget::Data(DataId(id)));
        }
        if let Some(id) = self.parser.eat_id("glob")? {
            return Ok(RelocTarget::Global(GlobalId(id)));
        }
        Ok(RelocTarget::Extern(ExternId(self.parser.id("ext")?)))
    }
}
