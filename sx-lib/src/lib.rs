//! The standard library of sx, carried inside the program that compiles with it.
//!
//! The sources are in `modules/`; here they are only embedded. A path is what a program imports:
//! `modules/std.sx`, `modules/std/fs.sx`.

macro_rules! embed {
    ($($path:literal,)*) => {
        /// Path and text of every file, sorted by path.
        static FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../", $path))),)*];
    };
}

embed! {
    "modules/std.sx",
    "modules/std/atomic.sx",
    "modules/std/build.sx",
    "modules/std/cli.sx",
    "modules/std/core.sx",
    "modules/std/fiber.sx",
    "modules/std/float/big.sx",
    "modules/std/float/parse.sx",
    "modules/std/float/powers.sx",
    "modules/std/float/print.sx",
    "modules/std/fmt.sx",
    "modules/std/fmt/int.sx",
    "modules/std/fmt/lock.sx",
    "modules/std/fmt/writer.sx",
    "modules/std/fs.sx",
    "modules/std/hash.sx",
    "modules/std/json.sx",
    "modules/std/json/decode.sx",
    "modules/std/json/encode.sx",
    "modules/std/json/kinds.sx",
    "modules/std/json/parse.sx",
    "modules/std/json/value.sx",
    "modules/std/json/write.sx",
    "modules/std/list.sx",
    "modules/std/log.sx",
    "modules/std/map.sx",
    "modules/std/math.sx",
    "modules/std/mem.sx",
    "modules/std/mem/gpa.sx",
    "modules/std/meta.sx",
    "modules/std/process.sx",
    "modules/std/random.sx",
    "modules/std/sort.sx",
    "modules/std/string.sx",
    "modules/std/sync.sx",
    "modules/std/sync/park.sx",
    "modules/std/test.sx",
    "modules/std/thread.sx",
    "modules/std/time.sx",
}

/// The text of a library file, by the path under which programs import it.
pub fn get(path: &str) -> Option<&'static str> {
    FILES.binary_search_by_key(&path, |&(name, _)| name).ok().map(|at| FILES[at].1)
}

/// Path and text of every library file.
pub fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_and_found() {
        assert!(FILES.is_sorted_by_key(|&(path, _)| path));
        assert!(get("modules/std.sx").is_some());
        assert!(get("modules/none.sx").is_none());
        assert!(files().all(|(path, text)| get(path) == Some(text)));
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = vec![root.join("modules")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    assert!(get(&name).is_some(), "{name} isn't embedded");
                }
            }
        }
    }

    #[test]
    fn every_file_parses() {
        let mut errors = String::new();
        for (path, text) in files() {
            let file = sx_syntax::parse(path.into(), text.into());
            for diagnostic in &file.diagnostics {
                let (line, column) = file.line_col(diagnostic.loc.span.lo);
                errors += &format!("{path}:{line}:{column}: {}\n", diagnostic.message);
            }
        }
        assert!(errors.is_empty(), "\n{errors}");
    }
}
