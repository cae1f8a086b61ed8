//! `; check:` and `; not:` on an output.

use super::{Failure, TestFile};

/// Compares an output with the file's expectations.
pub(super) fn compare(file: &TestFile, output: &str) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut rest: Vec<&str> = output.lines().collect();
    let mut checks = 0;
    for directive in file.directives() {
        match directive.key {
            "check" => {
                checks += 1;
                match rest.iter().position(|line| matches(line, directive.value)) {
                    Some(at) => drop(rest.drain(..=at)),
                    None => {
                        let message = format!("no line with `{}` in the rest:", directive.value);
                        failures.push(Failure::new(directive.line, message + "\n" + &rest.join("\n")));
                    }
                }
            }
            "not" => {
                checks += 1;
                if let Some(line) = output.lines().find(|line| matches(line, directive.value)) {
                    let message = format!("`{}` is in `{}`", directive.value, line.trim());
                    failures.push(Failure::new(directive.line, message));
                }
            }
            _ => {}
        }
    }
    if checks == 0 {
        failures.push(Failure::new(0, format!("nothing is checked; the output is:\n{output}")));
    }
    failures
}

/// Whether the line has the pieces of a pattern, in order.
fn matches(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|piece| match rest.find(piece.trim()) {
        Some(at) => {
            rest = &rest[at + piece.trim().len()..];
            true
        }
        None => false,
    })
}
