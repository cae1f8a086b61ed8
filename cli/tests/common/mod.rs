//! Running the binary and looking at what it says.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

/// What a run of the binary came to.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Asserts the exit code and a part of what was said on either stream.
    #[track_caller]
    pub fn expect(self, code: i32, part: &str) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "stdout:\n{stdout}\nstderr:\n{stderr}");
        // Diagnostics are wrapped to the width of the terminal.
        let said = format!("{stdout}\n{stderr}");
        let flat = |text: &str| text.split(|c: char| c.is_whitespace() || c == '│').collect::<String>();
        assert!(flat(&said).contains(&flat(part)), "no {part:?} in:\n{said}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect("standard output is JSON")
    }
}

/// Runs `evmc` with the given arguments.
pub fn evmc(args: &[&str]) -> Run {
    evmc_with_input(args, b"")
}

/// Runs `evmc` with the given arguments and standard input.
pub fn evmc_with_input(args: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_evmc"))
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let written = child.stdin.take().expect("stdin is piped").write_all(input);
    let output = child.wait_with_output().expect("the binary ends");
    // A binary that does not read its input may end before it is written.
    let _ = written;
    Run {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The path of a file in `tests/fixtures`.
pub fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect();
    path.into_os_string().into_string().expect("a path in UTF-8")
}
