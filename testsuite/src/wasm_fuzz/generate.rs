//! Modules and calls from a seed.

use arbitrary::Unstructured;
use fastrand::Rng;
use wasm_smith::{Config, Module};

use super::loops;

/// Bytes of entropy for a module.
const ENTROPY: std::ops::Range<usize> = 500..8_000;

/// Of so many cases one is a module of counted loops.
pub const LOOPS_EVERY: u64 = 3;

/// Calls of each exported function.
const CALLS: usize = 2;

/// A module with the calls to be made of it, in order.
#[derive(Clone, Debug)]
pub struct Case {
    /// The module, in binary form.
    pub wasm: Vec<u8>,
    /// Seed of the arguments.
    pub seed: u64,
    /// Gas of each call.
    pub gas: u64,
}

/// The case with this number, or `None` where its entropy makes no module.
pub fn case(seed: u64) -> Option<Case> {
    let mut rng = Rng::with_seed(seed);
    let wasm = match seed % LOOPS_EVERY {
        0 => loops::module(&mut rng),
        _ => any_module(&mut rng)?,
    };
    let gas = if rng.u8(..8) == 0 { rng.u64(..2_000) } else { 300_000 };
    Some(Case { wasm, seed, gas })
}

/// A module of anything that validates.
fn any_module(rng: &mut Rng) -> Option<Vec<u8>> {
    let mut entropy = vec![0; rng.usize(ENTROPY)];
    rng.fill(&mut entropy);
    let config = config(rng);
    let module = Module::new(config, &mut Unstructured::new(&entropy)).ok()?;
    Some(module.to_bytes())
}

/// What modules hold: all that is compiled, nothing that is not.
fn config(rng: &mut Rng) -> Config {
    Config {
        bulk_memory_enabled: true,
        canonicalize_nans: rng.bool(),
        custom_descriptors_enabled: false,
        custom_page_sizes_enabled: false,
        disallow_traps: rng.bool(),
        exceptions_enabled: false,
        export_everything: true,
        extended_const_enabled: true,
        gc_enabled: false,
        max_imports: 0,
        max_memories: 1 + rng.usize(..2),
        max_memory32_bytes: 1 << 20,
        max_tables: 3,
        max_table_elements: 1_000,
        memory64_enabled: false,
        memory_max_size_required: true,
        min_funcs: 1,
        min_globals: 1,
        min_types: 1,
        multi_value_enabled: true,
        reference_types_enabled: rng.bool(),
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: rng.bool(),
        tail_call_enabled: rng.bool(),
        table_max_size_required: true,
        threads_enabled: false,
        wide_arithmetic_enabled: true,
        ..Config::default()
    }
}

/// Bits of arguments at which implementations differ.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
    0x7fc0_0000,
    0x7ff8_0000_0000_0000,
    0x3f80_0000,
    0x4330_0000_0000_0000,
];

/// Bits of an argument; which of them count depends on its type.
pub fn argument(rng: &mut Rng) -> u128 {
    let half = |rng: &mut Rng| match rng.u8(..4) {
        0 => EDGES[rng.usize(..EDGES.len())],
        1 => rng.u64(..256),
        2 => rng.u64(..1 << 20),
        _ => rng.u64(..),
    };
    u128::from(half(rng)) | u128::from(half(rng)) << 64
}

/// The order in which functions are called, each [`CALLS`] times.
pub fn order(functions: usize) -> impl Iterator<Item = usize> {
    (0..CALLS).flat_map(move |_| 0..functions)
}
