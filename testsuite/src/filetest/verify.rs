//! `test verify`: the errors of parser and verifier, on the lines where they are.

use evmc_ir::text::parse_with_lines;
use evmc_ir::verify;

use super::{Failure, TestFile};

/// Runs the command.
pub(super) fn run(file: &TestFile) -> Vec<Failure> {
    let mut found = errors(&file.text);
    let mut failures = Vec::new();
    for directive in file.directives().filter(|directive| directive.key == "error") {
        let is_it = |(line, text): &(Option<usize>, String)| {
            line.is_none_or(|line| line == directive.line) && text.contains(directive.value)
        };
        match found.iter().position(is_it) {
            Some(at) => drop(found.remove(at)),
            None => failures.push(Failure::new(directive.line, "this error was not found")),
        }
    }
    failures.extend(found.into_iter().map(|(line, text)| {
        let line = line.unwrap_or(0);
        let source = file.text.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
        let source = source.split(';').next().unwrap_or_default().trim_end();
        let rewritten = Some(format!("{source} ; error: {text}"));
        Failure { line, message: format!("unexpected error: {text}"), rewritten }
    }));
    failures
}

/// All errors with their lines; errors of the module as a whole have none.
fn errors(text: &str) -> Vec<(Option<usize>, String)> {
    let (module, lines) = match parse_with_lines(text) {
        Ok(parsed) => parsed,
        Err(error) => return vec![(Some(error.line as usize), error.message)],
    };
    let errors = verify(&module).err().unwrap_or_default();
    let located = |error: evmc_ir::VerifyError| {
        (lines.line(&error).map(|line| line as usize), format!("{:?}: {}", error.rule, error.message))
    };
    errors.into_iter().map(located).collect()
}
