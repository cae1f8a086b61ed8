//! What can be wrong with an input.
//!
//! Each kind of mistake has its own variant, since each has its own remedy. Offsets are in bytes from the
//! start of the text that the user gave.

use std::{io, path::PathBuf, sync::Arc};

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::hex::HexError;
use crate::archive::ArchiveError;

/// An input that cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum InputError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(
        code(evmc::input::read),
        help("an input is a file, a folder, `-` for standard input, or code itself as 0x…")
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// An archive cannot be read.
    #[error(transparent)]
    #[diagnostic(
        code(evmc::input::archive),
        help("expected is a tar archive compressed with gzip (.tar.gz) or zstd (.tar.zst)")
    )]
    Archive(#[from] ArchiveError),

    /// The file is larger than any sensible input.
    #[error("{origin} is larger than {limit} bytes")]
    #[diagnostic(code(evmc::input::file_too_large), help("pass the compiler's output for fewer sources"))]
    FileTooLarge {
        /// Where the input comes from.
        origin: String,
        /// The limit, in bytes.
        limit: u64,
    },

    /// A character that is no hexadecimal digit.
    #[error("{origin}: {found:?} at offset {offset} is not a hexadecimal digit")]
    #[diagnostic(
        code(evmc::input::hex_digit),
        help("code as text is hexadecimal digits, with or without 0x; white space is ignored")
    )]
    HexDigit {
        /// Where the input comes from.
        origin: String,
        /// Offset in the text, in bytes.
        offset: usize,
        /// The character.
        found: char,
        /// The surroundings.
        #[source_code]
        excerpt: Arc<NamedSource<String>>,
        /// The character within the surroundings.
        #[label("this one")]
        span: SourceSpan,
    },

    /// Half a byte is missing.
    #[error("{origin}: odd number of hexadecimal digits ({digits})")]
    #[diagnostic(
        code(evmc::input::hex_odd),
        help("two digits make a byte: check whether the text was cut off")
    )]
    HexOdd {
        /// Where the input comes from.
        origin: String,
        /// How many digits there are.
        digits: usize,
    },

    /// Library addresses are missing.
    #[error("{origin}: {contract} is not linked: {libraries}")]
    #[diagnostic(
        code(evmc::input::unlinked),
        help(
            "link it first, for example with `solc --link --libraries FILE:LIBRARY=0xADDRESS`, or set \
             `libraries` in the settings of the compiler"
        )
    )]
    Unlinked {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
        /// The libraries with the offsets of their placeholders.
        libraries: String,
    },

    /// The text is not text.
    #[error("{origin} is not UTF-8 at offset {offset}")]
    #[diagnostic(
        code(evmc::input::not_text),
        help("check whether this file is of the kind that its name tells")
    )]
    NotText {
        /// Where the input comes from.
        origin: String,
        /// Offset of the first byte that is wrong.
        offset: usize,
    },

    /// The text form of WebAssembly has a mistake.
    #[error("{origin}: {reason} at offset {offset}")]
    #[diagnostic(code(evmc::input::wat), help("expected is the text form of a WebAssembly module"))]
    Wat {
        /// Where the input comes from.
        origin: String,
        /// Offset in the text, in bytes.
        offset: usize,
        /// What is wrong.
        reason: String,
        /// The text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// The place of the mistake.
        #[label("here")]
        span: SourceSpan,
    },

    /// The text is no JSON.
    #[error("{origin} is not valid JSON")]
    #[diagnostic(code(evmc::input::json), help("check whether the file was cut off"))]
    Json {
        /// Where the input comes from.
        origin: String,
        /// Line, column and reason.
        source: serde_json::Error,
    },

    /// JSON of an unknown kind.
    #[error("{origin} holds no contracts in a form that is known")]
    #[diagnostic(
        code(evmc::input::json_kind),
        help(
            "known are: solc --combined-json bin,bin-runtime,abi; the output of solc --standard-json; \
             artifacts and build-info of Foundry and Hardhat"
        )
    )]
    UnknownJson {
        /// Where the input comes from.
        origin: String,
    },

    /// The output of a compiler that failed.
    #[error("{origin} is the output of a compilation that failed: {message}")]
    #[diagnostic(code(evmc::input::compilation_failed), help("correct the source and compile again"))]
    CompilationFailed {
        /// Where the input comes from.
        origin: String,
        /// The compiler's first error.
        message: String,
    },

    /// The compiler was not asked for runtime code.
    #[error("{origin}: {contract} has no runtime code (`deployedBytecode`)")]
    #[diagnostic(
        code(evmc::input::no_deployed_bytecode),
        help(
            "ask the compiler for it: `bin-runtime` in --combined-json, or `evm.deployedBytecode` in the \
             outputSelection of standard JSON; `run --create` needs the initcode only"
        )
    )]
    NoDeployedBytecode {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
    },

    /// The compiler was not asked for initcode.
    #[error("{origin}: {contract} has no initcode (`bytecode`)")]
    #[diagnostic(
        code(evmc::input::no_initcode),
        help("ask the compiler for it: `bin` in --combined-json, or `evm.bytecode` in standard JSON")
    )]
    NoInitcode {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
    },

    /// There is no code to compile.
    #[error("{origin}: {contract} has no code")]
    #[diagnostic(
        code(evmc::input::empty),
        help("interfaces and abstract contracts have none: choose a contract that can be deployed")
    )]
    Empty {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
    },

    /// Code beyond what this compiler takes.
    #[error("{origin}: the code of {contract} has {bytes} bytes; at most {limit} are accepted")]
    #[diagnostic(
        code(evmc::input::code_too_large),
        help("no fork allows code of this size; check whether this file is code at all")
    )]
    CodeTooLarge {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
        /// Size of the code, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },

    /// A folder without inputs.
    #[error("no contracts in {origin}")]
    #[diagnostic(
        code(evmc::input::none),
        help("looked for are files that end in .json, .bin, .hex, .bin-runtime, .evm or .tsv, and archives")
    )]
    NoContracts {
        /// Where was looked.
        origin: String,
    },

    /// One contract is needed and several are there.
    #[error("{origin} holds several contracts: {names}")]
    #[diagnostic(code(evmc::input::ambiguous), help("choose one with --contract NAME"))]
    Ambiguous {
        /// Where the input comes from.
        origin: String,
        /// Their names.
        names: String,
    },

    /// The chosen contract is not there.
    #[error("{origin} holds no contract {wanted}; there are: {names}")]
    #[diagnostic(
        code(evmc::input::no_such_contract),
        help("--contract takes a name, or FILE:NAME where a name occurs twice")
    )]
    NoSuchContract {
        /// Where the input comes from.
        origin: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        names: String,
    },
}

