//! The built-in library, parsed at most once per process and file.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use sx_syntax::source::File;

static PARSED: OnceLock<Mutex<FxHashMap<&'static str, Arc<File>>>> = OnceLock::new();

/// What paths of the built-in library begin with. Files from elsewhere are never shown under such a path.
pub(crate) const FOLDER: &str = "modules/";

/// The parsed library file of this path.
pub(crate) fn file(path: &str) -> Option<Arc<File>> {
    let text = sx_lib::get(path)?;
    let (path, text) =
        sx_lib::files().find(|(name, _)| *name == path).map_or(("", text), |(name, text)| (name, text));
    let mut parsed = PARSED.get_or_init(Mutex::default).lock();
    Some(parsed.entry(path).or_insert_with(|| sx_syntax::parse(path.into(), text.into())).clone())
}

/// The library's file that a file on disk has the name of.
pub(crate) fn stands_for(path: &Path) -> Option<&'static str> {
    sx_lib::files().map(|(name, _)| name).find(|name| path.ends_with(name))
}

/// The library's file that a file on disk is a copy of.
pub(crate) fn same(path: &Path, text: &str) -> Option<Arc<File>> {
    let name = stands_for(path)?;
    (sx_lib::get(name) == Some(text)).then(|| file(name)).flatten()
}

/// The paths of the library's files directly in a folder.
pub(crate) fn folder(path: &str) -> Vec<&'static str> {
    let inside = |name: &str| {
        name.strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|rest| !rest.contains('/'))
    };
    sx_lib::files().map(|(name, _)| name).filter(|name| inside(name)).collect()
}
