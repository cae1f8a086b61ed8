//! Which WebAssembly is taken.

use wasmparser::WasmFeatures;

/// The features that modules may use: WebAssembly 2.0 and the proposals tail-call, multi-memory, extended-const and
/// wide-arithmetic.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// The names that the decoder has for groups of operators in [`FEATURES`].
pub(super) const PROPOSALS: [&str; 8] = [
    "mvp",
    "sign_extension",
    "saturating_float_to_int",
    "bulk_memory",
    "reference_types",
    "tail_call",
    "simd",
    "wide_arithmetic",
];

/// How large modules and their IR may be. What a format allows beyond (a thousand results of a call in two bytes,
/// say) would let a small module take all memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a module.
    pub module_bytes: u64,
    /// Most work that compiling a module may be, in the units of `work`.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { module_bytes: 1 << 25, work: WORK }
    }
}

/// Work that is done unless told otherwise: 1.7 s and 400 MB, so that the dearest of what is weighed too low stays
/// within 2 s and 512 MB.
pub const WORK: u64 = 1 << 23;

/// Steps of validation that a function may take for each byte of its body: an operator takes one, and one for each value
/// that it takes and gives, and a table of branches one for each target and each value.
pub(super) const STEPS_PER_BYTE: u64 = 64;

/// Steps that every function may take.
pub(super) const STEPS: u64 = 1 << 12;
