//! The kernels: modules in a folder, and a list of them.
//!
//! A line of `KERNELS.txt` names a kernel, its argument, what it must give, and what it is about. The given list lacks the
//! last, so that stands here.

use std::{error::Error, fs, path::Path};

use evmc_testsuite::data_folder;

/// The topic of kernels that compute with floats, for those who treat these differently.
pub const FLOAT: &str = "float";

/// The folder of our own kernels.
pub const OWN_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wasm");

/// What the given kernels are about.
const GIVEN_TOPICS: &[(&str, &str)] = &[
    ("fib", "recursion"),
    ("keccak", "hashing"),
    ("sha256", "hashing"),
    ("mont256", "bignum"),
    ("gemm", FLOAT),
    ("nbody", FLOAT),
    ("coremark", "branches"),
];

/// A kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Name, unique in the set.
    pub name: String,
    /// What `run` is called with.
    pub argument: i32,
    /// What it must give.
    pub expected: i64,
    /// What it is about.
    pub topic: String,
    /// Whether its source is part of this project.
    pub is_own: bool,
    /// The module.
    pub wasm: Vec<u8>,
}

impl Kernel {
    /// Whether it computes with floats.
    pub fn has_floats(&self) -> bool {
        self.topic == FLOAT
    }
}

/// Our own kernels.
///
/// # Errors
/// A file cannot be read, or the list makes no sense.
pub fn own() -> Result<Vec<Kernel>, Box<dyn Error>> {
    read(Path::new(OWN_FOLDER), true)
}

/// The given kernels; `None` where they are missing.
///
/// # Errors
/// As [`own`].
pub fn given() -> Result<Option<Vec<Kernel>>, Box<dyn Error>> {
    let folder = data_folder().join("wasm-kernels");
    folder.exists().then(|| read(&folder, false)).transpose()
}

/// The kernels that a folder lists.
fn read(folder: &Path, is_own: bool) -> Result<Vec<Kernel>, Box<dyn Error>> {
    let list = fs::read_to_string(folder.join("KERNELS.txt"))?;
    let lines = list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let kernel = |line| {
        let kernel = parse(line).ok_or_else(|| format!("no kernel: {line}"))?;
        let wasm = fs::read(folder.join(format!("{}.wasm", kernel.name)))?;
        Ok(Kernel { wasm, is_own, ..kernel })
    };
    lines.map(kernel).collect()
}

/// A line of the list.
fn parse(line: &str) -> Option<Kernel> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let (argument, expected) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let given = || GIVEN_TOPICS.iter().find(|(given, _)| *given == name).map(|(_, topic)| *topic);
    let topic = words.next().or_else(given).unwrap_or("other").to_owned();
    Some(Kernel { name: name.to_owned(), argument, expected, topic, is_own: false, wasm: Vec::new() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A module that is committed stays small.
    const MAX_BYTES: usize = 40 * 1024;

    #[test]
    fn lines_have_three_or_four_words() {
        let kernel = parse("fib 38 -39088169").expect("a line");
        assert_eq!((kernel.argument, kernel.expected, &*kernel.topic), (38, -39_088_169, "recursion"));
        assert!(parse("fft 4 5 float").is_some_and(|kernel| kernel.has_floats()));
        assert!(parse("fib 38").is_none() && parse("fib x 1").is_none());
    }

    #[test]
    fn every_source_is_listed_and_built() {
        let listed: BTreeSet<String> =
            own().expect("readable").into_iter().map(|kernel| kernel.name).collect();
        let sources = fs::read_dir(Path::new(OWN_FOLDER).join("src")).expect("readable");
        let names = sources.map(|entry| entry.expect("readable").path());
        let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        let sources: BTreeSet<String> =
            names.map(|path| stem(&path)).filter(|name| name != "kernel").collect();
        assert_eq!(listed, sources);
    }

    #[test]
    fn modules_are_small() {
        for kernel in own().expect("readable") {
            assert!(kernel.wasm.len() < MAX_BYTES, "{}", kernel.name);
        }
    }
}
