//! Runs every test file; see [`evmc_testsuite::filetest`].

#![forbid(unsafe_code)]

use std::path::Path;

use evmc_testsuite::filetest::run_folder;

/// Runs the files of a folder of `filetests`.
fn folder(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests").join(name);
    if let Err(report) = run_folder(&path) {
        panic!("\n{report}");
    }
}

#[test]
fn verify() {
    folder("verify");
}

#[test]
fn text() {
    folder("text");
}

#[test]
fn run() {
    folder("run");
}

#[test]
fn lower() {
    folder("lower");
}

#[test]
fn pass() {
    folder("pass");
}

#[test]
fn legalize() {
    folder("legalize");
}

#[test]
fn gas_limits() {
    folder("gas_limits");
}
