//! Programs that are checked again whenever one of their files changes.

use crate::diagnostic::Diagnostic;
use crate::driver;
use crate::engine::Engine;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use sx_sema::incremental::Session;

/// When a file was written last, and its length; none while it isn't there.
type Stamp = Option<(SystemTime, u64)>;

/// A program on disk under edit: after a change only what the change reaches is checked again.
///
/// ```no_run
/// let engine = sx::Engine::builder().file_imports(true).build();
/// let mut workspace = engine.open_workspace("main.sx")?;
/// loop {
///     for diagnostic in workspace.diagnostics() {
///         eprintln!("{}", diagnostic.render());
///     }
///     while !workspace.update() {
///         std::thread::sleep(std::time::Duration::from_millis(100));
///     }
/// }
/// # Ok::<(), sx::Error>(())
/// ```
pub struct Workspace {
    session: Session,
    stamps: HashMap<PathBuf, Stamp>,
}

impl Engine {
    /// Checks a file and the files that it imports, as [`Engine::check_file`] does, and stays ready to do so again. What
    /// compile-time code prints isn't shown, and the symbols of `extern` declarations aren't looked for.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file can't be read.
    pub fn open_workspace(&self, path: impl AsRef<Path>) -> Result<Workspace> {
        let session = driver::stack::enough(|| driver::session(&self.inner, path.as_ref()));
        let session = session.map_err(|error| Error::io(error.message))?;
        let mut workspace = Workspace { session, stamps: HashMap::new() };
        workspace.note_files();
        Ok(workspace)
    }
}

impl Workspace {
    /// What the compiler has to say now, in the order in which it is shown.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let (diagnostics, sources) = self.session.diagnostics();
        let sources = Arc::new(sources);
        diagnostics.into_iter().map(|d| Diagnostic::new(d, sources.clone())).collect()
    }

    /// Looks whether files have changed, and checks what that reaches; false if none have. A file that can't be read stays
    /// what it was.
    pub fn update(&mut self) -> bool {
        driver::stack::enough(|| self.update_here())
    }
    fn update_here(&mut self) -> bool {
        let mut changed = false;
        let known: Vec<PathBuf> = self.stamps.keys().cloned().collect();
        for path in known {
            let now = stamp(&path);
            if now.is_none() || self.stamps.get(&path) == Some(&now) {
                continue;
            }
            let key = path.to_string_lossy().into_owned();
            let (Ok(bytes), Some(shown)) = (std::fs::read(&path), self.session.path_shown(&key)) else {
                continue;
            };
            self.stamps.insert(path, now);
            self.session.set_file(&key, sx_syntax::parse_bytes(shown, &bytes));
            changed = true;
        }
        if changed {
            self.note_files();
        }
        changed
    }

    /// How many bodies of functions have been checked since the workspace was opened.
    pub fn checked_bodies(&self) -> u64 {
        self.session.checked_bodies()
    }

    /// Files that an edit has brought in are looked at from now on.
    fn note_files(&mut self) {
        for path in self.session.paths() {
            let path = PathBuf::from(&*path);
            if path.is_absolute() && !self.stamps.contains_key(&path) {
                let now = stamp(&path);
                self.stamps.insert(path, now);
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
