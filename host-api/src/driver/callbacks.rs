//! Which functions C may call back at compile time. Code that C has called can't wait for the checker, so everything that
//! a C function pointer leads to is made before the code runs that takes the pointer. Since functions may travel as values
//! to what C calls, everything that running code names is made as well from then on.

use std::collections::HashSet;
use sx_ir::{FuncId, Module, Named};
use sx_vm::Program;

/// What has been looked at so far.
#[derive(Default)]
pub(super) struct Callbacks {
    /// Code and data that runs: searched for C function pointers.
    searched: HashSet<Named>,
    /// The functions behind those pointers.
    pointers: HashSet<FuncId>,
    /// Functions that what was searched names.
    named: HashSet<FuncId>,
    /// A C function pointer was found.
    calls_back: bool,
    /// What C may come to, as far as it has code.
    reached: HashSet<Named>,
    /// To be looked at again: without code when they were reached, or with other code since.
    lacking: HashSet<FuncId>,
    /// The checker was asked for these once; what it doesn't know then has no code.
    asked: HashSet<FuncId>,
}

impl Callbacks {
    /// Compiles what C may call back once `func` runs; gives the functions that the checker must provide before.
    ///
    /// # Errors
    /// A function that is too large, or that C can't get because the checker doesn't know it yet.
    pub fn prepare(
        &mut self,
        program: &Program,
        module: &Module,
        func: FuncId,
    ) -> Result<Vec<FuncId>, String> {
        let mut todo = self.search(module, func);
        self.calls_back |= !todo.is_empty();
        if !self.calls_back {
            return Ok(Vec::new());
        }
        todo.extend(self.named.drain().map(Named::Func));
        todo.extend(self.lacking.drain().map(Named::Func));
        let mut wanted = Vec::new();
        while let Some(node) = todo.pop() {
            if self.reached.contains(&node) {
                continue;
            }
            if let Named::Func(func) = node {
                if module.func(func).is_none() {
                    self.lacking.insert(func);
                    if self.asked.insert(func) {
                        wanted.push(func);
                    } else if self.pointers.contains(&func) && !wanted.contains(&func) {
                        return Err("a function that is still being checked can't be handed to C".into());
                    }
                    continue;
                }
                program.compile(module, func).map_err(|error| error.to_string())?;
            }
            self.reached.insert(node);
            module.each_named(node, |named| todo.push(plain(named)));
        }
        Ok(wanted)
    }
    /// The function has another body than before.
    pub fn replaced(&mut self, func: FuncId) {
        self.searched.remove(&Named::Func(func));
        if self.reached.remove(&Named::Func(func)) {
            self.lacking.insert(func);
        }
    }
    /// The functions whose C function pointers code or its data takes.
    fn search(&mut self, module: &Module, func: FuncId) -> Vec<Named> {
        let mut found = Vec::new();
        let mut todo = vec![Named::Func(func)];
        while let Some(node) = todo.pop() {
            if !self.searched.insert(node) {
                continue;
            }
            module.each_named(node, |named| match named {
                Named::CFunc(func) => {
                    self.pointers.insert(func);
                    found.push(plain(named));
                }
                Named::Data(_) | Named::Global(_) => todo.push(named),
                Named::Func(func) => {
                    self.named.insert(func);
                }
            });
        }
        found
    }
}

/// A C function pointer leads to the function.
fn plain(named: Named) -> Named {
    match named {
        Named::CFunc(func) => Named::Func(func),
        named => named,
    }
}
