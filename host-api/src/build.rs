//! Build scripts.

use crate::driver::{Source, Unit, stack};
use crate::engine::Engine;
use crate::error::Result;
use std::fmt::Write;
use std::path::Path;
use sx_syntax::diag::json_string;

/// How a program is to be built, as a build script said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildPlan(sx_sema::BuildPlan);

impl BuildPlan {
    /// The program's first file, as seen from the script's folder; none when the script named none.
    pub fn main(&self) -> Option<&str> {
        self.0.main.as_deref()
    }
    /// What the result is to be called.
    pub fn output(&self) -> Option<&str> {
        self.0.output.as_deref()
    }
    /// `BUILD_MODE`: `debug` or `release`.
    pub fn mode(&self) -> &str {
        &self.0.mode
    }
    /// How much work goes into the program: `none`, `less` or `default`.
    pub fn opt(&self) -> &str {
        &self.0.opt
    }
    /// Further files of the program, as seen from the script's folder.
    pub fn sources(&self) -> &[String] {
        &self.0.sources
    }
    /// Libraries, by their names.
    pub fn libraries(&self) -> &[String] {
        &self.0.libraries
    }
    /// Folders in which libraries are looked for.
    pub fn library_paths(&self) -> &[String] {
        &self.0.library_paths
    }
    /// The files that the script makes: paths below its folder, and their contents.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
    /// All of it as one JSON object without line breaks. Fields that weren't set are `null`; of each file that is made the
    /// contents are there.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{");
        let key = |out: &mut String, name: &str| {
            out.push_str(if out.len() > 1 { "," } else { "" });
            json_string(out, name);
            out.push(':');
        };
        for (name, value) in [("main", self.main()), ("output", self.output())] {
            key(&mut out, name);
            match value {
                Some(value) => json_string(&mut out, value),
                None => out.push_str("null"),
            }
        }
        for (name, value) in [("mode", self.mode()), ("opt", self.opt())] {
            key(&mut out, name);
            json_string(&mut out, value);
        }
        let lists = [
            ("sources", self.sources()),
            ("libraries", self.libraries()),
            ("library_paths", self.library_paths()),
        ];
        for (name, values) in lists {
            key(&mut out, name);
            out.push('[');
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                json_string(&mut out, value);
            }
            out.push(']');
        }
        key(&mut out, "files");
        out.push('{');
        for (i, (path, text)) in self.files().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            json_string(&mut out, path);
            out.push(':');
            json_string(&mut out, text);
        }
        _ = out.write_str("}}");
        out
    }
}

impl Engine {
    /// Runs a build script: a file whose `#run`s call the functions of `modules/std/build.sx`. Nothing is written; the plan
    /// says which files the script makes. `values` is what the script may ask for by name.
    ///
    /// # Errors
    /// [`ErrorKind::Compile`](crate::ErrorKind::Compile) for what is wrong with the script, also with what it asks for;
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file can't be read.
    pub fn build_plan(&self, script: impl AsRef<Path>, values: &[(String, String)]) -> Result<BuildPlan> {
        stack::enough(|| {
            let mut unit = Unit::open(&self.inner, Source::File(script.as_ref()))?;
            unit.sema.options.build_values = Some(values.to_vec());
            unit.sema.check_file(unit.root);
            unit.lower()?;
            Ok(BuildPlan(unit.sema.build_plan().clone()))
        })
    }
}