/// Characters shown on either side of a wrong one.
const EXCERPT_CHARACTERS: usize = 24;

impl InputError {
    /// Puts the origin and the surroundings to an error in hexadecimal text.
    pub(super) fn hex(error: HexError, origin: &str, text: &str) -> Self {
        let origin = origin.to_owned();
        match error {
            HexError::Odd { digits } => Self::HexOdd { origin, digits },
            HexError::Digit { offset, found } => {
                let (excerpt, start) = excerpt(text, offset);
                let span = (offset - start, found.len_utf8()).into();
                let excerpt = Arc::new(NamedSource::new(&origin, excerpt));
                Self::HexDigit { origin, offset, found, excerpt, span }
            }
        }
    }
}

/// The text around `offset`, cut at line ends, and the offset at which it starts.
fn excerpt(text: &str, offset: usize) -> (String, usize) {
    let before = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let start = before.max(text.floor_char_boundary(offset.saturating_sub(EXCERPT_CHARACTERS)));
    let after = text[offset..].find('\n').map_or(text.len(), |end| offset + end);
    let end = after.min(text.ceil_char_boundary(offset + EXCERPT_CHARACTERS));
    (text[start..end].to_owned(), start)
}

/// Something about an input that may be a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[diagnostic(severity(warning))]
pub enum Warning {
    /// Runtime code that looks like initcode.
    #[error("{origin}: the code of {contract} looks like initcode, not like runtime code")]
    #[diagnostic(
        code(evmc::input::looks_like_initcode),
        help(
            "it copies the rest of itself to memory and returns it. Calls never run initcode: pass the \
             runtime code (`solc --bin-runtime`), or deploy it with `run --create`"
        )
    )]
    LooksLikeInitcode {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
    },

    /// Runtime code that mainnet would not deploy.
    #[error("{origin}: the code of {contract} has {bytes} bytes, beyond the {limit} of EIP-170")]
    #[diagnostic(code(evmc::input::beyond_eip170), help("it can run here, but not be deployed on mainnet"))]
    BeyondEip170 {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
        /// Size of the code, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },

    /// An ABI that cannot be read.
    #[error("{origin}: the ABI of {contract} cannot be read: {reason}")]
    #[diagnostic(code(evmc::input::abi), help("outputs and logs will be shown as raw bytes"))]
    BadAbi {
        /// Where the input comes from.
        origin: String,
        /// Name of the contract.
        contract: String,
        /// What is wrong.
        reason: String,
    },
}
