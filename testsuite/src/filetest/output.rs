//! Commands that print a module and compare the text.

use evmc_backend::legalize::{self, Outline};
use evmc_compiler::driver::{self, Config};
use evmc_compiler::frontend::evm;
use evmc_compiler::frontend::evm::opcode::Fork;
use evmc_compiler::pipeline::PIPELINE;
use evmc_ir::text::{parse, print};
use evmc_ir::{Module, verify};

use crate::assembly::assemble;

use super::check::compare;
use super::{Failure, TestFile};

/// Bytecode, rules, and whether it is specialised.
type Program = (Vec<u8>, Fork, bool);

type Result<T> = std::result::Result<T, Vec<Failure>>;

/// A failure as the only one.
pub(super) fn fail<T>(line: usize, message: impl Into<String>) -> Result<T> {
    Err(vec![Failure::new(line, message)])
}

/// The file's program, verified.
pub(super) fn module(file: &TestFile) -> Result<Module> {
    match parse(&file.text) {
        Ok(module) => verified(module, "as written"),
        Err(error) => fail(error.line as usize, error.message),
    }
}

fn verified(module: Module, when: &str) -> Result<Module> {
    match verify(&module) {
        Ok(()) => Ok(module),
        Err(errors) => fail(0, format!("invalid IR {when}: {}\n{}", errors[0], print(&module))),
    }
}

/// Everything that the checks of a command found.
fn all(result: Result<Vec<Failure>>) -> Vec<Failure> {
    result.unwrap_or_else(|failures| failures)
}

/// `test text`: what is printed parses to the same, and the file is what is printed of it, apart from
/// comments, empty lines and notation.
pub(super) fn round_trip(file: &TestFile) -> Vec<Failure> {
    let first = match parse(&file.text) {
        Ok(module) => print(&module),
        Err(error) => return vec![Failure::new(error.line as usize, error.message)],
    };
    match parse(&first).map(|module| print(&module)) {
        Ok(second) if second == first => compare_if_any(file, &first),
        Ok(second) => vec![Failure::new(0, format!("printed:\n{first}\nthen:\n{second}"))],
        Err(error) => vec![Failure::new(0, format!("printed text is refused: {error}\n{first}"))],
    }
}

fn compare_if_any(file: &TestFile, output: &str) -> Vec<Failure> {
    let has_checks = file.directives().any(|directive| ["check", "not"].contains(&directive.key));
    if has_checks { compare(file, output) } else { Vec::new() }
}

/// `test pass NAME`.
pub(super) fn pass(file: &TestFile, name: &str) -> Vec<Failure> {
    let Some(pass) = PIPELINE.iter().find(|pass| pass.name == name) else {
        return vec![Failure::new(0, format!("no pass is named `{name}`"))];
    };
    let run = |mut module| {
        (pass.run)(&mut module);
        Ok(compare(file, &print(&verified(module, "after the pass")?)))
    };
    all(module(file).and_then(run))
}

/// `test legalize`.
pub(super) fn legalize(file: &TestFile) -> Vec<Failure> {
    let outline = match file.setting("outline").map(|setting| setting.value) {
        Some("heavy") => Outline::Heavy,
        Some("rare") => Outline::Rare,
        _ => Outline::BySize,
    };
    all(module(file).map(|module| compare(file, &print(&legalize::legalize(&module, outline)))))
}

/// The program of an `.evm` file.
fn program(file: &TestFile) -> Result<Program> {
    let fork = match file.setting("fork") {
        None => Fork::default(),
        Some(setting) => match setting.value.parse() {
            Ok(fork) => fork,
            Err(error) => return fail(setting.line, format!("{error}")),
        },
    };
    let specialise = file.setting("tier").is_none_or(|setting| setting.value != "generic");
    match assemble(&file.text) {
        Ok(code) => Ok((code, fork, specialise)),
        Err(error) => fail(error.line, error.message),
    }
}

/// The bytecode of a file.
pub(super) fn assembled(file: &TestFile) -> std::result::Result<Vec<u8>, Failure> {
    assemble(&file.text).map_err(|error| Failure::new(error.line, error.message))
}

/// `test lower`.
pub(super) fn lower(file: &TestFile) -> Vec<Failure> {
    let run = |(code, fork, specialise): Program| {
        let module = verified(evm::lower(&code, fork, specialise).0, "after the frontend")?;
        Ok(compare(file, &print(&module)))
    };
    all(program(file).and_then(run))
}

/// `test optimise`.
pub(super) fn optimise(file: &TestFile) -> Vec<Failure> {
    let run = |(code, fork, specialise): Program| {
        let config = Config { fork, specialise, verify: true, ..Config::default() };
        match driver::lower(&code, &config) {
            Ok(lowered) => Ok(compare(file, &print(&lowered.module))),
            Err(error) => fail(0, error.to_string()),
        }
    };
    all(program(file).and_then(run))
}
