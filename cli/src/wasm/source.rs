//! Modules as files: binary or text.
//!
//! A module is known by its first bytes, its text form by a first parenthesis. What such a file holds beside
//! that is the compiler's to judge.

use std::{fs::File, io::Read, ops::ControlFlow, path::Path, sync::Arc};

use miette::NamedSource;
use wast::{
    Wat,
    lexer::Lexer,
    parser::{self, ParseBuffer},
};

use crate::{
    archive::{self, Compression},
    error::CliError,
    input::{self, InputError},
};

/// First bytes of every module.
const MAGIC: &[u8; 4] = b"\0asm";

/// Bytes of a file that tell what it is, at most.
const PROBE_BYTES: u64 = 64 << 10;

/// A module in its binary form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it: the file's name without its ending.
    pub name: String,
    /// Where it was read from.
    pub origin: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The module in a file or in standard input (`-`); `None` for every other kind of input.
///
/// # Errors
/// When there is such a file but it cannot be read, or its text is wrong.
pub fn read(input: &str) -> Result<Option<Source>, InputError> {
    if input == "-" {
        let bytes = input::standard_input()?;
        if !is_module(bytes) {
            return Ok(None);
        }
        return module(input::STANDARD_INPUT_NAME, input::STANDARD_INPUT, bytes.to_vec()).map(Some);
    }
    let path = Path::new(input);
    if !path.is_file() || !is_module(&probe(path)) {
        return Ok(None);
    }
    let bytes = input::read_file(path)?;
    module(&stem(path), input, bytes).map(Some)
}

/// A module of either form.
fn module(name: &str, origin: &str, bytes: Vec<u8>) -> Result<Source, InputError> {
    let bytes = if bytes.starts_with(MAGIC) { bytes } else { from_text(bytes, origin)? };
    Ok(Source { name: name.to_owned(), origin: origin.to_owned(), bytes })
}

/// A file's name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The modules in an archive, in its files that end in `.wasm` or `.wat`.
fn read_archive(path: &Path, compression: Compression) -> Result<Vec<Source>, InputError> {
    let mut found = Vec::new();
    let mut failure = None;
    let _ = archive::each_file(path, compression, input::MAX_FILE_BYTES, is_named_module, |inner, bytes| {
        let origin = format!("{}!{}", path.display(), inner.display());
        match module(&stem(inner), &origin, bytes) {
            Ok(source) => found.push(source),
            Err(error) => failure = Some(error),
        }
        if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failure.map_or(Ok(found), Err)
}

/// Whether a file is named as a module.
fn is_named_module(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "wasm" || ending == "wat")
}

/// The modules of all inputs, of folders and archives those that end in `.wasm` or `.wat`; `None` where there are none.
///
/// # Errors
/// An input cannot be read, or there are modules and something else.
pub fn read_all(inputs: &[String]) -> Result<Option<Vec<Source>>, CliError> {
    let mut modules = Vec::new();
    let mut others = Vec::new();
    for input in inputs {
        let before = modules.len();
        let path = Path::new(input);
        if let Some(compression) = Compression::of(path).filter(|_| path.is_file()) {
            modules.extend(read_archive(path, compression)?);
        } else if path.is_dir() {
            for path in walk(path)? {
                modules.extend(read(&path)?);
            }
        } else {
            modules.extend(read(input)?);
        }
        if modules.len() == before {
            others.push(input.as_str());
        }
    }
    match (modules.is_empty(), others.first()) {
        (true, _) => Ok(None),
        (false, None) => Ok(Some(modules)),
        (false, Some(other)) => Err(CliError::usage(
            format!("there are WebAssembly modules among the inputs, but {other} is none"),
            "treat contracts and modules one after the other",
        )),
    }
}

/// The files of a folder that are named as modules.
fn walk(folder: &Path) -> Result<Vec<String>, CliError> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| CliError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() && is_named_module(entry.path()) {
            found.push(entry.path().display().to_string());
        }
    }
    Ok(found)
}

/// The beginning of a file; nothing of one that cannot be read.
fn probe(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(PROBE_BYTES).read_to_end(&mut start)) {
        Ok(_) => start,
        Err(_) => Vec::new(),
    }
}

/// Whether a file that begins so is a module.
fn is_module(mut start: &[u8]) -> bool {
    if start.starts_with(MAGIC) {
        return true;
    }
    loop {
        start = start.trim_ascii_start();
        let comment = if start.starts_with(b";;") {
            start.iter().position(|&byte| byte == b'\n')
        } else if start.starts_with(b"(;") {
            start.windows(2).position(|pair| pair == b";)").map(|end| end + 2)
        } else {
            return start.starts_with(b"(");
        };
        match comment {
            Some(end) => start = &start[end..],
            None => return false,
        }
    }
}

/// A module from its text form.
///
/// # Errors
/// Where the text is wrong, and why.
pub fn from_text(bytes: Vec<u8>, origin: &str) -> Result<Vec<u8>, InputError> {
    let text = String::from_utf8(bytes).map_err(|error| InputError::NotText {
        origin: origin.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    encode(&text).map_err(|error| {
        let offset = error.span().offset();
        InputError::Wat {
            origin: origin.to_owned(),
            offset,
            reason: error.message(),
            span: (offset.min(text.len()), 0).into(),
            text: Arc::new(NamedSource::new(origin, text)),
        }
    })
}

/// The binary form of a text.
fn encode(text: &str) -> Result<Vec<u8>, wast::Error> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    parser::parse::<Wat<'_>>(&buffer)?.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_known_by_how_they_begin() {
        for module in ["\0asm\u{1}\0\0\0", "(module)", ";; a\n(; b\n ;) (func)"] {
            assert!(is_module(module.as_bytes()), "{module:?}");
        }
        for other in ["", "{}", "6001", "0x6001", ";; only", "(; open", "\0"] {
            assert!(!is_module(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn mistakes_in_a_text_have_their_place() {
        let text = "(module\n  (func (result i33)))";
        let Err(InputError::Wat { offset, reason, .. }) = from_text(text.into(), "a.wat") else {
            panic!("the text is wrong");
        };
        assert_eq!(offset, text.find("i33").expect("it is there"));
        assert!(!reason.is_empty());
        assert_eq!(from_text(b"(module)".into(), "a.wat").expect("right"), b"\0asm\x01\0\0\0");
        assert!(matches!(from_text(vec![b'(', 0xff], "a.wat"), Err(InputError::NotText { offset: 1, .. })));
    }
}
