//! Where a library's short name leads.
//!
//! `#library "m"` means `libm.so`. On a machine without development packages only the versioned `libm.so.6`
//! exists, and where they are installed `libm.so` may be a linker script that can't be opened. So the plain name is
//! tried first, then the versions found in the loader's folders, newest first.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

/// File names to try in order, for a library as it is named in a program.
///
/// A name with a slash, or one that ends like a shared object, is taken as it stands.
pub fn candidates(name: &str, folders: &[PathBuf]) -> Vec<PathBuf> {
    if is_file_name(name) {
        let inside = folders.iter().filter(|_| !name.contains('/')).map(|dir| dir.join(name));
        return inside.filter(|path| path.exists()).chain([PathBuf::from(name)]).collect();
    }
    let plain = format!("lib{name}{}", suffix());
    let mut found: Vec<PathBuf> =
        folders.iter().map(|dir| dir.join(&plain)).filter(|path| path.exists()).collect();
    found.push(PathBuf::from(&plain));
    let mut versions: Vec<(Vec<u64>, PathBuf)> = Vec::new();
    for folder in folders.iter().cloned().chain(system_folders()) {
        versions.extend(versions_in(&folder, &plain));
    }
    versions.sort_by_key(|(version, _)| Reverse(version.clone()));
    found.extend(versions.into_iter().map(|(_, path)| path));
    found
}

fn suffix() -> &'static str {
    if cfg!(target_os = "macos") { ".dylib" } else { ".so" }
}

fn is_file_name(name: &str) -> bool {
    name.contains('/') || name.ends_with(suffix()) || name.contains(".so.")
}

/// The files in a folder that are versions of a plain name, with their version numbers.
fn versions_in(folder: &Path, plain: &str) -> Vec<(Vec<u64>, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let version_of = |file: &str| -> Option<Vec<u64>> {
        file.strip_prefix(plain)?.strip_prefix('.')?.split('.').map(|n| n.parse().ok()).collect()
    };
    entries
        .flatten()
        .filter_map(|entry| Some((version_of(entry.file_name().to_str()?)?, entry.path())))
        .collect()
}

/// The folders in which the system's loader looks: `LD_LIBRARY_PATH`, those named in `/etc/ld.so.conf.d`, and the
/// built-in ones.
fn system_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths).collect();
    if let Ok(entries) = fs::read_dir("/etc/ld.so.conf.d") {
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for text in files.iter().filter_map(|file| fs::read_to_string(file).ok()) {
            folders.extend(text.lines().map(str::trim).filter(|l| l.starts_with('/')).map(PathBuf::from));
        }
    }
    folders.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], name: &str, expect: &[&str]) {
        let dir = std::env::temp_dir().join(format!("sx-search-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for file in files {
            fs::write(dir.join(file), "").unwrap();
        }
        let got = candidates(name, std::slice::from_ref(&dir));
        let here: Vec<&str> = got
            .iter()
            .filter(|path| path.starts_with(&dir))
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(here, expect);
    }

    #[test]
    fn newest_version_first() {
        check(&["libq.so.2", "libq.so.10.1", "libq.so.9"], "q", &["libq.so.10.1", "libq.so.9", "libq.so.2"]);
    }

    #[test]
    fn the_plain_name_comes_before_versions() {
        check(&["libr.so.2", "libr.so"], "r", &["libr.so", "libr.so.2"]);
    }

    #[test]
    fn other_libraries_and_debug_files_are_left_out() {
        check(&["libs.so.2-gdb.py", "libst.so.2", "libs.so.x", "libs.so.1"], "s", &["libs.so.1"]);
    }

    #[test]
    fn file_names_stand_for_themselves() {
        assert_eq!(candidates("./x/libq.so", &[]), [PathBuf::from("./x/libq.so")]);
        assert_eq!(candidates("libq.so.3", &[]), [PathBuf::from("libq.so.3")]);
    }
}
