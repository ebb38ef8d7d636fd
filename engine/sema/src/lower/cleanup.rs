//! Leaving blocks: deferred statements on every way out.
//!
//! A way out (`return`, an error, `break`, `continue`) jumps to a block that waits at the innermost scope with
//! something to run. When that scope is closed, its cleanup is lowered from the last to the first: small bodies
//! once for each way out, larger ones once for all, with a register that says where to go on. So the code
//! stays linear in the source.

use super::value::Value;
use super::{Lower, ResultIn};
use crate::thir::{E, LocalId, LoopId};
use smallvec::SmallVec;
use sx_ir::{BlockId, Inst, Operand, Reg, Term, Ty};

/// A way out of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    Return,
    Error,
    /// Of the loop at this position of the stack.
    Break(usize),
    Continue(usize),
}

#[derive(Clone, Copy, Debug)]
enum Cleanup<'b> {
    Defer(E<'b>),
    OnFail(Option<LocalId>, E<'b>),
}

impl<'b> Cleanup<'b> {
    /// Whether it runs on a way out; none is the block's end.
    fn runs(self, exit: Option<Exit>) -> bool {
        match self {
            Cleanup::Defer(_) => true,
            Cleanup::OnFail(..) => exit == Some(Exit::Error),
        }
    }
    fn body(self) -> E<'b> {
        match self {
            Cleanup::Defer(body) | Cleanup::OnFail(_, body) => body,
        }
    }
}

/// Waits for a scope's first `depth` cleanups to run.
#[derive(Clone, Copy, Debug)]
struct Pending {
    depth: usize,
    exit: Exit,
    block: BlockId,
}

/// A block of the source.
#[derive(Debug, Default)]
pub(super) struct Scope<'b> {
    cleanups: Vec<Cleanup<'b>>,
    /// By depth.
    pending: Vec<Pending>,
}

/// A loop that is being lowered.
#[derive(Debug)]
pub(super) struct Loop {
    pub id: LoopId,
    /// How many scopes are around it.
    pub scopes: usize,
    pub exit: BlockId,
    pub next: BlockId,
}

