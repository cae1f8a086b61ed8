//! What a refusal means: whether a module is invalid as such, or only not part of what is supported.
//!
//! A refused module is validated once more, with every proposal switched on. That keeps two mistakes out of
//! the results: a valid module of the supported kind that is refused can never count as skipped, and a module that is refused
//! for the proposal that it uses never counts as refused for the error that a script is about.

use wasmparser::{Validator, WasmFeatures};

use crate::wasm::MachineError;

/// What a refused module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Valid, but outside the profile, for this reason.
    Outside(String),
    /// Invalid, for the reason that it was refused for.
    Invalid,
    /// Invalid, but refused for another reason.
    Unclear,
}

/// What the module in `bytes` is, which was refused with `error`.
pub fn standing(bytes: &[u8], error: &MachineError) -> Standing {
    let MachineError::Invalid { message, .. } = error else { return Standing::Invalid };
    match Validator::new_with_features(WasmFeatures::all()).validate_all(bytes) {
        Ok(_) => Standing::Outside(reason(error)),
        Err(other) if message.starts_with(other.message()) || other.message().starts_with(message) => {
            Standing::Invalid
        }
        Err(_) => Standing::Unclear,
    }
}

/// The reason for a skip: the message of a refusal, without its place.
pub fn reason(error: &MachineError) -> String {
    match error {
        MachineError::Invalid { message, .. } => format!("outside the profile: {message}"),
        other => other.to_string(),
    }
}
