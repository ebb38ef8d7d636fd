//! What the program itself can reach: none of it may be a function of the compiler.

use super::api::Api;
use crate::sema::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sx_ir::{Base, Callee, Data, Func, FuncId, Inst, RelocTarget};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

/// So many calls on the way are shown.
const MAX_SHOWN: usize = 6;

/// A function or object, and where something that was reached names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Func(FuncId),
    Data(u32),
    Global(u32),
}

/// How nodes were found: from which, and where.
type Found = FxHashMap<Node, Option<(Node, Option<Loc>)>>;

impl Sema {
    /// Remembers that the program begins here, or can be entered from outside.
    pub(crate) fn add_root(&mut self, func: FuncId) {
        self.roots.push(func);
    }

    /// Reports the first way from where the program begins to each function that exists only while compiling.
    pub(crate) fn judge_reach(&mut self) {
        let mut forbidden: FxHashSet<FuncId> =
            self.making.funcs.iter().filter(|(_, api)| !api.guarded()).map(|(&func, _)| func).collect();
        forbidden.extend(&self.making.only_comptime);
        if forbidden.is_empty() || self.has_errors() {
            return;
        }
        let mut found = Found::default();
        let mut todo: Vec<Node> = Vec::new();
        let mut hits = Vec::new();
        for &root in &self.roots {
            found.insert(Node::Func(root), None);
            todo.push(Node::Func(root));
        }
        while let Some(node) = todo.pop() {
            if let Node::Func(func) = node
                && forbidden.contains(&func)
            {
                hits.push(func);
                continue;
            }
            self.each_named(node, |next, loc| {
                found.entry(next).or_insert_with(|| {
                    todo.push(next);
                    Some((node, loc))
                });
            });
        }
        hits.sort_unstable();
        for func in hits {
            self.report_reached(func, &found);
        }
    }

    fn report_reached(&mut self, func: FuncId, found: &Found) {
        let mut ways = Vec::new();
        let mut node = Node::Func(func);
        while let Some(&Some((from, loc))) = found.get(&node) {
            ways.extend(loc);
            node = from;
        }
        let name = match self.api_of(func) {
            Some(Api::MakeType) => "a type made of a variable".to_string(),
            Some(api) => format!("`{}`", api.name()),
            None => match self.func_insts.get(&func) {
                Some(&inst) => format!("`{}`", self.text(self.fn_decl(self.inst(inst).decl).name)),
                None => "this".to_string(),
            },
        };
        // The library's own calls say less than the call of the library.
        let own = ways.iter().position(|loc| !self.is_library(loc.file)).unwrap_or(0);
        let Some(&at) = ways.get(own) else { return };
        let message = format!("{name} exists only while compiling, and the program gets here when it runs");
        let help = "make the call in `#run`, or give its result to a constant, `X :: #run …;`";
        let mut d = Diagnostic::error(Code::E0706, at, message).help(help);
        for &loc in ways.iter().skip(own + 1).take(MAX_SHOWN) {
            d = d.also(loc, "called here");
        }
        self.report(d);
    }

    /// True for files of the library.
    pub(crate) fn is_library(&self, file: FileId) -> bool {
        self.sources.get(file).path.starts_with("modules/std/")
    }

    fn each_named(&self, node: Node, mut f: impl FnMut(Node, Option<Loc>)) {
        match node {
            Node::Func(func) => {
                if let Some(func) = self.module.func(func) {
                    named_in_code(func, &mut f);
                }
            }
            Node::Data(data) => named_in_data(&self.module.datas[data as usize], &mut f),
            Node::Global(global) => named_in_data(&self.module.globals[global as usize].init, &mut f),
        }
    }
}

fn named_in_data(data: &Data, f: &mut impl FnMut(Node, Option<Loc>)) {
    for reloc in &data.relocs {
        match reloc.target {
            RelocTarget::Func(func) | RelocTarget::CFunc(func) => f(Node::Func(func), None),
            RelocTarget::Data(data) => f(Node::Data(data.0), None),
            RelocTarget::Global(global) => f(Node::Global(global.0), None),
            RelocTarget::Extern(_) => {}
        }
    }
}

fn named_in_code(func: &Func, f: &mut impl FnMut(Node, Option<Loc>)) {
    for (inst, loc) in func.code.iter().zip(&func.code_locs) {
        let at = || {
            let place = func.locs[loc.index()];
            Some(Loc::new(FileId(place.file), Span::at(place.offset)))
        };
        match *inst {
            Inst::Call { callee: Callee::Func(target), .. }
            | Inst::FuncAddr { func: target, .. }
            | Inst::CFuncAddr { func: target, .. } => f(Node::Func(target), at()),
            _ => inst.addrs(|addr| match addr.base {
                Base::Data(data) => f(Node::Data(data.0), at()),
                Base::Global(global) => f(Node::Global(global.0), at()),
                Base::Reg(_) | Base::Slot(_) => {}
            }),
        }
    }
}