impl<'b> Lower<'_, 'b> {
    pub(super) fn open_scope(&mut self) {
        self.scopes.push(Scope::default());
    }
    /// True if the innermost scope has nothing to run at its end.
    pub(super) fn scope_is_clean(&self) -> bool {
        self.scopes.last().is_none_or(|scope| scope.cleanups.is_empty())
    }
    pub(super) fn defer(&mut self, body: E<'b>) {
        self.scopes.last_mut().expect("statements are in a block").cleanups.push(Cleanup::Defer(body));
    }
    pub(super) fn on_fail(&mut self, binding: Option<LocalId>, body: E<'b>) {
        let scope = self.scopes.last_mut().expect("statements are in a block");
        scope.cleanups.push(Cleanup::OnFail(binding, body));
    }

    /// The innermost cleanup that runs on a way out from the first `depth` cleanups of scope `scope`: its
    /// scope and how many are to run there.
    fn next_cleanup(&self, scope: usize, depth: usize, exit: Exit) -> Option<(usize, usize)> {
        let bottom = match exit {
            Exit::Return | Exit::Error => 0,
            Exit::Break(at) | Exit::Continue(at) => self.loops[at].scopes,
        };
        let mut depth = Some(depth);
        for at in (bottom..=scope).rev() {
            let cleanups = &self.scopes[at].cleanups;
            let count = depth.take().unwrap_or(cleanups.len());
            if let Some(i) = cleanups[..count].iter().rposition(|cleanup| cleanup.runs(Some(exit))) {
                return Some((at, i + 1));
            }
        }
        None
    }
    /// True if something runs before a way out is done.
    pub(super) fn has_cleanup(&self, exit: Exit) -> bool {
        let Some(innermost) = self.scopes.len().checked_sub(1) else { return false };
        let count = self.scopes[innermost].cleanups.len();
        self.next_cleanup(innermost, count, exit).is_some()
    }
    /// Takes a way out from here. What it carries is in the function's registers for it.
    pub(super) fn leave(&mut self, exit: Exit) {
        match self.scopes.len().checked_sub(1) {
            Some(innermost) => self.leave_from(innermost, self.scopes[innermost].cleanups.len(), exit),
            None => self.finish_exit(exit),
        }
    }
    fn leave_from(&mut self, scope: usize, depth: usize, exit: Exit) {
        if self.dead() {
            return;
        }
        let Some((scope, depth)) = self.next_cleanup(scope, depth, exit) else {
            return self.finish_exit(exit);
        };
        let pending = &self.scopes[scope].pending;
        let end = pending.partition_point(|pending| pending.depth <= depth);
        let same = pending[..end].iter().rev().take_while(|pending| pending.depth == depth);
        let known = same.clone().find(|pending| pending.exit == exit).map(|pending| pending.block);
        let block = known.unwrap_or_else(|| {
            let block = self.block();
            self.scopes[scope].pending.insert(end, Pending { depth, exit, block });
            block
        });
        self.jump(block);
    }
    /// All cleanup has run.
    fn finish_exit(&mut self, exit: Exit) {
        match exit {
            Exit::Break(at) => self.jump(self.loops[at].exit),
            Exit::Continue(at) => self.jump(self.loops[at].next),
            Exit::Return => {
                let ops: SmallVec<[Operand; 4]> = match &self.returns.result {
                    ResultIn::Regs(_) => self.return_vars().iter().map(|&reg| reg.into()).collect(),
                    ResultIn::Memory(_) => SmallVec::new(),
                };
                self.return_ops(&ops);
            }
            Exit::Error => {
                let tag = self.error_var();
                self.return_error(tag.into());
            }
        }
    }
    /// The registers in which a returned value waits.
    pub(super) fn return_vars(&mut self) -> SmallVec<[Reg; 4]> {
        if let Some(vars) = &self.returns.vars {
            return vars.clone();
        }
        let vars: SmallVec<[Reg; 4]> = match &self.returns.result {
            ResultIn::Regs(leaves) => leaves.iter().map(|leaf| self.b.var(leaf.ty)).collect(),
            ResultIn::Memory(_) => SmallVec::new(),
        };
        self.returns.vars = Some(vars.clone());
        vars
    }
    /// The register in which an error waits.
    pub(super) fn error_var(&mut self) -> Reg {
        match self.returns.error {
            Some(var) => var,
            None => {
                let var = self.b.var(Ty::I32);
                self.returns.error = Some(var);
                var
            }
        }
    }

    /// Ends the innermost scope: its cleanup runs here, and on every way out that waits for it.
    pub(super) fn close_scope(&mut self) {
        let at = self.scopes.len() - 1;
        for i in (0..self.scopes[at].cleanups.len()).rev() {
            let cleanup = self.scopes[at].cleanups[i];
            let pending = &mut self.scopes[at].pending;
            let first = pending.partition_point(|pending| pending.depth <= i);
            let waiting: SmallVec<[Pending; 2]> = pending.drain(first..).collect();
            let falls = !self.dead() && cleanup.runs(None);
            let ways = waiting.len() + falls as usize;
            if ways > 1 && !self.is_small(cleanup.body()) {
                self.shared_cleanup(at, i, cleanup, &waiting, falls);
                continue;
            }
            if falls {
                self.run(cleanup, None);
            }
            let end = self.spot();
            let open = !self.dead();
            if waiting.is_empty() {
                continue;
            }
            for pending in waiting {
                self.enter_aside(pending.block);
                self.run(cleanup, Some(pending.exit));
                self.leave_from(at, i, pending.exit);
            }
            if open {
                self.back_to(end);
            }
        }
        debug_assert!(self.scopes[at].pending.is_empty(), "every way out has been lowered");
        self.scopes.pop();
    }
    fn run(&mut self, cleanup: Cleanup<'b>, exit: Option<Exit>) {
        match cleanup {
            Cleanup::OnFail(Some(binding), _) => {
                debug_assert_eq!(exit, Some(Exit::Error), "onfail runs on errors only");
                let error = self.error_var();
                let value = self.stable(error.into());
                self.bind(binding, &Value::Regs(smallvec::smallvec![value]));
            }
            Cleanup::OnFail(None, _) | Cleanup::Defer(_) => {}
        }
        self.effect(cleanup.body());
    }
    /// Lowers a cleanup once for several ways through it.
    fn shared_cleanup(
        &mut self,
        at: usize,
        i: usize,
        cleanup: Cleanup<'b>,
        waiting: &[Pending],
        falls: bool,
    ) {
        let way = self.b.var(Ty::I32);
        let shared = self.block();
        if falls {
            self.choose(way, waiting.len(), shared);
        }
        let spot = (!falls && !self.dead()).then(|| self.spot());
        for (k, pending) in waiting.iter().enumerate() {
            self.enter_aside(pending.block);
            self.choose(way, k, shared);
        }
        self.enter_aside(shared);
        let exit = waiting.first().map(|pending| pending.exit);
        self.run(cleanup, exit);
        let targets: SmallVec<[BlockId; 4]> = (0..waiting.len()).map(|_| self.block()).collect();
        let goes_on = self.block();
        let (&last, others) = targets.split_last().expect("a shared cleanup has ways out");
        let (default, listed) = if falls { (goes_on, &targets[..]) } else { (last, others) };
        let cases = listed.iter().enumerate().map(|(k, &block)| (k as u64, block)).collect();
        self.terminate(Term::Switch { ty: Ty::I32, val: way.into(), cases, default });
        for (pending, &block) in waiting.iter().zip(&targets) {
            self.enter(block);
            self.leave_from(at, i, pending.exit);
        }
        match spot {
            Some(spot) => self.back_to(spot),
            None if falls => self.enter(goes_on),
            None => {}
        }
    }
    fn choose(&mut self, way: Reg, k: usize, shared: BlockId) {
        let k = self.b.constant(Ty::I32, k as u64);
        self.b.push(Inst::Copy { dst: way, src: k });
        self.jump(shared);
    }
}
