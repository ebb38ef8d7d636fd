//! The files of a session, shared by its compilations.

use crate::sema::{LoadError, Loaded, Loader};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use sx_syntax::source::File;

/// An importer's path and what it asks for.
type Request = (Box<str>, Box<str>);

/// What was loaded so far, and where more comes from.
struct Files {
    source: Box<dyn Loader + Send>,
    /// The paths that were found.
    requests: FxHashMap<Request, Vec<Arc<str>>>,
    by_path: FxHashMap<Arc<str>, Arc<File>>,
}

/// A loader that asks for each file once.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Files>>);

impl Shared {
    pub fn new(source: Box<dyn Loader + Send>) -> Shared {
        let (requests, by_path) = (FxHashMap::default(), FxHashMap::default());
        Shared(Arc::new(Mutex::new(Files { source, requests, by_path })))
    }
    /// A file that was loaded, whether or not the program has it now.
    pub fn get(&self, path: &str) -> Option<Arc<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_path.get(path).cloned()
    }
    /// Puts a file in place of the one with this path.
    pub fn set(&self, path: Arc<str>, file: Arc<File>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_path.insert(path, file);
    }
}

impl Loader for Shared {
    fn load(&mut self, importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        let files = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (importer.into(), request.into());
        if let Some(paths) = files.requests.get(&key) {
            let known = |path: &Arc<str>| Loaded { path: path.clone(), file: files.by_path[path].clone() };
            return Ok(paths.iter().map(known).collect());
        }
        let mut loaded = files.source.load(importer, request)?;
        for one in &mut loaded {
            one.file = files.by_path.entry(one.path.clone()).or_insert_with(|| one.file.clone()).clone();
        }
        files.requests.insert(key, loaded.iter().map(|one| one.path.clone()).collect());
        Ok(loaded)
    }
}
