//! The text form of bytecode.

use super::format::{Field, Kind};
use super::{Op, Word};
use crate::interp::atomic::routines as atomics;
use crate::interp::state::Cell;
use crate::interp::vector::routines;
use crate::program::Code;
use crate::trap::trap_kind;
use std::fmt::Write;
use sx_ir::FuncId;

/// The bytecode of a function as text, one instruction a line.
pub(crate) fn disassemble(code: &Code, name: &dyn Fn(FuncId) -> Option<String>) -> String {
    let mut out = String::new();
    let sig = &code.func.sig;
    let _ = writeln!(
        out,
        "{}: {} parameters, {} results, {} slots",
        code.func.name,
        sig.params.len(),
        sig.rets.len(),
        code.frame_slots
    );
    let mut at = 0;
    while at < code.words.len() {
        let Some(op) = Op::from_u16(code.words[at].op) else {
            let _ = writeln!(out, "{at:5}  ?");
            at += 1;
            continue;
        };
        let _ = write!(out, "{at:5}  {:<12}", op.name());
        operands(&mut out, &code.words, at, op, name);
        let end = out.trim_end().len();
        out.truncate(end);
        out.push('\n');
        at += op.words() + table(&mut out, &code.words, at, op);
    }
    out
}

fn operands(out: &mut String, words: &[Word], at: usize, op: Op, name: &dyn Fn(FuncId) -> Option<String>) {
    let first = words[at].bits();
    let ext = words.get(at + 1).map_or(0, |word| word.bits());
    for (i, operand) in op.format().iter().enumerate() {
        let (bits, width) = operand.field.bits(first, ext);
        let signed = ((bits << (64 - width)) as i64) >> (64 - width);
        if i > 0 {
            out.push_str(", ");
        }
        let _ = match operand.kind {
            Kind::Dst | Kind::Src | Kind::Var => write!(out, "s{bits}"),
            Kind::Dst2 | Kind::Src2 => write!(out, "s{bits}:{}", bits + 1),
            Kind::Imm if operand.field == Field::XX => write!(out, "{signed} ({bits:#x})"),
            Kind::Imm => write!(out, "{signed}"),
            Kind::Vector => write!(out, "v{bits}"),
            Kind::Routine => match routines().get(bits as usize) {
                Some(routine) => write!(out, "{:?}", routine.key),
                None => write!(out, "?"),
            },
            Kind::Atomic => match atomics().get(bits as usize) {
                Some(routine) => write!(out, "{:?}", routine.key),
                None => write!(out, "?"),
            },
            Kind::Uimm | Kind::Count | Kind::Table | Kind::Bytes => write!(out, "{bits}"),
            Kind::Jump => write!(out, "-> {}", at as i64 + signed),
            Kind::Window => write!(out, "w{bits}"),
            Kind::Func | Kind::Cell => {
                let id = if operand.kind == Kind::Cell { bits / size_of::<Cell>() as u64 } else { bits };
                match name(FuncId(id as u32)) {
                    Some(name) => write!(out, "{name}"),
                    None => write!(out, "fn{id}"),
                }
            }
            Kind::Class => write!(out, "class{bits}"),
            Kind::CSig => write!(out, "sig{bits}"),
            Kind::Extern => write!(out, "ext{bits}"),
            Kind::Object => write!(out, "obj{bits}"),
            Kind::Frame(_) => write!(out, "[fp+{signed}]"),
            Kind::Trap => write!(out, "{:?}", trap_kind(bits as usize)),
        };
    }
}

/// The entries of a switch; how many words they take.
fn table(out: &mut String, words: &[Word], at: usize, op: Op) -> usize {
    let count = words[at].w() as u32 as usize;
    let start = at + 2;
    let offset = |index: usize, first: usize| {
        let word = words[start + first + index / 2];
        at as i64 + if index.is_multiple_of(2) { word.low() } else { word.w() } as i64
    };
    match op {
        Op::Switch => {
            let _ = writeln!(out, "         else -> {}", offset(0, 0));
            for index in 0..count {
                let _ = writeln!(out, "         {index} -> {}", offset(index + 1, 0));
            }
            (count + 1).div_ceil(2)
        }
        Op::SwitchSparse => {
            for index in 0..count {
                let _ = writeln!(out, "         {} -> {}", words[start + index].bits(), offset(index, count));
            }
            count + count.div_ceil(2)
        }
        _ => 0,
    }
}
