//! Running expressions on the compile-time machine.

use crate::check::Cx;
use crate::sema::*;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use crate::visit::{any_below, locals_within};
use rustc_hash::FxHashSet;
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

impl<'b> Cx<'_, '_, 'b> {
    /// Runs an expression on the compile-time machine.
    pub(crate) fn evaluate(&mut self, e: E<'b>) -> Option<CVal> {
        match self.fold(e) {
            Some(value) => Some(value),
            None => self.run(e),
        }
    }

    /// Runs an expression that can't be read off.
    pub(crate) fn run(&mut self, e: E<'b>) -> Option<CVal> {
        if self.s.world.is_some() {
            return self.run_checked_on_host(e);
        }
        self.s.begin_run();
        let value = self.run_lowered(e);
        self.s.end_run();
        value
    }

    fn run_lowered(&mut self, e: E<'b>) -> Option<CVal> {
        if self.s.faults > 0 && (self.s.has_errors() || self.s.traces.is_some()) {
            // The error is in what would be run, or beside it.
            return None;
        }
        let span = e.loc.span;
        if let TypeKind::Failable { .. } = self.kind(e.ty) {
            self.unhandled(span);
            return None;
        }
        let own = locals_within(e);
        if any_below(e, &mut |e| matches!(e.kind, Kind::Local(local) if !own.contains(&local))) {
            let d = Diagnostic::error(Code::E0701, e.loc, "a run-time variable isn't known at compile time");
            self.report(d);
            return None;
        }
        let (root, ret) = if e.ty == TypeId::VOID {
            (e, TypeId::VOID)
        } else {
            let data = self.s.freeze_data(e.ty, &CVal::Zero);
            let size = self.s.types.layout(e.ty).size;
            let global = sx_ir::Global { name: "#run".to_string(), size, init: data };
            let global = self.s.module.add_global(global);
            self.s.making.results.insert(global);
            let place = self.mk(e.ty, span, Kind::Global(global));
            let (targets, values) = (self.slice_of(vec![Some(place)]), self.slice_of(vec![e]));
            let ptr = self.s.types.ptr(e.ty);
            let address = self.mk(ptr, span, Kind::AddrOf(place));
            let stmts = self.slice_of(vec![Stmt::Assign { targets, values }]);
            (self.mk(ptr, span, Kind::Block { stmts, tail: Some(address) }), ptr)
        };
        let func = self.s.module.reserve_func();
        let body = Body {
            func,
            name: "#run".into(),
            sig: FnSig { params: Vec::new(), ret, conv: Conv::Sx },
            inline: false,
            locals: self.f.locals.clone(),
            params: Vec::new(),
            captures: Vec::new(),
            root,
            loc: e.loc,
        };
        if !self.s.lower_now(&body) {
            return None;
        }
        self.s.run_comptime(func, e.ty, e.loc)
    }
}

impl Sema {
    /// Runs a lowered function that returns the address of its result, and reads that.
    fn run_comptime(&mut self, func: sx_ir::FuncId, ty: TypeId, loc: Loc) -> Option<CVal> {
        self.refresh_any_users();
        if self.comptime.is_none() {
            self.report(Diagnostic::error(Code::E0701, loc, "this build can't run code at compile time"));
            return None;
        }
        self.making.runs += 1;
        let outer = std::mem::replace(&mut self.making.at, loc);
        let value = self.run_to_end(func, ty, loc);
        self.making.at = outer;
        value
    }

