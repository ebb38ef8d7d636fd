//! The tables of a module as text.

use super::*;
use crate::module::*;

/// A whole module as text: its tables, then its functions.
pub fn print_module(module: &Module, options: PrintOptions) -> String {
    let mut out = String::new();
    tables(module, &mut out).expect("writing to a string doesn't fail");
    for (i, func) in module.funcs.iter().enumerate() {
        let id = FuncId(i as u32);
        out.push('\n');
        match func {
            Some(func) => FuncPrinter { func, module: Some(module), options, out: &mut out }.func(id),
            None => declared(module, id, &mut out),
        }
        .expect("writing to a string doesn't fail");
    }
    out
}

/// A function without a body.
fn declared(module: &Module, id: FuncId, out: &mut String) -> fmt::Result {
    write!(out, "{id} = declared")?;
    if let Some(sig) = module.func_sig(id) {
        out.push(' ');
        signature(out, sig);
    }
    out.push('\n');
    Ok(())
}

fn signature(out: &mut String, sig: &Signature) {
    out.push('(');
    tys(out, &sig.params);
    out.push_str(") -> (");
    tys(out, &sig.rets);
    out.push(')');
}

fn c_type(out: &mut String, ty: CType) -> fmt::Result {
    match ty {
        CType::Void => out.write_str("void"),
        CType::Int { size, signed } => {
            write!(out, "{}{}", if signed { 's' } else { 'u' }, size as u32 * 8)
        }
        CType::Bool => out.write_str("bool"),
        CType::F32 => out.write_str("f32"),
        CType::F64 => out.write_str("f64"),
        CType::Ptr => out.write_str("ptr"),
        CType::Struct(id) => write!(out, "{id}"),
    }
}

fn c_signature(out: &mut String, sig: &CSignature) -> fmt::Result {
    out.push('(');
    for (i, &ty) in sig.params.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        c_type(out, ty)?;
    }
    if sig.variadic {
        out.push_str(if sig.params.is_empty() { "..." } else { ", ..." });
    }
    out.push_str(") -> ");
    c_type(out, sig.ret)
}

/// Bytes as chunks of text and runs of zero, then relocations.
fn data(out: &mut String, data: &Data) -> fmt::Result {
    write!(out, "align {}", data.align)?;
    let mut rest = &data.bytes[..];
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        if zeros >= 8 {
            write!(out, " zero {zeros}")?;
            rest = &rest[zeros..];
            continue;
        }
        let text = rest.windows(8).position(|window| window == [0; 8]).unwrap_or(rest.len());
        out.push(' ');
        quoted(out, &rest[..text]);
        rest = &rest[text..];
    }
    for reloc in &data.relocs {
        write!(out, "\n  reloc {}: ", reloc.offset)?;
        match reloc.target {
            RelocTarget::Func(id) => write!(out, "{id}")?,
            RelocTarget::CFunc(id) => write!(out, "c {id}")?,
            RelocTarget::Data(id) => write!(out, "{id}")?,
            RelocTarget::Global(id) => write!(out, "{id}")?,
            RelocTarget::Extern(id) => write!(out, "{id}")?,
        }
        match reloc.addend {
            0 => {}
            n if n > 0 => write!(out, " + {n}")?,
            n => write!(out, " - {}", n.unsigned_abs())?,
        }
    }
    out.push('\n');
    Ok(())
}

fn tables(module: &Module, out: &mut String) -> fmt::Result {
    writeln!(out, "target ptr {}", module.target.ptr_size)?;
    for (i, file) in module.files.iter().enumerate() {
        write!(out, "file{i} = ")?;
        quoted(out, file.as_bytes());
        out.push('\n');
    }
    for (i, shape) in module.c_structs.iter().enumerate() {
        write!(out, "cstruct{i} = size {} align {} {{", shape.size, shape.align)?;
        for (j, field) in shape.fields.iter().enumerate() {
            write!(out, "{}{}: ", if j == 0 { " " } else { ", " }, field.offset)?;
            c_type(out, field.ty)?;
        }
        out.push_str(" }\n");
    }
    for (i, sig) in module.sigs.iter().enumerate() {
        write!(out, "sig{i} = ")?;
        match sig {
            Sig::Sx(sig) => signature(out, sig),
            Sig::C { sig, fixed } => {
                write!(out, "c {fixed} ")?;
                c_signature(out, sig)?;
            }
        }
        out.push('\n');
    }
    for (i, ext) in module.externs.iter().enumerate() {
        write!(out, "ext{i} = ")?;
        quoted(out, ext.symbol.as_bytes());
        if let Some(library) = &ext.library {
            out.push_str(" in ");
            quoted(out, library.as_bytes());
        }
        match ext.kind {
            ExternKind::Func(sig) => write!(out, " {sig}")?,
            ExternKind::Data => out.push_str(" data"),
        }
        writeln!(out, " at {}:{}", ext.declared.0, ext.declared.1)?;
    }
    for (i, entry) in module.datas.iter().enumerate() {
        write!(out, "data{i} = ")?;
        data(out, entry)?;
    }
    for (i, global) in module.globals.iter().enumerate() {
        write!(out, "glob{i} = ")?;
        quoted(out, global.name.as_bytes());
        write!(out, " size {} ", global.size)?;
        data(out, &global.init)?;
    }
    Ok(())
}
