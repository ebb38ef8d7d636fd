//! Going on after errors, when they lie in files that nothing will ask for again: a prompt's inputs that were refused.

use crate::sema::*;
use sx_syntax::ast::Expr;
use sx_syntax::diag::Severity;
use sx_syntax::span::FileId;

/// How far a compilation was.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    files: usize,
    impls: usize,
    runs: u64,
    errors: usize,
    kept: usize,
    set_checks: usize,
}

impl Sema {
    /// How far the compilation is: before files are added that may be wrong.
    pub fn mark(&self) -> Mark {
        Mark {
            files: self.files.len(),
            impls: self.impls.len(),
            runs: self.making.runs,
            errors: self.errors,
            kept: self.diagnostics.len(),
            set_checks: self.set_checks.len(),
        }
    }

    /// Takes back the errors since a mark, if all that is wrong lies in files that were added since, and if these leave
    /// nothing that others could come upon without an import: no impls, no functions behind a dot, no effects of code that
    /// ran. Otherwise false: the compilation is of no use any more.
    pub fn forget_errors(&mut self, mark: &Mark) -> bool {
        let is_new = |file: FileId| file.0 as usize >= mark.files;
        let found = self.diagnostics.get(mark.kept..).unwrap_or(&[]);
        let wrong = found.iter().filter(|d| d.severity == Severity::Error);
        // Those beyond the limit aren't there to be looked at. Unknown symbols are there, and aren't counted.
        let all_kept = self.errors - mark.errors <= wrong.clone().count();
        let apart = mark.errors == 0 && all_kept && wrong.clone().all(|d| is_new(d.loc.file));
        let traceless = self.impls.len() == mark.impls
            && self.making.runs == mark.runs
            && self.world.is_none()
            && !self.told_depth
            && self.files[mark.files..].iter().all(|file| !declares_ufcs(file));
        if !apart || !traceless {
            return false;
        }
        self.diagnostics.truncate(mark.kept);
        self.set_checks.truncate(mark.set_checks);
        self.errors = 0;
        true
    }
}

fn declares_ufcs(file: &FileScope) -> bool {
    let ast = &file.file.ast;
    ast.exprs.iter().any(|expr| match *expr {
        Expr::Func(func) => ast.get(func).ufcs,
        Expr::UfcsAlias(_) => true,
        _ => false,
    })
}
