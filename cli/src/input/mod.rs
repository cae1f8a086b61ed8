//! From what the user hands in to contracts.
//!
//! An input is a file, a folder, `-` for standard input, or code itself as `0x…`. What a file holds is
//! found out from its bytes, not from its name: JSON, a table, hexadecimal text or raw code. Only archives
//! are known by their names. A problem with one
//! contract stays with that contract, so a build of a whole folder can go on with the others.
//!
//! Sizes are bounded everywhere. Nothing here looks into compiled artifacts.

mod check;
mod contract;
mod error;
mod hex;
mod json;
mod table;

use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::Path,
    sync::OnceLock,
};

pub use contract::{Code, CodeProblem, Contract, MAX_CODE_BYTES, select_one};
pub use error::{InputError, Warning};
pub use hex::{HexError, Placeholder, decode as decode_hex};

use contract::{code_from_bytes, code_from_text};

use crate::archive::{self, Compression};

/// Greatest size of an input file, in bytes. Build-info files of large projects have some ten MiB.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// Endings of the files that are looked for in a folder.
const ENDINGS: [&str; 6] = ["json", "bin", "hex", "bin-runtime", "evm", "tsv"];

/// Where the bytes of `-` come from, in words.
pub const STANDARD_INPUT: &str = "standard input";

/// What the contract or module in standard input is called, unless it has a name.
pub const STANDARD_INPUT_NAME: &str = "stdin";

/// All of standard input. It can be read once, so it is kept: several kinds of input may be looked for in it.
pub fn standard_input() -> Result<&'static [u8], InputError> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(bytes) = BYTES.get() {
        return Ok(bytes);
    }
    let bytes = read_bounded(io::stdin().lock(), STANDARD_INPUT, Path::new(STANDARD_INPUT))?;
    Ok(BYTES.get_or_init(|| bytes))
}

/// The contracts of an input as given on the command line.
pub fn load(input: &str) -> Result<Vec<Contract>, InputError> {
    if input == "-" {
        return parse(standard_input()?.to_vec(), STANDARD_INPUT, STANDARD_INPUT_NAME);
    }
    if input.starts_with("0x") || input.starts_with("0X") {
        let code = code_from_text(input);
        return Ok(vec![Contract::bare("argument".to_owned(), "command line".to_owned(), code)]);
    }
    let path = Path::new(input);
    if path.is_dir() { load_folder(path) } else { load_file(path) }
}

/// The contracts of a file, or of the files in an archive.
fn load_file(path: &Path) -> Result<Vec<Contract>, InputError> {
    if let Some(compression) = Compression::of(path) {
        return load_archive(path, compression);
    }
    let bytes = read_file(path)?;
    parse(bytes, &path.display().to_string(), &stem(path))
}

/// Whether a file in a folder or an archive may hold contracts.
fn may_be_input(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The contracts of all files in an archive.
fn load_archive(path: &Path, compression: Compression) -> Result<Vec<Contract>, InputError> {
    let mut found = Found::default();
    let limit = MAX_FILE_BYTES;
    let _ = archive::each_file(path, compression, limit, may_be_input, |inner, bytes| {
        let origin = format!("{}!{}", path.display(), inner.display());
        found.add(parse(bytes, &origin, &stem(inner)))
    })?;
    found.finish(path)
}

/// What was found in a folder or an archive. Files of other kinds of JSON are passed over, as are
/// interfaces and abstract contracts.
#[derive(Default)]
struct Found {
    contracts: Vec<Contract>,
    failure: Option<InputError>,
}

impl Found {
    /// Adds the contracts of a file; breaks where the file has a fault.
    fn add(&mut self, file: Result<Vec<Contract>, InputError>) -> ControlFlow<()> {
        match file {
            Ok(contracts) => {
                self.contracts.extend(contracts.into_iter().filter(|one| !one.is_abstract()));
            }
            Err(InputError::UnknownJson { .. } | InputError::NoContracts { .. }) => {}
            Err(error) => {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// The contracts, if there are any and no file had a fault.
    fn finish(self, place: &Path) -> Result<Vec<Contract>, InputError> {
        match self.failure {
            Some(error) => Err(error),
            None if self.contracts.is_empty() => {
                Err(InputError::NoContracts { origin: place.display().to_string() })
            }
            None => Ok(self.contracts),
        }
    }
}

/// The bytes of a file, within the limit.
pub fn read_file(path: &Path) -> Result<Vec<u8>, InputError> {
    let file = File::open(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    read_bounded(file, &path.display().to_string(), path)
}

/// The contracts of all files under a folder.
fn load_folder(folder: &Path) -> Result<Vec<Contract>, InputError> {
    let mut found = Found::default();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| InputError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let path = entry.path();
        let wanted = may_be_input(path) || Compression::of(path).is_some();
        if entry.file_type().is_file() && wanted && found.add(load_file(path)).is_break() {
            break;
        }
    }
    found.finish(folder)
}

/// The contracts in `bytes`; `name` is for a contract that has none of its own.
fn parse(bytes: Vec<u8>, origin: &str, name: &str) -> Result<Vec<Contract>, InputError> {
    let code = match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim_start().starts_with('{') => return json::read(&bytes, origin),
        Ok(text) if table::is_table(text) => return Ok(table::read(text, origin)),
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
    archive::read_bounded(reader, MAX_FILE_BYTES).map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => {
            InputError::FileTooLarge { origin: origin.to_owned(), limit: MAX_FILE_BYTES }
        }
        _ => InputError::Read { path: path.to_owned(), source },
    })
}

/// A file's name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
