//! The functions between runtime and code, two for each signature: see [`evmc_abi::wasm`].
//!
//! * `enter` calls the function of the frame with arguments from the slots, and puts its results there. Before that it
//!   checks gas: nobody sees results that were not paid for.
//! * `host` has the signature, and calls the host function of the frame by way of the slots. It checks gas before, because
//!   what calls it through a table has not.

use evmc_abi::{Field, RuntimeFn};
use evmc_ir::{Builder, Function, Opcode, Sig, Signature, Type};

use super::Environment;

/// The entries of all signatures, in order; they have no names yet.
pub(super) fn build(environment: &Environment<'_>) -> Vec<Function> {
    let signatures = environment.signatures();
    let pair = |(sig, signature)| [enter(environment, sig, signature), host(environment, signature)];
    signatures.iter().flat_map(pair).collect()
}

fn enter(environment: &Environment<'_>, sig: Sig, signature: &Signature) -> Function {
    let mut function = Function::new("", &[]);
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    b.switch_to(entry);
    let callee = b.frame_get(Type::I64, Field::Callee);
    let depth = b.frame_get(Type::I64, Field::Depth);
    let params = signature.params[1..].iter().zip(0..);
    let slots = params.filter_map(|(&ty, slot)| b.indexed(Opcode::SlotGet, Some(ty), slot, &[]));
    let args: Vec<_> = [depth].into_iter().chain(slots).collect();
    let results = b.call_ref(sig, callee, &args, &signature.results);
    check_gas(environment, &mut b);
    for (result, slot) in results.into_iter().zip(0..) {
        let ty = b.func.ty(result);
        b.indexed(Opcode::SlotSet, Some(ty), slot, &[result]);
    }
    b.ret(&[]);
    function
}

fn host(environment: &Environment<'_>, signature: &Signature) -> Function {
    let mut function = Function::new("", &signature.results);
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    b.switch_to(entry);
    let params: Vec<_> = signature.params.iter().map(|&ty| b.add_param(entry, ty)).collect();
    check_gas(environment, &mut b);
    for (&param, slot) in params[1..].iter().zip(0..) {
        let ty = b.func.ty(param);
        b.indexed(Opcode::SlotSet, Some(ty), slot, &[param]);
    }
    b.runtime(RuntimeFn::CallHost, &params[..1]);
    let types = signature.results.iter().zip(0..);
    let results: Vec<_> =
        types.filter_map(|(&ty, slot)| b.indexed(Opcode::SlotGet, Some(ty), slot, &[])).collect();
    b.ret(&results);
    function
}

fn check_gas(environment: &Environment<'_>, b: &mut Builder<'_>) {
    if environment.is_metered() {
        b.effect(Opcode::GasCheck, &[]);
    }
}
