//! Hashes the sources that decide what compiled code looks like, for [`compiler_build`] in `src/driver.rs`.
//!
//! Two compilers of one version that make different code must not have one name: a store would take the artifacts of
//! the one for those of the other. The hash is over names and contents of files alone, so that it is the same
//! in every checkout.

#![forbid(unsafe_code)]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What is hashed, seen from the workspace. `Cargo.lock` names the versions of Cranelift and inkwell.
const SOURCES: [&str; 7] = [
    "Cargo.lock",
    "llvm.toml",
    "ir/src",
    "compiler/src",
    "backends",
    "runtime-support/abi",
    "runtime-support/artifact",
];

/// Hexadecimal digits of the hash that are kept.
const DIGITS: usize = 16;

fn main() -> io::Result<()> {
    let compiler = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = compiler.parent().unwrap_or(&compiler);
    let mut files = Vec::new();
    for source in SOURCES {
        let path = workspace.join(source);
        println!("cargo:rerun-if-changed={}", path.display());
        collect(&path, &mut files)?;
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let name = file.strip_prefix(workspace).unwrap_or(&file).to_string_lossy().into_owned();
        let content = fs::read(&file)?;
        for part in [name.as_bytes(), &content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    println!("cargo:rustc-env=EVMC_SOURCES={}", &hasher.finalize().to_hex()[..DIGITS]);
    Ok(())
}

/// The files under a path; none where it does not exist, as outside of the workspace.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}
