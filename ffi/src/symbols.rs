//! From names to addresses.

use crate::error::LookupError;
use crate::search;
use libloading::os::unix::Library;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ffi::{OsStr, c_void};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// The libraries of an engine and the symbols found in them.
///
/// libc is predeclared: the process itself, then `libc.so.6` and `libm.so.6`. A library once opened stays for the
/// life of the process: its addresses may be in the hands of C code that nobody here knows of.
#[derive(Default)]
pub struct Symbols {
    folders: Vec<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    libraries: HashMap<Option<String>, Opened>,
    /// Addresses, which are never dereferenced here.
    symbols: HashMap<(Option<String>, String), usize>,
}

/// The files behind one library name, or why there is none.
type Opened = Result<Vec<(String, Kept)>, String>;

/// A library that is never closed.
type Kept = ManuallyDrop<Library>;

impl Symbols {
    /// Nothing opened yet.
    pub fn new() -> Symbols {
        Symbols::default()
    }
    /// Nothing opened yet; libraries are looked for in these folders first.
    pub fn with_folders(folders: Vec<PathBuf>) -> Symbols {
        Symbols { folders, state: Mutex::default() }
    }
    /// The address of a symbol. `library` is the name as declared (`m`, a file name or a path), none is libc.
    ///
    /// # Errors
    /// When the library can't be opened or doesn't have the symbol; the error names the files searched.
    pub fn lookup(&self, library: Option<&str>, symbol: &str) -> Result<*const c_void, LookupError> {
        let library = library.filter(|&name| name != "c" && name != "libc").map(str::to_owned);
        let mut state = self.state.lock();
        let key = (library, symbol.to_owned());
        if let Some(&address) = state.symbols.get(&key) {
            return Ok(address as *const c_void);
        }
        let name = key.0.clone();
        let opened = state.libraries.entry(name.clone()).or_insert_with(|| match &name {
            None => Ok(open_libc()),
            Some(name) => open(name, &self.folders),
        });
        let shown = || name.clone().unwrap_or_else(|| "c".to_owned());
        let error = |searched, reason| {
            Err(LookupError { symbol: symbol.to_owned(), library: shown(), searched, reason })
        };
        match opened {
            Err(reason) => error(Vec::new(), Some(reason.clone())),
            Ok(files) => match files.iter().find_map(|(_, lib)| find(lib, symbol)) {
                Some(address) => {
                    state.symbols.insert(key, address);
                    Ok(address as *const c_void)
                }
                None => error(files.iter().map(|(name, _)| name.clone()).collect(), None),
            },
        }
    }
}

impl std::fmt::Debug for Symbols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbols").field("folders", &self.folders).finish_non_exhaustive()
    }
}

fn find(library: &Library, symbol: &str) -> Option<usize> {
    if symbol.as_bytes().contains(&0) {
        return None;
    }
    // SAFETY: the symbol is only turned into an address; it isn't used as a value of the type named here.
    let found = unsafe { library.get::<*const c_void>(symbol.as_bytes()) }.ok()?;
    let address = found.as_raw_ptr() as usize;
    (address != 0).then_some(address)
}

/// The process and its C library, under the names by which errors list them.
fn open_libc() -> Vec<(String, Kept)> {
    let mut files = vec![("the process".to_owned(), ManuallyDrop::new(Library::this()))];
    for name in ["libc.so.6", "libm.so.6"] {
        files.extend(open_file(OsStr::new(name)).ok().map(|lib| (name.to_owned(), lib)));
    }
    files
}

fn open(name: &str, folders: &[PathBuf]) -> Opened {
    let mut reason = String::new();
    for path in search::candidates(name, folders) {
        match open_file(path.as_os_str()) {
            Ok(lib) => return Ok(vec![(path.display().to_string(), lib)]),
            // The first failure says most: later candidates are guesses.
            Err(err) if reason.is_empty() => reason = err,
            Err(_) => {}
        }
    }
    Err(reason)
}

fn open_file(name: &OsStr) -> Result<Kept, String> {
    let flags = libloading::os::unix::RTLD_LAZY | libloading::os::unix::RTLD_LOCAL;
    // SAFETY: opening runs the library's initialisers; that the program may run code of a library which it names
    // is the engine's decision, taken before a lookup is made.
    let library = unsafe { Library::open(Some(name), flags) }.map_err(|err| {
        let mut text = err.to_string();
        let mut source = std::error::Error::source(&err);
        while let Some(inner) = source {
            text = inner.to_string();
            source = inner.source();
        }
        text
    })?;
    Ok(ManuallyDrop::new(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libc_and_libm_are_predeclared() {
        let symbols = Symbols::new();
        let strlen = symbols.lookup(None, "strlen").unwrap();
        assert_eq!(symbols.lookup(Some("c"), "strlen"), Ok(strlen));
        assert_eq!(symbols.lookup(None, "strlen"), Ok(strlen));
        assert!(symbols.lookup(None, "cosf").is_ok());
    }

    #[test]
    fn short_names_find_versioned_files() {
        let symbols = Symbols::new();
        assert!(symbols.lookup(Some("m"), "cos").is_ok());
        assert!(symbols.lookup(Some("libm.so.6"), "cos").is_ok());
    }

    #[test]
    fn errors_name_what_was_searched() {
        let symbols = Symbols::new();
        let err = symbols.lookup(None, "no_such_symbol").unwrap_err().to_string();
        assert_eq!(err, "symbol `no_such_symbol` not found; searched the process, libc.so.6, libm.so.6");
        let err = symbols.lookup(Some("m"), "strlen_").unwrap_err().to_string();
        assert!(err.contains("libm.so.6"), "{err}");
        let err = symbols.lookup(Some("nonesuch"), "f").unwrap_err().to_string();
        assert!(err.starts_with("library `nonesuch` can't be opened: libnonesuch.so"), "{err}");
        assert!(symbols.lookup(None, "a\0b").is_err());
    }

    #[test]
    fn lookups_from_many_threads_agree() {
        let symbols = Symbols::new();
        let expect = symbols.lookup(None, "qsort").unwrap() as usize;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(symbols.lookup(None, "qsort").unwrap() as usize, expect));
            }
        });
    }
}
