//! Why a module was not lowered.

use thiserror::Error;
use wasmparser::BinaryReaderError;

/// Why a module was not lowered. Offsets are in bytes, from the start of the module.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WasmError {
    /// The module is not valid under the features that are taken.
    #[error("at offset {offset:#x}: {reason}")]
    Invalid {
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The module uses something that is not supported.
    #[error("at offset {offset:#x}: `{what}` is not supported")]
    Unsupported {
        /// Where.
        offset: u64,
        /// What is not supported.
        what: String,
    },
    /// Something is larger than its limit.
    #[error("at offset {offset:#x}: more {what} than {limit}")]
    TooLarge {
        /// Where: the module, or the function that is too large.
        offset: u64,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

impl From<BinaryReaderError> for WasmError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid { offset: error.offset() as u64, reason: error.message().to_owned() }
    }
}
