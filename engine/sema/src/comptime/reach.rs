//! What the program itself can reach: none of it may be a function of the compiler.

use super::api::Api;
use crate::sema::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sx_ir::{FuncId, Named};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

/// So many calls on the way are shown.
const MAX_SHOWN: usize = 6;

/// How nodes were found: from which, and where.
type Found = FxHashMap<Named, Option<(Named, Option<Loc>)>>;

impl Sema {
    /// Remembers that the program begins here, or can be entered from outside.
    pub(crate) fn add_root(&mut self, func: FuncId) {
        self.roots.insert(func);
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
        let mut todo: Vec<Named> = Vec::new();
        let mut hits = Vec::new();
        for &root in &self.roots {
            found.insert(Named::Func(root), None);
            todo.push(Named::Func(root));
        }
        while let Some(node) = todo.pop() {
            if let Named::Func(func) = node
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
        let mut node = Named::Func(func);
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

    fn each_named(&self, node: Named, mut f: impl FnMut(Named, Option<Loc>)) {
        // Whether C or the program calls a function makes no difference here.
        let mut tell = |named, loc| match named {
            Named::CFunc(func) => f(Named::Func(func), loc),
            named => f(named, loc),
        };
        let Named::Func(func) = node else { return self.module.each_named(node, |named| tell(named, None)) };
        let Some(func) = self.module.func(func) else { return };
        func.each_named(|named, loc| {
            let place = func.locs[loc.index()];
            tell(named, Some(Loc::new(FileId(place.file), Span::at(place.offset))));
        });
    }
}
