//! Where imports are looked for: the importing file's folder, the working directory, `SX_STDLIB_PATH`, the built-in
//! library; and before each step on disk, the modules that the host keeps in memory.
//!
//! Every file has a *key*, the same however it is reached, and a *path* that messages show. A file that was found below a
//! search folder brings that folder along: its own imports look there too, so that a library that lies in a folder is
//! one library wherever the program is started.

use super::library;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use sx_sema::{LoadError, Loaded, Loader};
use sx_syntax::source::File;

/// Gives sources to a host's scripts, in place of files.
pub trait ModuleLoader: Send + Sync {
    /// The source of the module with this path, which is normalised: `a/b.sx`, without `.` and `..`; none when there
    /// is no such module.
    ///
    /// # Errors
    /// A message, when the module exists and can't be read.
    fn load(&self, path: &str) -> Option<Result<String, String>>;
}

/// Modules without files, of an engine.
#[derive(Default)]
pub(crate) struct Memory {
    sources: BTreeMap<String, Arc<str>>,
    loaders: Vec<Box<dyn ModuleLoader>>,
    parsed: Mutex<FxHashMap<String, Arc<File>>>,
}

impl Memory {
    pub fn add(&mut self, path: &str, source: impl Into<Arc<str>>) {
        self.sources.insert(normalise(path), source.into());
    }
    pub fn add_loader(&mut self, loader: Box<dyn ModuleLoader>) {
        self.loaders.push(loader);
    }
    fn file(&self, path: &str) -> Option<Result<Arc<File>, LoadError>> {
        if let Some(file) = self.parsed.lock().get(path) {
            return Some(Ok(file.clone()));
        }
        let source = match self.sources.get(path) {
            Some(source) => source.clone(),
            None => match self.loaders.iter().find_map(|loader| loader.load(path))? {
                Ok(source) => source.into(),
                Err(message) => return Some(Err(failure(format!("`{path}` can't be read: {message}")))),
            },
        };
        let file = sx_syntax::parse(shown(path.into()), source);
        self.parsed.lock().insert(path.into(), file.clone());
        Some(Ok(file))
    }
    fn folder(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        let inside =
            |name: &&String| name[prefix.len()..].ends_with(".sx") && !name[prefix.len()..].contains('/');
        let from = self.sources.range(prefix.clone()..).map(|(name, _)| name);
        from.take_while(|name| name.starts_with(&prefix)).filter(inside).cloned().collect()
    }
}

/// How a file came to be known.
#[derive(Clone)]
struct Origin {
    /// Its folder: of a file on disk, of a module in memory, or of the library.
    place: Place,
    /// The search folder that it was found below.
    root: Option<PathBuf>,
}

#[derive(Clone)]
enum Place {
    Disk(PathBuf),
    Memory(String),
    Library,
}

/// The search of one compilation.
pub(crate) struct Search {
    memory: Arc<Memory>,
    /// Files may be read.
    disk: bool,
    stdlib: Option<PathBuf>,
    origins: FxHashMap<Arc<str>, Origin>,
    /// Files that were read, by the path that led to them.
    read: FxHashMap<PathBuf, Loaded>,
    /// What the first file is; the compiler's own imports start there.
    root: Option<Origin>,
}

