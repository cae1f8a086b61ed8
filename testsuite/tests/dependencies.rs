//! Which crate may know which, and why a foreign crate is there at all.
//!
//! A node that only loads artifacts must never link a code generator, artifacts must not depend on the types
//! of the virtual machine that runs them, and a backend must not know the frontends.

#![forbid(unsafe_code)]

use std::fs;

use evmc_testsuite::workspace::Workspace;

/// Each crate with the crates of the workspace that it may depend on, tests aside.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("evmc-abi", &[]),
    ("evmc-ir", &["evmc-abi"]),
    ("evmc-backend", &["evmc-abi", "evmc-ir"]),
    ("evmc-backend-cranelift", &["evmc-abi", "evmc-ir", "evmc-backend"]),
    ("evmc-backend-llvm", &["evmc-abi", "evmc-ir", "evmc-backend"]),
    ("evmc-compiler", &["evmc-abi", "evmc-ir", "evmc-backend", "evmc-wasm-module"]),
    ("evmc-artifact", &["evmc-abi"]),
    ("evmc-wasm-module", &["evmc-abi"]),
    ("evmc-wasm", &["evmc-abi", "evmc-artifact", "evmc-loader", "evmc-wasm-module"]),
    ("evmc-loader", &["evmc-abi", "evmc-artifact"]),
    ("evmc-store", &["evmc-abi", "evmc-artifact"]),
    ("evmc-revm", &["evmc-abi", "evmc-artifact", "evmc-loader", "evmc-store"]),
    ("evmc-background", &["evmc-abi", "evmc-revm"]),
    ("evmc-alloy", &["evmc-revm"]),
    ("evmc-parallel", &["evmc-revm"]),
    (
        "evmc",
        &[
            "evmc-abi",
            "evmc-ir",
            "evmc-backend",
            "evmc-backend-cranelift",
            "evmc-backend-llvm",
            "evmc-compiler",
            "evmc-artifact",
            "evmc-loader",
            "evmc-store",
            "evmc-revm",
            "evmc-background",
            "evmc-parallel",
            "evmc-wasm-module",
            "evmc-wasm",
        ],
    ),
    (
        "evmc-testsuite",
        &[
            "evmc",
            "evmc-abi",
            "evmc-ir",
            "evmc-backend",
            "evmc-backend-cranelift",
            "evmc-compiler",
            "evmc-artifact",
            "evmc-loader",
            "evmc-store",
            "evmc-revm",
            "evmc-alloy",
            "evmc-parallel",
            "evmc-wasm-module",
            "evmc-wasm",
        ],
    ),
    ("evmc-bench-native", &[]),
    (
        "evmc-benches",
        &[
            "evmc",
            "evmc-abi",
            "evmc-ir",
            "evmc-backend",
            "evmc-backend-cranelift",
            "evmc-compiler",
            "evmc-artifact",
            "evmc-loader",
            "evmc-store",
            "evmc-revm",
            "evmc-parallel",
            "evmc-wasm-module",
            "evmc-wasm",
            "evmc-testsuite",
            "evmc-bench-native",
        ],
    ),
];

/// Foreign crates, by the start of their names, that only some crates may use, tests aside.
const ONLY_IN: &[(&str, &[&str])] = &[
    (
        "revm",
        &[
            "evmc-revm",
            "evmc-background",
            "evmc-alloy",
            "evmc-parallel",
            "evmc",
            "evmc-testsuite",
            "evmc-benches",
        ],
    ),
    ("alloy", &["evmc-alloy", "evmc-parallel", "evmc", "evmc-testsuite", "evmc-benches"]),
    ("cranelift-codegen", &["evmc-backend-cranelift"]),
    ("cranelift-frontend", &["evmc-backend-cranelift"]),
    ("cranelift-module", &["evmc-backend-cranelift"]),
    ("cranelift-object", &["evmc-backend-cranelift"]),
    ("inkwell", &["evmc-backend-llvm"]),
    ("wasmtime", &["evmc", "evmc-testsuite", "evmc-benches"]),
    ("libloading", &["evmc-bench-native"]),
];

/// Dependencies that may share one comment in the root manifest.
const MAX_SHARING_A_REASON: usize = 4;

#[test]
fn crates_know_only_what_they_may() {
    for package in Workspace::load().packages {
        let row = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package.name);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{} is not in the table", package.name));
        for own in package.needs().filter(|name| MAY_DEPEND_ON.iter().any(|(member, _)| member == name)) {
            assert!(allowed.contains(&own), "{} must not depend on {own}", package.name);
        }
    }
}

#[test]
fn code_generators_and_virtual_machines_stay_where_they_belong() {
    for package in Workspace::load().packages {
        for (prefix, users) in ONLY_IN {
            let uses = package.needs().any(|name| name.starts_with(prefix));
            assert!(
                !uses || users.contains(&package.name.as_str()),
                "{} must not use {prefix}",
                package.name
            );
        }
    }
}

#[test]
fn the_abi_needs_nothing() {
    let workspace = Workspace::load();
    let abi = workspace.packages.iter().find(|package| package.name == "evmc-abi").expect("evmc-abi exists");
    assert_eq!(abi.needs().collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn every_dependency_has_a_reason() {
    let root = Workspace::load().workspace_root.join("Cargo.toml");
    let manifest = fs::read_to_string(root).expect("the root manifest can be read");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("there are dependencies");
    let mut sharing = MAX_SHARING_A_REASON;
    for line in section.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            sharing = 0;
        } else if !line.contains("path = ") {
            sharing += 1;
            assert!(sharing <= MAX_SHARING_A_REASON, "no reason above: {line}");
        }
    }
}

#[test]
fn versions_stand_in_the_root_manifest_alone() {
    for package in Workspace::load().packages {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
        let sections = manifest
            .split("\n[")
            .filter(|section| section.lines().next().is_some_and(|header| header.ends_with("dependencies]")));
        for line in sections.flat_map(|section| section.lines().skip(1)).filter(|line| line.contains('=')) {
            let inherited = line.starts_with('#') || line.contains("workspace = true");
            assert!(inherited, "{}: {line}", package.manifest_path.display());
        }
    }
}
