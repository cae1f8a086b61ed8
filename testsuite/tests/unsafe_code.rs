//! Where `unsafe` may stand, and that it says why it is sound.
//!
//! Every library and binary outside [`MAY_BE_UNSAFE`] forbids it, so the compiler itself holds the rule; their
//! tests are searched for it.

#![forbid(unsafe_code)]

use std::{fs, path::Path};

use evmc_testsuite::workspace::Workspace;

/// The crates that touch memory which the type system does not know, or call what does.
const MAY_BE_UNSAFE: &[&str] =
    &["evmc-backend-llvm", "evmc-loader", "evmc-store", "evmc-revm", "evmc-wasm", "evmc-bench-native"];

/// Lines above an `unsafe` within which its reason stands.
const REASON_WITHIN_LINES: usize = 8;

#[test]
fn every_other_crate_forbids_unsafe_code() {
    let packages = Workspace::load().packages;
    for package in packages.iter().filter(|package| !MAY_BE_UNSAFE.contains(&package.name.as_str())) {
        for target in &package.targets {
            let source = fs::read_to_string(&target.src_path).expect("a target's source can be read");
            let forbids = source.lines().any(|line| line == "#![forbid(unsafe_code)]");
            let is_clean_test = target.is_test() && !source.lines().any(is_unsafe);
            assert!(forbids || is_clean_test, "{} lacks #![forbid(unsafe_code)]", target.src_path.display());
        }
    }
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    let packages = Workspace::load().packages;
    for package in packages.iter().filter(|package| MAY_BE_UNSAFE.contains(&package.name.as_str())) {
        check_folder(package.manifest_path.parent().expect("a manifest lies in a folder"));
    }
}

fn check_folder(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            check_folder(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            check_file(&path);
        }
    }
}

fn check_file(path: &Path) {
    let source = fs::read_to_string(path).expect("a source file can be read");
    let lines: Vec<&str> = source.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let above = &lines[number.saturating_sub(REASON_WITHIN_LINES)..=number];
        let has = |reason: &str| above.iter().any(|line| line.contains(reason));
        if is_unsafe(line) {
            assert!(has("SAFETY:"), "{}:{} has no SAFETY comment", path.display(), number + 1);
        }
        // The item, not the type of a function pointer: its callers must know what they promise.
        if line.trim_start().trim_start_matches("pub ").starts_with("unsafe fn") {
            assert!(has("# Safety"), "{}:{} has no Safety section", path.display(), number + 1);
        }
    }
}

/// Whether a line begins something unsafe that needs a reason.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.contains("unsafe {") || code.contains("unsafe impl")
}