impl Search {
    pub fn new(memory: Arc<Memory>, disk: bool) -> Search {
        let stdlib =
            std::env::var_os("SX_STDLIB_PATH").filter(|path| disk && !path.is_empty()).map(PathBuf::from);
        Search { memory, disk, stdlib, origins: FxHashMap::default(), read: FxHashMap::default(), root: None }
    }
    /// Reads a program's first file; `-` isn't special here.
    pub fn root_file(&mut self, path: &Path) -> Result<Loaded, LoadError> {
        let loaded = read(path)?;
        let place = Place::Disk(path.parent().unwrap_or(Path::new("")).to_path_buf());
        self.enter_root(&loaded, Origin { place, root: None });
        Ok(loaded)
    }
    /// Takes in a program's first file as text. Its imports start at the working directory, or among the modules in memory.
    pub fn root_text(&mut self, path: &str, text: impl Into<Arc<str>>) -> Loaded {
        let file = sx_syntax::parse(shown(path.into()), text.into());
        self.root_parsed(path, file)
    }
    /// As [`Search::root_text`], for bytes that may not be text.
    pub fn root_bytes(&mut self, path: &str, bytes: &[u8]) -> Loaded {
        let file = sx_syntax::parse_bytes(shown(path.into()), bytes);
        self.root_parsed(path, file)
    }
    fn root_parsed(&mut self, path: &str, file: Arc<File>) -> Loaded {
        let loaded = Loaded { path: format!("text:{path}").into(), file };
        self.enter_root(&loaded, Origin { place: Place::Memory(parent(path).into()), root: None });
        loaded
    }
    /// A module in memory as the first file.
    pub fn root_module(&mut self, path: &str) -> Result<Loaded, LoadError> {
        let path = normalise(path);
        match self.in_memory(&path)? {
            Some(files) if files.len() == 1 => {
                self.root = self.origins.get(&files[0].file.path).cloned();
                Ok(files[0].clone())
            }
            _ => Err(failure(format!("there is no module `{path}`"))),
        }
    }
    fn enter_root(&mut self, loaded: &Loaded, origin: Origin) {
        self.root = Some(origin.clone());
        self.origins.insert(loaded.file.path.clone(), origin);
    }
    /// Modules in memory, one or a folder's.
    fn in_memory(&mut self, path: &str) -> Result<Option<Vec<Loaded>>, LoadError> {
        let paths = match self.memory.file(path) {
            Some(_) => vec![path.to_owned()],
            None => self.memory.folder(path),
        };
        let mut files = Vec::new();
        for path in paths {
            if let Some(file) = self.memory.file(&path) {
                let file = file?;
                let origin = Origin { place: Place::Memory(parent(&path).into()), root: None };
                self.origins.insert(file.path.clone(), origin);
                files.push(Loaded { path: format!("memory:{path}").into(), file });
            }
        }
        Ok((!files.is_empty()).then_some(files))
    }
    /// Files on disk below a search folder, one or a folder's.
    fn on_disk(
        &mut self,
        root: &Path,
        request: &str,
        keep_root: bool,
    ) -> Result<Option<Vec<Loaded>>, LoadError> {
        let path = join(root, request);
        let paths = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => files_in(&path)?,
            Ok(_) => vec![path.clone()],
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let mut files = Vec::new();
        for path in paths {
            let loaded = match self.read.get(&path) {
                Some(loaded) => loaded.clone(),
                None => read(&path)?,
            };
            self.read.insert(path.clone(), loaded.clone());
            let mut place = Place::Disk(path.parent().unwrap_or(Path::new("")).to_path_buf());
            let loaded = match library::same(&path, &loaded.file.text) {
                // The library where it is at home: what is built in is no other.
                Some(file) => {
                    place = Place::Library;
                    Loaded { path: file.path.clone(), file }
                }
                None => loaded,
            };
            let origin = Origin { place, root: keep_root.then(|| root.to_path_buf()) };
            self.origins.entry(loaded.file.path.clone()).or_insert(origin);
            files.push(loaded);
        }
        Ok(Some(files))
    }
    fn in_library(&mut self, request: &str) -> Option<Vec<Loaded>> {
        let path = normalise(request);
        let one = library::file(&path).into_iter();
        let many = library::folder(&path).into_iter().filter_map(library::file);
        let files: Vec<Loaded> =
            one.chain(many).map(|file| Loaded { path: file.path.clone(), file }).collect();
        for loaded in &files {
            self.origins.insert(loaded.file.path.clone(), Origin { place: Place::Library, root: None });
        }
        (!files.is_empty()).then_some(files)
    }
    /// The folders to search on disk, in order; whether a folder serves what is found below it, too.
    fn folders(&self, origin: Option<&Origin>) -> Vec<(PathBuf, bool)> {
        let mut folders: Vec<(PathBuf, bool)> = Vec::new();
        if !self.disk {
            return folders;
        }
        let mut add = |path: &Path, keeps: bool| {
            if !folders.iter().any(|(known, _)| known == path) {
                folders.push((path.to_path_buf(), keeps));
            }
        };
        match origin.map(|origin| &origin.place) {
            Some(Place::Library) => {}
            place => {
                if let Some(Place::Disk(folder)) = place {
                    add(folder, true);
                }
                if let Some(root) = origin.and_then(|origin| origin.root.as_deref()) {
                    add(root, true);
                }
                add(Path::new(""), true);
            }
        }
        if let Some(stdlib) = &self.stdlib {
            add(stdlib, true);
        }
        folders
    }
}

impl Loader for Search {
    fn load(&mut self, importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        if request.is_empty() {
            return Err(failure("an import needs a path".into()));
        }
        let origin = self.origins.get(importer).or(self.root.as_ref()).cloned();
        let mut searched = Vec::new();
        if let Some(Origin { place: Place::Memory(folder), .. }) = &origin
            && !folder.is_empty()
        {
            let path = normalise(&format!("{folder}/{request}"));
            if let Some(files) = self.in_memory(&path)? {
                return Ok(files);
            }
            searched.push(format!("the module `{path}`"));
        }
        let path = normalise(request);
        if let Some(files) = self.in_memory(&path)? {
            return Ok(files);
        }
        for (folder, keeps) in self.folders(origin.as_ref()) {
            if let Some(files) = self.on_disk(&folder, request, keeps)? {
                return Ok(files);
            }
            searched.push(format!("`{}`", join(&folder, request).display()));
        }
        if let Some(files) = self.in_library(request) {
            return Ok(files);
        }
        searched.push("the built-in library".into());
        Err(LoadError { message: format!("nothing to import at `{request}`"), searched })
    }
}

fn failure(message: String) -> LoadError {
    LoadError { message, searched: Vec::new() }
}

/// What went wrong with a file, in plain words.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> LoadError {
    let path = path.display();
    failure(match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{path}`"),
        io::ErrorKind::PermissionDenied => format!("`{path}` can't be read: permission denied"),
        io::ErrorKind::IsADirectory => format!("`{path}` is a folder, not a file"),
        _ => format!("`{path}` can't be read: {error}"),
    })
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// Reads and parses a file.
fn read(path: &Path) -> Result<Loaded, LoadError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let key = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let file = sx_syntax::parse_bytes(shown(path.to_string_lossy().into()), &bytes);
    Ok(Loaded { path: key.to_string_lossy().into(), file })
}

/// The `.sx` files of a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "sx") && !path.is_dir();
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_source).collect();
    if files.is_empty() {
        return Err(failure(format!("the folder `{}` has no .sx files", folder.display())));
    }
    files.sort();
    Ok(files)
}

/// A path as messages show it. The library's paths are its own: a file from elsewhere never looks like one of them.
fn shown(path: Arc<str>) -> Arc<str> {
    if path.starts_with(library::FOLDER) { format!("./{path}").into() } else { path }
}

/// A request below a folder, without detours.
fn join(folder: &Path, request: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(request).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(path.components().next_back(), Some(Component::Normal(_))) => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

/// A module's path: `a/./b//../c.sx` is `a/c.sx`.
fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
