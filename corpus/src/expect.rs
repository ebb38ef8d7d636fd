//! What a program must do, as it stands in the `expected` folder.

use crate::program::Program;
use std::fs;
use std::io;
use std::path::PathBuf;

/// What a program did, or must do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// The extensions of expectation files.
pub const EXTENSIONS: &[&str] = &["exit", "stdout", "stderr"];

impl Program {
    /// The expectation file with an extension.
    pub fn expected_file(&self, extension: &str) -> PathBuf {
        let mut name = self.expected.clone().into_os_string();
        name.push(".");
        name.push(extension);
        name.into()
    }

    /// Reads what the program must do.
    ///
    /// # Errors
    /// An unreadable file, or an `.exit` file that holds no number.
    pub fn expectation(&self) -> Result<Outcome, String> {
        let read = |extension: &str| match fs::read(self.expected_file(extension)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("expected .{extension}: {e}")),
        };
        let exit = match read("exit")? {
            None => 0,
            Some(bytes) => String::from_utf8_lossy(&bytes)
                .trim()
                .parse()
                .map_err(|_| "expected .exit holds no number".to_string())?,
        };
        Ok(Outcome {
            exit,
            stdout: read("stdout")?.unwrap_or_default(),
            stderr: read("stderr")?.unwrap_or_default(),
        })
    }

    /// Writes `outcome` as what the program must do; what has its default gets no file.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn write_expectation(&self, outcome: &Outcome) -> io::Result<()> {
        if let Some(folder) = self.expected.parent() {
            fs::create_dir_all(folder)?;
        }
        let put = |extension: &str, content: Option<Vec<u8>>| {
            let file = self.expected_file(extension);
            match content {
                Some(bytes) => fs::write(file, bytes),
                None if file.exists() => fs::remove_file(file),
                None => Ok(()),
            }
        };
        put("exit", (outcome.exit != 0).then(|| format!("{}\n", outcome.exit).into_bytes()))?;
        put("stdout", (!outcome.stdout.is_empty()).then(|| outcome.stdout.clone()))?;
        let stderr = shown_stderr(outcome);
        put("stderr", (!stderr.is_empty()).then_some(stderr))
    }
}

/// The part of stderr that counts: of a trap and of an error that leaves `main` the first line, since the call
/// stack below it belongs to the tier; everything otherwise.
pub fn shown_stderr(outcome: &Outcome) -> Vec<u8> {
    let stack_follows = outcome.exit == 134 || outcome.stderr.starts_with(b"error: unhandled error");
    if !stack_follows {
        return outcome.stderr.clone();
    }
    let end = outcome.stderr.iter().position(|&b| b == b'\n').map_or(outcome.stderr.len(), |at| at + 1);
    outcome.stderr[..end].to_vec()
}
