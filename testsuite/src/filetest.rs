//! Tests as files: programs whose comments hold what is expected of them.
//!
//! A comment `; test COMMAND` says what is done with the file; there may be several:
//!
//! | command | program | expectations |
//! |---|---|---|
//! | `verify` | IR | `; error: TEXT` on the line of each error of parser or verifier |
//! | `text` | IR | printing and parsing give the same again |
//! | `run` | IR | cases, see [`run`]; every engine must agree |
//! | `pass NAME` | IR | `; check:` and `; not:` on the IR after the pass |
//! | `legalize` | IR | `; check:` and `; not:` on the IR without words |
//! | `lower` | EVM assembly | `; check:` and `; not:` on the IR after the frontend |
//! | `optimise` | EVM assembly | the same after all passes |
//! | `gas_limits` | EVM assembly | the interpreter's outcome under every gas limit, see [`limits`] |
//!
//! `; check: TEXT` must be in the output behind the line of the check before it; `*` stands for
//! anything within the line. `; not: TEXT` is in no line of the output. For EVM assembly `; fork: NAME`
//! chooses the rules and `; tier: generic` switches specialisation off.
//!
//! With `EVMC_BLESS=1` in the environment, expectations that say an exact result are rewritten to
//! what was found. `EVMC_FILETEST=TEXT` restricts a run to files whose path holds that text.

mod check;
pub mod engine;
pub mod instance;
mod limits;
mod native;
mod output;
pub mod run;
mod verify;

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A test file.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Where it is.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Line of the file, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What was expected and what was found.
    pub message: String,
    /// The line that would be right, for an exact expectation.
    pub rewritten: Option<String>,
}

impl Failure {
    /// A failure without an exact result.
    pub fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), rewritten: None }
    }
}

/// A comment of the form `; KEY: VALUE`.
#[derive(Clone, Copy, Debug)]
pub struct Directive<'t> {
    /// Line of the file, counted from 1.
    pub line: usize,
    /// Before the colon.
    pub key: &'t str,
    /// Behind it.
    pub value: &'t str,
}

impl TestFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_path_buf(), text: std::fs::read_to_string(path)? })
    }

    /// What is to be done with the file: line and command.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.filter_map(|(index, line)| Some((index + 1, line.strip_prefix("; test ")?.trim())))
    }

    /// The expectations and settings, in order.
    pub fn directives(&self) -> impl Iterator<Item = Directive<'_>> {
        self.text.lines().enumerate().filter_map(|(index, line)| {
            let (key, value) = line.split_once(';')?.1.split_once(':')?;
            Some(Directive { line: index + 1, key: key.trim(), value: value.trim() })
        })
    }

    /// The value of a setting.
    pub fn setting(&self, key: &str) -> Option<Directive<'_>> {
        self.directives().find(|directive| directive.key == key)
    }

    /// Runs every command of the file.
    pub fn run(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut count = 0;
        for (line, command) in self.commands() {
            count += 1;
            let found = match command.split_whitespace().collect::<Vec<_>>()[..] {
                ["verify"] => verify::run(self),
                ["text"] => output::round_trip(self),
                ["run"] => run::run(self),
                ["pass", name] => output::pass(self, name),
                ["legalize"] => output::legalize(self),
                ["lower"] => output::lower(self),
                ["optimise"] => output::optimise(self),
                ["gas_limits"] => limits::run(self),
                _ => vec![Failure::new(line, format!("unknown command `{command}`"))],
            };
            failures.extend(found);
        }
        if count == 0 {
            failures.push(Failure::new(0, "no `; test` line"));
        }
        failures
    }

    /// The text with exact expectations as `failures` say.
    fn rewritten(&self, failures: &[Failure]) -> String {
        let mut text = String::new();
        for (index, line) in self.text.lines().enumerate() {
            let better = failures.iter().filter(|failure| failure.line == index + 1);
            let better = better.filter_map(|failure| failure.rewritten.as_deref()).next_back();
            text.push_str(better.unwrap_or(line));
            text.push('\n');
        }
        text
    }
}

/// Runs every test file below `folder` and gives how many there are.
///
/// # Errors
/// A report of all that failed.
pub fn run_folder(folder: &Path) -> Result<usize, String> {
    let only = std::env::var("EVMC_FILETEST").unwrap_or_default();
    let bless = std::env::var_os("EVMC_BLESS").is_some();
    let mut report = String::new();
    let mut count = 0;
    for path in files(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        if !path.to_string_lossy().contains(&only) {
            continue;
        }
        count += 1;
        let file = TestFile::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let failures = file.run();
        if bless && failures.iter().any(|failure| failure.rewritten.is_some()) {
            let written = std::fs::write(&path, file.rewritten(&failures));
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        for Failure { line, message, .. } in failures {
            let _ = writeln!(report, "{}:{line}: {message}", path.display());
        }
    }
    if report.is_empty() { Ok(count) } else { Err(report) }
}

/// The test files below a folder, sorted.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "eir" || ending == "evm") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
