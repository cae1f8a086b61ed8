//! Calling conventions: what a function takes and gives, derived from its effects.
//!
//! # EVM
//!
//! On x86-64 functions of a module call one another by `regcall`, which passes eleven integers in registers
//! and returns as many; elsewhere by LLVM's own `fastcc`.
//!
//! No integer is narrower than a register. Of a `regcall` that passes or returns `i32` or less in one of the
//! registers that a callee otherwise saves (`r12` to `r15`), LLVM tells the caller that the low half alone is
//! lost, and the callee that it need not save any of it: the caller then keeps other values in the whole register
//! across the call. Numbers of 64 bits name the whole register on both sides.
//!
//! # WebAssembly
//!
//! Functions call one another by `tailcc`: six integers and eight floats or vectors in registers, and a function can
//! end in a call of any other one with the same results. It depends on nothing but the signature and on whether gas is
//! counted, since functions of one module are called from another one. The registers for arguments and results are ones
//! that no callee saves, so narrow integers are passed as they are.

use cranelift_entity::SecondaryMap;
use evmc_abi::Effects;
use evmc_backend::Convention;
use evmc_backend::call_graph::effects;
use evmc_ir::{Func, Module, Opcode, Sig, Type, TypeClass};
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FunctionType};

use crate::value::Types;

/// Integer registers that carry results.
const RESULT_REGISTERS: usize = 11;

/// Integer registers that carry results of WebAssembly, the gas counter among them.
const WASM_RESULT_INTEGERS: usize = 3;

/// Vector registers that carry results of WebAssembly.
const WASM_RESULT_VECTORS: usize = 2;

/// LLVM's numbers of calling conventions.
pub(crate) mod convention {
    /// C.
    pub const C: u32 = 0;
    /// LLVM's own, on any target.
    pub const FAST: u32 = 8;
    /// Saves all registers, for calls that rarely happen.
    pub const PRESERVE_MOST: u32 = 14;
    /// C's registers; the callee frees the memory for arguments, so that any call can replace its caller.
    pub const TAIL: u32 = 18;
    /// Passes and returns as much as possible in registers, on x86.
    pub const REGCALL: u32 = 92;
}

/// What callers and callee agree on.
#[derive(Clone, Debug)]
pub(crate) struct Interface<'c> {
    /// Convention.
    pub convention: Convention,
    /// What the function and all that it calls may do.
    pub effects: Effects,
    /// Number of leading results in registers.
    pub in_registers: usize,
    /// Bytes of memory for the other results, see [`Interface::place`].
    pub memory: u32,
    /// LLVM's type.
    pub ty: FunctionType<'c>,
    /// LLVM's number of the convention.
    pub number: u32,
}

impl Interface<'_> {
    /// Offset in bytes of a result that no register holds.
    pub fn place(&self, result: usize) -> u32 {
        RESULT_BYTES * (result - self.in_registers) as u32
    }

    /// Whether memory bounds may have changed after a call.
    pub fn grows_memory(&self) -> bool {
        self.effects.contains(Effects::GROWS_MEMORY)
    }
}

/// Room for a result in memory, in bytes.
const RESULT_BYTES: u32 = 32;

/// The interfaces of all functions of a module, by function.
pub(crate) fn interfaces<'c>(
    module: &Module,
    types: &Types<'c>,
    is_x86: bool,
) -> SecondaryMap<Func, Option<Interface<'c>>> {
    let effects = effects(module);
    let mut interfaces = SecondaryMap::new();
    for (id, func) in module.functions.iter() {
        let convention = Convention::of(module, id, effects[id]);
        let params: Vec<Type> = func.param_types().collect();
        interfaces[id] = Some(interface(&params, &func.results, convention, effects[id], types, is_x86));
    }
    interfaces
}

