//! From what the user hands in to contracts.
//!
//! An input is a file, a folder, `-` for standard input, or code itself as `0x…`. What a file holds is
//! found out from its bytes, not from its name: JSON, hexadecimal text or raw code. A problem with one
//! contract stays with that contract, so a build of a whole folder can go on with the others.
//!
//! Sizes are bounded everywhere. Nothing here looks into compiled artifacts.

mod check;
mod contract;
mod error;
mod hex;
mod json;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

pub use contract::{Code, CodeProblem, Contract, MAX_CODE_BYTES, select_one};
pub use error::{InputError, Warning};
pub use hex::{HexError, Placeholder, decode as decode_hex};

use contract::{code_from_bytes, code_from_text};

/// Greatest size of an input file, in bytes. Build-info files of large projects have some ten MiB.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// Endings of the files that are looked for in a folder.
const ENDINGS: [&str; 5] = ["json", "bin", "hex", "bin-runtime", "evm"];

/// The contracts of an input as given on the command line.
pub fn load(input: &str) -> Result<Vec<Contract>, InputError> {
    if input == "-" {
        let origin = "standard input";
        let bytes = read_bounded(io::stdin().lock(), origin, Path::new(origin))?;
        return parse(bytes, origin, "stdin");
    }
    if input.starts_with("0x") || input.starts_with("0X") {
        let code = code_from_text(input);
        return Ok(vec![Contract::bare("argument".to_owned(), "command line".to_owned(), code)]);
    }
    let path = Path::new(input);
    if path.is_dir() { load_folder(path) } else { load_file(path) }
}

/// The contracts of a file.
fn load_file(path: &Path) -> Result<Vec<Contract>, InputError> {
    let bytes = read_file(path)?;
    parse(bytes, &path.display().to_string(), &stem(path))
}

/// The bytes of a file, within the limit.
pub fn read_file(path: &Path) -> Result<Vec<u8>, InputError> {
    let file = File::open(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    read_bounded(file, &path.display().to_string(), path)
}

/// The contracts of all files under a folder. Files of other kinds of JSON are passed over, as are
/// interfaces and abstract contracts.
fn load_folder(folder: &Path) -> Result<Vec<Contract>, InputError> {
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| InputError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let ending = entry.path().extension().and_then(|ending| ending.to_str());
        if !entry.file_type().is_file() || !ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            continue;
        }
        match load_file(entry.path()) {
            Ok(contracts) => all.extend(contracts.into_iter().filter(|one| !one.is_abstract())),
            Err(InputError::UnknownJson { .. } | InputError::NoContracts { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if all.is_empty() {
        return Err(InputError::NoContracts { origin: folder.display().to_string() });
    }
    Ok(all)
}

/// The contracts in `bytes`; `name` is for a contract that has none of its own.
fn parse(bytes: Vec<u8>, origin: &str, name: &str) -> Result<Vec<Contract>, InputError> {
    let code = match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim_start().starts_with('{') => return json::read(&bytes, origin),
        Ok(text) if is_text(text) => code_from_text(text),
        _ => code_from_bytes(bytes),
    };
    Ok(vec![Contract::bare(name.to_owned(), origin.to_owned(), code)])
}

/// Whether this is text that a person or a compiler wrote, not code that happens to be UTF-8.
fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())
}

/// Reads to the end, or fails where that is beyond [`MAX_FILE_BYTES`].
fn read_bounded(reader: impl Read, origin: &str, path: &Path) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(InputError::FileTooLarge { origin: origin.to_owned(), limit: MAX_FILE_BYTES });
    }
    Ok(bytes)
}

/// A file's name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
