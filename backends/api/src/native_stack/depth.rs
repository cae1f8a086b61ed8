//! How much native stack a unit of the logical depth of WebAssembly may use.
//!
//! Every function of the source pays for its activation at its start (`depth.check` of its first parameter less a
//! constant, its cost), so the activations that exist at a time have paid no more than the depth there was. Between two of
//! them may stand one of the functions that hand arguments to the host, and one that takes them from it: these pay
//! nothing, but whoever calls the one had the arguments and results among its operands, whoever is called by the other has
//! them among its locals and operands, and each of these is in the cost. What stands on top may not have paid yet: the
//! largest function, and the helpers that code generators add. That is shared by all units of the depth, of which there
//! are at least [`LEAST_DEPTH`].

use cranelift_entity::{EntitySet, SecondaryMap};
use evmc_abi::wasm::EntryKind;
use evmc_ir::{Func, Function, Instance, Module, Opcode, Sig, Value, ValueDef};

/// Units of depth that a runtime gives at least to whom it enters first.
const LEAST_DEPTH: u64 = 1 << 12;

/// What an activation costs at least, whatever its function holds.
const LEAST_COST: u64 = 4;

/// Upper bound for a unit, in bytes, given the frame size of each function in bytes.
pub(super) fn bytes_per_unit(module: &Module, instance: &Instance, frames: &SecondaryMap<Func, u64>) -> u64 {
    let per_unit = |func: Func, cost: u64| frames[func].div_ceil(cost.max(1));
    let of_signature = |kind| {
        let entries = instance.entries.iter().filter(move |(id, _)| id.kind == kind);
        entries.map(|&(id, func)| per_unit(func, signature_cost(module, id.number))).max().unwrap_or(0)
    };
    let mut between = EntitySet::new();
    for &(_, func) in instance.entries.iter().filter(|(id, _)| id.kind != EntryKind::Function) {
        between.insert(func);
    }
    let (mut paid, mut largest, mut unpaid) = (0, 0, 0);
    for (func, function) in &module.functions {
        largest = largest.max(frames[func]);
        match cost(function) {
            Some(cost) => paid = paid.max(per_unit(func, cost)),
            None if !between.contains(func) => unpaid += frames[func],
            None => {}
        }
    }
    let on_top = (largest + unpaid).div_ceil(LEAST_DEPTH);
    paid + of_signature(EntryKind::Enter) + of_signature(EntryKind::CallHost) + on_top
}

/// What a function that has arguments or results of a signature costs at least.
fn signature_cost(module: &Module, number: u32) -> u64 {
    let signature = module.signatures.get(Sig::from_u32(number));
    let operands = signature.map_or(0, |signature| {
        // The depth is not among the parameters of the source.
        signature.params.len().saturating_sub(1).max(signature.results.len())
    });
    LEAST_COST + operands as u64
}

/// What an activation of a function pays at its start; `None` for functions that are not of the source.
fn cost(function: &Function) -> Option<u64> {
    let entry = function.entry()?;
    let depth = *function.blocks[entry].params.first()?;
    let checks = function.block_insts(entry).filter(|(_, data)| data.opcode == Opcode::DepthCheck);
    checks.filter_map(|(_, data)| paid(function, depth, *data.args.first()?)).next()
}

/// The constant by which `left` is less than `depth`, in any form that passes give the difference.
fn paid(function: &Function, depth: Value, left: Value) -> Option<u64> {
    let ValueDef::Result(inst, _) = function.values[left].def else { return None };
    let data = &function.insts[inst];
    let constant = |value| function.constant(value).map(|bits| bits.as_limbs()[0]);
    match (data.opcode, &data.args[..]) {
        (Opcode::Sub, &[from, by]) if from == depth => constant(by),
        (Opcode::Add, &[a, b]) if a == depth => constant(b).map(u64::wrapping_neg),
        (Opcode::Add, &[a, b]) if b == depth => constant(a).map(u64::wrapping_neg),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evmc_ir::text::parse;

    /// A function of cost 10, one of cost 40 in the other form, the two functions of a signature, a helper.
    const TEXT: &str = "sig0 = (i64, i32, i32, i32, i32) -> i32
instance metered signatures = 1
entry 0 %enter
entry 0x40000000 %host
entry 0x80000000 %f
function %f(i64) {
block0(v0: i64):
    v1 = const.i64 10
    v2 = sub.i64 v0, v1
    depth.check v2
    v3 = const.i64 3
    v4 = sub.i64 v2, v3
    depth.check v4
    ret
}
function %g(i64) {
block0(v0: i64):
    v1 = const.i64 -40
    v2 = add.i64 v0, v1
    depth.check v2
    ret
}
function %enter() {
block0:
    ret
}
function %host(i64, i32, i32, i32, i32) -> i32 {
block0(v0: i64, v1: i32, v2: i32, v3: i32, v4: i32):
    ret v1
}
function %helper(i128) -> i128 {
block0(v0: i128):
    ret v0
}
";

    fn bytes(frames: [u64; 5]) -> u64 {
        let module = parse(TEXT).expect("a module");
        let mut of_functions = SecondaryMap::new();
        for (func, bytes) in module.functions.keys().zip(frames) {
            of_functions[func] = bytes;
        }
        bytes_per_unit(&module, module.instance.as_ref().expect("an instance"), &of_functions)
    }

    #[test]
    fn the_worst_function_for_its_cost_counts() {
        assert_eq!(bytes([100, 0, 0, 0, 0]), 10 + 1);
        assert_eq!(bytes([101, 0, 0, 0, 0]), 11 + 1);
        assert_eq!(bytes([100, 400, 0, 0, 0]), 10 + 1);
        assert_eq!(bytes([100, 8192, 0, 0, 0]), 205 + 2);
    }

    #[test]
    fn what_stands_between_counts_by_its_signature() {
        assert_eq!(bytes([0, 0, 80, 0, 0]), 10 + 1);
        assert_eq!(bytes([100, 0, 80, 160, 0]), 10 + 10 + 20 + 1);
    }

    #[test]
    fn helpers_are_shared_by_all_units() {
        assert_eq!(bytes([0, 0, 0, 0, 4096]), 2);
    }
}