/// The interfaces of functions that are called by reference, by signature.
pub(crate) fn signature_interfaces<'c>(
    module: &Module,
    types: &Types<'c>,
    is_x86: bool,
) -> SecondaryMap<Sig, Option<Interface<'c>>> {
    let is_metered = module.instance.as_ref().is_some_and(|instance| instance.metered);
    let convention = if is_metered { Convention::Counted } else { Convention::Uncounted };
    let effects = Opcode::CallRef.row().effects;
    let mut interfaces = SecondaryMap::new();
    for (id, signature) in module.signatures.iter() {
        let (params, results) = (&signature.params, &signature.results);
        interfaces[id] = Some(interface(params, results, convention, effects, types, is_x86));
    }
    interfaces
}

fn interface<'c>(
    own_params: &[Type],
    own_results: &[Type],
    convention: Convention,
    effects: Effects,
    types: &Types<'c>,
    is_x86: bool,
) -> Interface<'c> {
    let is_wasm = matches!(convention, Convention::Counted | Convention::Uncounted);
    let passed = |&ty: &Type| if is_wasm { types.of(ty) } else { types.passed(ty) };
    let (mut params, mut results): (Vec<BasicMetadataTypeEnum<'c>>, Vec<BasicTypeEnum<'c>>) =
        Default::default();
    params.push(types.pointer.into());
    match convention {
        Convention::Entry => results.push(types.i32.into()),
        Convention::Metered => {
            params.push(types.i64.into());
            results.extend([BasicTypeEnum::from(types.i32), types.i64.into()]);
        }
        Convention::Counted => {
            params.push(types.i64.into());
            results.push(types.i64.into());
        }
        Convention::Light | Convention::Uncounted => {}
    }
    params.extend(own_params.iter().map(|ty| BasicMetadataTypeEnum::from(passed(ty))));
    let in_registers = match is_wasm {
        true => leading_of_wasm(own_results, WASM_RESULT_INTEGERS - results.len()),
        false => leading(own_results, RESULT_REGISTERS - results.len()),
    };
    let memory = RESULT_BYTES * (own_results.len() - in_registers) as u32;
    if memory > 0 {
        params.push(types.pointer.into());
    }
    results.extend(own_results[..in_registers].iter().map(passed));
    let ty = match (convention, &results[..]) {
        (Convention::Entry, &[status, ..]) => status.fn_type(&params, false),
        _ => types.structure(&results).fn_type(&params, false),
    };
    let number = match convention {
        Convention::Entry => convention::C,
        _ if is_wasm => convention::TAIL,
        _ if is_x86 => convention::REGCALL,
        _ => convention::FAST,
    };
    Interface { convention, effects, in_registers, memory, ty, number }
}

/// How many leading results fit into so many integer registers.
fn leading(results: &[Type], mut registers: usize) -> usize {
    let fits = |&&ty: &&Type| {
        let needed = (ty.bits() as usize).div_ceil(64);
        let fits = needed <= registers;
        registers = registers.saturating_sub(needed);
        fits
    };
    results.iter().take_while(fits).count()
}

/// How many leading results of WebAssembly fit into so many integer registers, and those for vectors.
fn leading_of_wasm(results: &[Type], mut integers: usize) -> usize {
    let mut vectors = WASM_RESULT_VECTORS;
    let fits = |&&ty: &&Type| {
        let (left, needed) = match ty.class() {
            TypeClass::Float | TypeClass::Vector => (&mut vectors, 1),
            _ => (&mut integers, (ty.bits() as usize).div_ceil(64)),
        };
        let fits = needed <= *left;
        *left = left.saturating_sub(needed);
        fits
    };
    results.iter().take_while(fits).count()
}

/// The type of host functions, and of the runtime's: frame and words in, status out.
pub(crate) fn host_type<'c>(types: &Types<'c>) -> FunctionType<'c> {
    types.i32.fn_type(&[types.pointer.into(), types.pointer.into()], false)
}

/// The type of functions that end the runtime's innermost entry: frame, exit code, offset in the source.
pub(crate) fn leave_type<'c>(types: &Types<'c>) -> FunctionType<'c> {
    types.void.fn_type(&[types.pointer.into(), types.i32.into(), types.i32.into()], false)
}