    /// Runs a function, and answers what it asks of the compiler on its way.
    fn run_to_end(&mut self, func: sx_ir::FuncId, ty: TypeId, loc: Loc) -> Option<CVal> {
        let rets = usize::from(ty != TypeId::VOID);
        let mut outcome = self.machine(|comptime, module| comptime.start(module, func, &[], rets));
        let mut refused = None;
        let result = loop {
            match outcome {
                ComptimeOutcome::Done(regs) => break Some(regs),
                ComptimeOutcome::Trap(message, places) => {
                    self.report_trap(message, &places, refused, loc);
                    break None;
                }
                ComptimeOutcome::Need(needed) => {
                    if let Some(api) = self.api_of(needed) {
                        let Some(mut comptime) = self.comptime.take() else { break None };
                        let answer = self.serve(api, &mut *comptime);
                        comptime.prepare(self);
                        refused = answer.is_err().then(|| api.refusal());
                        outcome = comptime.answer(&self.module, answer);
                        self.comptime = Some(comptime);
                        continue;
                    }
                    if let Some(&inst) = self.func_insts.get(&needed) {
                        self.provide(inst, needed);
                        self.refresh_any_users();
                    }
                    if self.is_faulty(&[needed]) {
                        break None;
                    }
                    if self.module.func(needed).is_none() {
                        let message = "code that is being checked can't run yet";
                        self.report(Diagnostic::error(Code::E0106, loc, message));
                        self.machine(|comptime, _| comptime.abandon());
                        break None;
                    }
                    outcome = self.machine(|comptime, module| comptime.resume(module));
                }
                ComptimeOutcome::Provide(funcs) => {
                    for &func in &funcs {
                        if let Some(&inst) = self.func_insts.get(&func) {
                            self.provide(inst, func);
                        }
                    }
                    self.refresh_any_users();
                    if self.is_faulty(&funcs) {
                        break None;
                    }
                    outcome = self.machine(|comptime, module| comptime.resume(module));
                }
            }
        };
        match result {
            Some(regs) if ty != TypeId::VOID => {
                let mut comptime = self.comptime.take()?;
                let value = self.result(&mut *comptime, ty, regs.first().copied().unwrap_or(0));
                self.comptime = Some(comptime);
                if let Err(why) = &value {
                    let message =
                        format!("a value of type `{}` can't be kept from compile time", self.type_name(ty));
                    self.report(Diagnostic::error(Code::E0704, loc, message).note(why.clone()));
                }
                value.ok()
            }
            Some(_) => Some(CVal::Zero),
            None => None,
        }
    }

    /// Ends a run quietly that needs one of these functions, in which there is an error that was told.
    fn is_faulty(&mut self, funcs: &[sx_ir::FuncId]) -> bool {
        let busy = |&inst: &InstId| self.inst(inst).state == InstState::Busy;
        let checked = |func| !self.func_insts.get(func).is_some_and(busy);
        let faulty = self.has_errors() && funcs.iter().any(|f| self.module.func(*f).is_none() && checked(f));
        if faulty {
            self.fault();
            self.machine(|comptime, _| comptime.abandon());
        }
        faulty
    }

    /// The value of a type that a run has left at an address.
    fn result(&mut self, from: &mut (dyn Comptime + Send), ty: TypeId, at: u64) -> Result<CVal, String> {
        if self.reaches_memory(ty) {
            return self.keep(from, ty, at);
        }
        let size = self.types.layout(ty).size as usize;
        let bytes = from.read(at, size).ok_or("it can't be read")?;
        self.thaw(from, ty, &bytes, 0).ok_or_else(|| "part of it is no value of its type".to_string())
    }

    /// Before code runs: what tells apart what an `Any` holds knows all that was put into one so far. Nothing else is checked
    /// that isn't called, since it may need the constant that the run is for.
    fn refresh_any_users(&mut self) {
        while self.recheck_any_users() {}
    }

    /// Uses the machine, which is there.
    fn machine<R>(&mut self, work: impl FnOnce(&mut (dyn Comptime + Send), &sx_ir::Module) -> R) -> R {
        let mut comptime = self.comptime.take().expect("asked for when the run began");
        comptime.prepare(self);
        let replaced = std::mem::take(&mut self.erased.for_machine);
        if !replaced.is_empty() {
            comptime.replace(&self.module, &replaced);
        }
        let result = work(&mut *comptime, &self.module);
        self.comptime = Some(comptime);
        result
    }

    fn report_trap(&mut self, message: String, places: &[(u32, u32)], refused: Option<Code>, loc: Loc) {
        let mut d = match refused {
            // What the compiler refuses is the fault of whoever called the library.
            Some(code) => Diagnostic::error(code, loc, message),
            None => Diagnostic::error(Code::E0703, loc, format!("at compile time: {message}")),
        };
        let places: Vec<Loc> = places
            .iter()
            .map(|&(file, offset)| Loc::new(FileId(file), Span::at(offset)))
            // For the expression itself there is the report's own place.
            .filter(|at| refused.is_none() || at.file != loc.file || at.span.lo != loc.span.lo)
            .collect();
        let library = if refused.is_some() {
            places.iter().take_while(|loc| self.is_library(loc.file)).count()
        } else {
            0
        };
        let mut shown = FxHashSet::default();
        for (depth, &place) in places.iter().skip(library).take(8).enumerate() {
            // Calls that lead back to where they began are the same places again.
            if shown.insert(place) {
                let what = if depth == 0 && refused.is_none() { "it happened here" } else { "called here" };
                d = d.also(place, what);
            }
        }
        self.report(d);
    }
}
