//! Expressions of the target's program that run on this machine.

use super::super::keep::Refusal;
use super::{Crossing, Side};
use crate::check::{Cx, Entry, Lit};
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::{E, LocalKind};
use crate::types::TypeId;
use crate::value::CVal;
use rustc_hash::FxHashSet;
use sx_syntax::ast::ExprId;
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

/// A name of a body, seen from an expression that doesn't run in it: only its type counts.
enum Seen {
    Local(TypeId),
    Decl(DeclId),
    Pack(Vec<TypeId>),
}

/// An expression and where it stands.
struct Place {
    file: FileId,
    scope: ScopeId,
    names: Vec<(Sym, Seen)>,
    expr: ExprId,
    expected: Option<TypeId>,
    span: Span,
}

impl<'b> Cx<'_, '_, 'b> {
    /// What an expression gives on the machine that compiles; none after a report.
    pub(crate) fn run_on_host(
        &mut self,
        expr: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<(TypeId, CVal)> {
        let names = self.names_seen();
        let place = Place { file: self.file, scope: self.scope, names, expr, expected, span };
        let result = self.s.run_on_host(place);
        if result.is_none() {
            self.s.fault();
        }
        result
    }

    /// As above, for an expression that was checked here.
    pub(crate) fn run_checked_on_host(&mut self, e: E<'b>) -> Option<CVal> {
        let spans = &self.ast.expr_spans;
        // Of expressions at one place the outermost was entered last.
        let at = spans.iter().rposition(|span| *span == e.loc.span).filter(|_| e.loc.file == self.file);
        let Some(at) = at else {
            self.refuse_run(e.loc, "it stands where the machine that compiles can't see it".to_string());
            return None;
        };
        let (_, value) = self.run_on_host(ExprId(at as u32), Some(e.ty), e.loc.span)?;
        Some(value)
    }

    fn refuse_run(&mut self, loc: Loc, why: Refusal) {
        self.s.refuse_crossing(loc, "this can't run here for another machine's program", why);
    }

    /// The names of the body around, innermost first.
    fn names_seen(&self) -> Vec<(Sym, Seen)> {
        let mut names = Vec::new();
        let mut told = FxHashSet::default();
        let mut at = Some(&self.f);
        while let Some(f) = at {
            let ty = |local: &crate::thir::LocalId| f.locals[local.0 as usize].ty;
            for (sym, entry) in f.entries.iter().rev().chain(f.captured.iter().rev()) {
                if told.insert(*sym) {
                    let seen = match entry {
                        Entry::Local(local) => Seen::Local(ty(local)),
                        Entry::Decl(decl) => Seen::Decl(*decl),
                        Entry::Pack(locals) => Seen::Pack(locals.iter().map(ty).collect()),
                    };
                    names.push((*sym, seen));
                }
            }
            at = f.parent.as_deref();
        }
        names
    }
}

impl Sema {
    fn refuse_crossing(&mut self, loc: Loc, message: &str, why: Refusal) {
        self.report(Diagnostic::error(Code::E0708, loc, message).note(why));
    }

    fn run_on_host(&mut self, place: Place) -> Option<(TypeId, CVal)> {
        let loc = Loc::new(place.file, place.span);
        let there = match Crossing::new(self, Side::Target).place(place) {
            Ok(place) => place,
            Err(why) => {
                self.show_host();
                self.refuse_crossing(loc, "this can't run here for another machine's program", why);
                return None;
            }
        };
        let (end, stacks, faulty) = (self.stack_end, self.more_stacks, self.faults > 0);
        let host = self.running();
        (host.stack_end, host.more_stacks) = (end, stacks);
        let result = host.apart(|host| {
            if faulty {
                // It is checked, and not run, as if the error were told there.
                host.fault();
            }
            host.run_for_target(there)
        });
        self.show_host();
        let (ty, value) = result?;
        let mut crossing = Crossing::new(self, Side::Host);
        let crossed = crossing.ty(ty).and_then(|to| Ok((to, crossing.value(ty, &value)?)));
        crossing.share_files();
        let name = self.running().type_name(ty);
        self.show_host();
        match crossed {
            Ok(result) => Some(result),
            Err(why) => {
                let message =
                    format!("a value of type `{name}` can't be taken into another machine's program");
                self.refuse_crossing(loc, &message, why);
                None
            }
        }
    }

    /// What was found in code that runs is told with the rest.
    fn show_host(&mut self) {
        Crossing::new(self, Side::Host).share_files();
        let found = std::mem::take(&mut self.running().diagnostics);
        found.into_iter().for_each(|d| self.apart(|s| s.report(d)));
    }

    fn run_for_target(&mut self, place: Place) -> Option<(TypeId, CVal)> {
        let Place { file, scope, names, expr, expected, span } = place;
        self.with_static(file, scope, |cx| {
            for (sym, seen) in names.into_iter().rev() {
                let mut local = |ty| cx.new_local(sym, ty, LocalKind::Value, span);
                let entry = match seen {
                    Seen::Local(ty) => Entry::Local(local(ty)),
                    Seen::Decl(decl) => Entry::Decl(decl),
                    Seen::Pack(types) => Entry::Pack(types.into_iter().map(local).collect()),
                };
                cx.f.entries.push((sym, entry));
            }
            let val = cx.check_run(expr, expected, span);
            let value = match val.lit {
                _ if val.ty == TypeId::ERROR => return None,
                Lit::Int(n) => CVal::Int(n),
                Lit::Float(x) => CVal::float(x),
                Lit::Null => CVal::Zero,
                Lit::None => cx.fold(val.e)?,
            };
            Some((val.ty, value))
        })
    }
}

impl Crossing<'_> {
    fn place(&mut self, place: Place) -> Result<Place, Refusal> {
        let (file, scope) = (self.file(place.file)?, self.scope(place.scope)?);
        let mut names = Vec::with_capacity(place.names.len());
        for (sym, seen) in place.names {
            let seen = match seen {
                Seen::Local(ty) => self.ty(ty).map(Seen::Local),
                Seen::Decl(decl) => self.decl(decl).map(Seen::Decl),
                Seen::Pack(types) => {
                    types.into_iter().map(|ty| self.ty(ty)).collect::<Result<_, _>>().map(Seen::Pack)
                }
            };
            names.push((self.sym(sym), seen?));
        }
        let expected = place.expected.map(|ty| self.ty(ty)).transpose()?;
        Ok(Place { file, scope, names, expected, ..place })
    }
}
