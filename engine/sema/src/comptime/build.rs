//! What build scripts ask for, through functions of the compiler.

use crate::sema::*;
use std::collections::BTreeMap;

/// A plan has at most so many sources, libraries, folders and files each.
const MAX_ITEMS: usize = 10_000;
/// Files that a script makes have at most so many bytes together.
const MAX_EMITTED: usize = 256 << 20;

/// How a program is to be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildPlan {
    /// The program's first file; none when the script named none.
    pub main: Option<String>,
    /// What the result is to be called.
    pub output: Option<String>,
    /// `BUILD_MODE`: `debug` or `release`.
    pub mode: String,
    /// How much work goes into the program: `none`, `less` or `default`.
    pub opt: String,
    /// Further files that belong to the program, in C or sx.
    pub sources: Vec<String>,
    /// Libraries by their names.
    pub libraries: Vec<String>,
    /// Folders in which libraries are looked for.
    pub library_paths: Vec<String>,
    /// Files that the script made: paths below the script's folder, and what they hold.
    pub files: BTreeMap<String, String>,
}

impl Default for BuildPlan {
    fn default() -> BuildPlan {
        BuildPlan {
            main: None,
            output: None,
            mode: "debug".to_string(),
            opt: "default".to_string(),
            sources: Vec::new(),
            libraries: Vec::new(),
            library_paths: Vec::new(),
            files: BTreeMap::new(),
        }
    }
}

fn push(list: &mut Vec<String>, what: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("a {what} needs a name"));
    }
    if list.iter().any(|known| known == value) {
        return Ok(());
    }
    if list.len() >= MAX_ITEMS {
        return Err("a build script adds too much".to_string());
    }
    list.push(value.to_string());
    Ok(())
}

fn one_of(what: &str, value: &str, allowed: &[&str]) -> Result<String, String> {
    match allowed.contains(&value) {
        true => Ok(value.to_string()),
        false => Err(format!("there is no {what} `{value}`; it is one of {}", allowed.join(", "))),
    }
}

/// A path that stays below the script's folder.
fn inside(path: &str) -> bool {
    let parts = || path.split(['/', '\\']);
    !path.is_empty() && !path.contains(':') && parts().all(|part| !matches!(part, "" | "." | ".."))
}

impl Sema {
    /// What the build script has asked for so far.
    pub fn build_plan(&self) -> &BuildPlan {
        &self.running_ref().making.plan
    }

    fn plan(&mut self) -> Result<&mut BuildPlan, String> {
        match self.options.build_values {
            Some(_) => Ok(&mut self.making.plan),
            None => Err("only a build script can do this: `sx build FILE`".to_string()),
        }
    }

    pub(super) fn build_set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let plan = self.plan()?;
        match key {
            "main" => plan.main = Some(value.to_string()),
            "output" => plan.output = Some(value.to_string()),
            "mode" => plan.mode = one_of("mode", value, &["debug", "release"])?,
            "opt" => plan.opt = one_of("level", value, &["none", "less", "default"])?,
            "source" => push(&mut plan.sources, "source", value)?,
            "library" => push(&mut plan.libraries, "library", value)?,
            "library_path" => push(&mut plan.library_paths, "folder", value)?,
            _ => return Err(format!("a build has no option `{key}`")),
        }
        Ok(())
    }

    pub(super) fn build_emit(&mut self, path: &str, text: &str) -> Result<(), String> {
        let plan = self.plan()?;
        if !inside(path) {
            return Err(format!("`{path}` doesn't lie below the build script's folder"));
        }
        let before: usize = plan.files.values().map(String::len).sum();
        if plan.files.len() >= MAX_ITEMS || before + text.len() > MAX_EMITTED {
            return Err("a build script makes too many or too large files".to_string());
        }
        match plan.files.insert(path.to_string(), text.to_string()) {
            Some(other) if other != text => Err(format!("`{path}` is made twice, with different contents")),
            _ => Ok(()),
        }
    }

    pub(super) fn build_value(&mut self, name: &str) -> Result<String, String> {
        self.plan()?;
        let values = self.options.build_values.iter().flatten();
        Ok(values.rev().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default())
    }
}
