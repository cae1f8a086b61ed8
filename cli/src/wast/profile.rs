//! What a refusal means: whether a module is invalid as such, or only not part of what is supported.
//!
//! A refused module is validated once more, with every proposal switched on. That keeps two mistakes out of
//! the results: a valid module of the supported kind that is refused never counts as skipped unless nobody
//! could tell, and a module that is refused for the proposal that it uses never counts as refused for the
//! error that a script is about.

use evmc_compiler::frontend::wasm::{FEATURES, WasmError};
use wasmparser::{Validator, WasmFeatures};

/// What a refused module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Valid, but outside the profile.
    Outside,
    /// Invalid, for the reason that it was refused for.
    Invalid,
    /// Invalid, but refused for another reason.
    Unclear,
}

/// What the module in `bytes` is, which was refused with `error`.
pub fn standing(bytes: &[u8], error: &WasmError) -> Standing {
    let told = reason(error);
    match Validator::new_with_features(WasmFeatures::all()).validate_all(bytes) {
        Ok(_) => Standing::Outside,
        Err(other) if told.starts_with(other.message()) || other.message().starts_with(&told) => {
            Standing::Invalid
        }
        Err(_) => Standing::Unclear,
    }
}

/// Why older versions of WebAssembly refuse a module that is valid now; `None` where they do not. Scripts of those
/// versions say that such modules are invalid.
pub fn older_refusal(bytes: &[u8]) -> Option<String> {
    let refusal = |features| Validator::new_with_features(features).validate_all(bytes).err();
    if refusal(FEATURES).is_some() {
        return None;
    }
    let error = refusal(WasmFeatures::WASM1).or_else(|| refusal(WasmFeatures::WASM2))?;
    Some(error.message().to_owned())
}

/// Why a module was refused, without the place.
pub fn reason(error: &WasmError) -> String {
    match error {
        WasmError::Invalid { reason, .. } => reason.clone(),
        WasmError::Unsupported { what, .. } => format!("`{what}` is not supported"),
        WasmError::TooLarge { what, limit, .. } => format!("more {what} than {limit}"),
    }
}
