//! The WebAssembly frontend.
//!
//! A module is decoded and validated as a whole first ([`decode`], [`survey`]), its functions in parallel. What comes behind
//! relies on that and only on that: indices are in range, types match, blocks nest. Then each function becomes one of the
//! IR, again in parallel; results stand in the order of the module, so that output depends on the input alone.
//!
//! * [`profile`]: which proposals are taken, and how large things may be.
//! * [`decode`]: sections to [`ModuleInfo`]; what is left are the bodies.
//! * [`survey`]: validates a body and notes what lowering wants to know before it comes there.
//! * [`lower`]: operators to IR, one family of operators in a file.
//! * [`locals`]: locals become SSA values.
//! * [`cost`]: what operators cost.
//! * [`work`]: how much work compiling is.
//! * [`entries`]: the functions between runtime and code.
//!
//! Time and memory are near-linear in the size of the module whatever it holds; where the IR of a module is out of proportion
//! to it, that is an error ([`Limits`]). Nothing here recurses on the input.

pub mod cost;
mod decode;
mod entries;
mod error;
mod locals;
mod lower;
mod names;
mod operator;
mod profile;
mod survey;
mod types;
pub(crate) mod work;

use evmc_abi::wasm::{EntryId, EntryKind};
use evmc_ir::{Func, Function, Instance, Module};
use evmc_wasm_module::ModuleInfo;
use rayon::prelude::*;

pub use self::cost::CostTable;
use self::decode::{Body, Decoded};
pub use self::error::WasmError;
use self::lower::Environment;
pub use self::profile::{FEATURES, Limits, WORK};
use self::survey::Survey;

/// How to compile a module.
#[derive(Clone, Debug)]
pub struct WasmConfig {
    /// Whether the code counts gas.
    pub metered: bool,
    /// What operators cost, where gas is counted.
    pub costs: CostTable,
    /// How large modules and their IR may be.
    pub limits: Limits,
}

impl Default for WasmConfig {
    fn default() -> Self {
        Self { metered: true, costs: CostTable::standard().clone(), limits: Limits::default() }
    }
}

/// Lowers a module to IR, and describes what of it is not code.
///
/// # Errors
/// The module is not valid under [`FEATURES`], or over a limit.
pub fn lower(wasm: &[u8], config: &WasmConfig) -> Result<(Module, ModuleInfo), WasmError> {
    weigh(wasm, config).map(|(module, info, _)| (module, info))
}

/// [`lower`], and how much work compiling the module is, which is held against the limit.
///
/// # Errors
/// As [`lower`].
pub fn weigh(wasm: &[u8], config: &WasmConfig) -> Result<(Module, ModuleInfo, u64), WasmError> {
    let mut decoded = decode::decode(wasm, config)?;
    let surveys = validate(&mut decoded)?;
    decoded.number_signatures(&surveys);
    let environment = Environment::new(&decoded, config);
    environment.spend(0)?;
    let mut functions = lower_bodies(&decoded.bodies, &surveys, &environment)?;
    let own = functions.len() as u32;
    functions.extend(entries::build(&environment));
    let names = names::choose(&decoded.info, own);
    let mut module = Module { signatures: environment.signatures(), ..Module::default() };
    for (function, name) in functions.into_iter().zip(names) {
        module.functions.push(Function { name, ..function });
    }
    let work = environment.work();
    let shape = decoded.info.shape();
    let entries = entry_ids(own, shape.signatures).zip(module.functions.keys()).collect();
    module.instance = Some(Instance { shape, metered: config.metered, entries });
    Ok((module, decoded.info, work))
}

/// The entries in the order of their functions: those of the module, then two for each signature.
fn entry_ids(own: u32, signatures: u32) -> impl Iterator<Item = EntryId> {
    let of_signature = |number| {
        [EntryKind::Enter, EntryKind::CallHost].into_iter().map(move |kind| EntryId { kind, number })
    };
    let of_function = |number| EntryId { kind: EntryKind::Function, number };
    (0..own).map(of_function).chain((0..signatures).flat_map(of_signature))
}

/// Validates every body; the error is that of the first that is wrong.
fn validate(decoded: &mut Decoded<'_>) -> Result<Vec<Survey>, WasmError> {
    let types = &decoded.types;
    let functions = &decoded.function_types;
    let surveys: Vec<_> = decoded
        .bodies
        .par_iter_mut()
        .map(|body| {
            let validator = body.validator.take();
            validator.map_or(Ok(Survey::default()), |validator| {
                survey::survey(validator, &body.code, types, functions)
            })
        })
        .collect();
    surveys.into_iter().collect()
}

/// Lowers every body. All can only fail for the limit that they share, so that it does not matter which does.
fn lower_bodies(
    bodies: &[Body<'_>],
    surveys: &[Survey],
    environment: &Environment<'_>,
) -> Result<Vec<Function>, WasmError> {
    let functions: Vec<_> = bodies
        .par_iter()
        .zip(surveys)
        .enumerate()
        .map(|(own, (body, survey))| lower::function(environment, Func::from_u32(own as u32), body, survey))
        .collect();
    functions.into_iter().collect()
}
