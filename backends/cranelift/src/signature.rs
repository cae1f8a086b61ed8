//! Calling conventions: what a function takes and gives, derived from its effects.

use cranelift_codegen::ir::{AbiParam, Signature, types};
use cranelift_codegen::isa::CallConv;
use cranelift_entity::SecondaryMap;
use evmc_backend::Convention;
use evmc_backend::call_graph::effects;
use evmc_ir::{Func, Module, Sig, Type};

use crate::value::{half_types, machine_type};

/// Integer registers that carry results in Cranelift's tail-call convention.
const RESULT_REGISTERS: usize = 8;

/// Where results go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResultPlaces {
    /// Registers for the first results, as Cranelift types.
    pub registers: Vec<types::Type>,
    /// Number of leading results in registers.
    pub in_registers: usize,
    /// Bytes of memory for the others, 16 a result.
    pub memory: u32,
}

/// What callers and callee agree on.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// Convention.
    pub convention: Convention,
    /// Where results go.
    pub results: ResultPlaces,
    /// Cranelift's signature.
    pub signature: Signature,
}

/// The interfaces of all functions of a legal module, by function.
pub(crate) fn interfaces(module: &Module) -> SecondaryMap<Func, Option<Interface>> {
    let effects = effects(module);
    let mut interfaces = SecondaryMap::new();
    for (id, func) in module.functions.iter() {
        let convention = Convention::of(module, id, effects[id]);
        interfaces[id] = Some(interface(func.param_types(), &func.results, convention));
    }
    interfaces
}

/// The interfaces of functions that are called by reference, by signature.
pub(crate) fn reference_interfaces(module: &Module) -> SecondaryMap<Sig, Option<Interface>> {
    let metered = module.instance.as_ref().is_some_and(|instance| instance.metered);
    let convention = if metered { Convention::Counted } else { Convention::Uncounted };
    let mut interfaces = SecondaryMap::new();
    for (id, signature) in module.signatures.iter() {
        interfaces[id] = Some(interface(signature.params.iter().copied(), &signature.results, convention));
    }
    interfaces
}

fn interface(param_types: impl Iterator<Item = Type>, results: &[Type], convention: Convention) -> Interface {
    let own_results: &[types::Type] = match convention {
        Convention::Entry => &[types::I32],
        Convention::Metered => &[types::I32, types::I64],
        Convention::Counted => &[types::I64],
        Convention::Light | Convention::Uncounted => &[],
    };
    let results = places(results, RESULT_REGISTERS - own_results.len());
    let mut signature = Signature::new(match convention {
        Convention::Entry => CallConv::SystemV,
        _ => CallConv::Tail,
    });
    let params = &mut signature.params;
    params.push(AbiParam::new(types::I64));
    if matches!(convention, Convention::Metered | Convention::Counted) {
        params.push(AbiParam::new(types::I64));
    }
    signature.returns.extend(own_results.iter().map(|&ty| AbiParam::new(ty)));
    params.extend(param_types.flat_map(half_types).map(|&ty| AbiParam::new(ty)));
    if results.memory > 0 {
        params.push(AbiParam::new(types::I64));
    }
    signature.returns.extend(results.registers.iter().map(|&ty| AbiParam::new(ty)));
    Interface { convention, results, signature }
}

/// Puts leading results in registers while there are any.
fn places(results: &[Type], mut integers: usize) -> ResultPlaces {
    let mut places = ResultPlaces::default();
    let mut floats = RESULT_REGISTERS;
    for &ty in results {
        let halves = half_types(ty);
        let free = if machine_type(ty).is_int() { &mut integers } else { &mut floats };
        if *free < halves.len() {
            break;
        }
        *free -= halves.len();
        places.registers.extend(halves);
        places.in_registers += 1;
    }
    places.memory = 16 * (results.len() - places.in_registers) as u32;
    places
}

/// Signature of the runtime's `leave`: frame, exit code and place in the source in; nothing comes out.
pub(crate) fn leave_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([types::I64, types::I32, types::I32].map(AbiParam::new));
    signature
}

/// Signature of host functions and of functions of the runtime: frame and words in, status out.
pub(crate) fn host_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([types::I64, types::I64].map(AbiParam::new));
    signature.returns.push(AbiParam::new(types::I32));
    signature
}
