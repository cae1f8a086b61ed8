//! Computes what was computed before only once: global value numbering over the dominator tree.
//!
//! Two instructions with one operation, one type, one immediate and the same operands give the same
//! results if the operation is pure, also one of the host, or reads what never changes while a frame runs (calldata, code,
//! who called, references to functions). Where the first dominates the second, its results stand for those of the second; since
//! blocks are walked with dominators first, operands that were replaced themselves are compared by
//! what replaced them. Operands of commutative operations are compared in either order.
//!
//! A table by hash, which is never walked; an entry that does not dominate belongs to a part of the tree that is finished, and
//! is overwritten. Linear.

use std::collections::HashMap;

use cranelift_entity::SecondaryMap;
use evmc_abi::Field;
use evmc_ir::cursor::Replacements;
use evmc_ir::{Block, Dominators, Function, Imm, Inst, InstData, Module, Opcode, Type, Values};
use ruint::aliases::U256;

use crate::analysis::edges::dominator_preorder;

use super::simplify::is_commutative;
use super::tractable;

/// Runs the pass on every function; gives how many instructions it removed.
pub fn run(module: &mut Module) -> usize {
    tractable(module).map(run_on_function).sum()
}

/// What an instruction computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    opcode: Opcode,
    ty: Option<Type>,
    args: Values,
    constant: U256,
    /// Number of the field, or of the function, and 1.
    number: usize,
}

fn run_on_function(function: &mut Function) -> usize {
    let dominators = Dominators::new(function);
    let mut table = HashMap::new();
    let mut home: SecondaryMap<Inst, Option<Block>> = SecondaryMap::new();
    let mut replaced = Replacements::default();
    let mut removed = 0;
    for (block, _) in dominator_preorder(&dominators) {
        let mut insts = std::mem::take(&mut function.blocks[block].insts);
        let before = insts.len();
        insts.retain(|&inst| {
            let data = &mut function.insts[inst];
            data.args.iter_mut().for_each(|arg| *arg = replaced.resolve(*arg));
            let Some(key) = key(function, inst) else { return true };
            if let Some(&earlier) = table.get(&key)
                && home[earlier].is_some_and(|at| dominators.dominates(at, block))
            {
                let results = function.insts[earlier].results.clone();
                for (&old, new) in function.insts[inst].results.iter().zip(results) {
                    replaced.insert(old, new);
                }
                return false;
            }
            home[inst] = Some(block);
            table.insert(key, inst);
            true
        });
        removed += before - insts.len();
        function.blocks[block].insts = insts;
    }
    replaced.apply(function);
    removed
}

/// What an instruction computes, if that is the same wherever it stands.
fn key(function: &Function, inst: Inst) -> Option<Key> {
    let data = &function.insts[inst];
    let (mut constant, mut number) = (U256::ZERO, 0);
    match &data.imm {
        Imm::Constant(number) => constant = function.constants[*number],
        Imm::Field(read) if never_changes(*read) => number = read.offset() + 1,
        Imm::Index(index) if matches!(data.opcode, Opcode::FuncImported | Opcode::FuncOwn) => {
            number = *index as usize + 1;
        }
        Imm::Host(host) if host.effects().is_pure() => number = usize::from(*host as u16) + 1,
        Imm::Shape(shape) => number = *shape as usize + 1,
        Imm::Lane(lane) => number = usize::from(*lane) + 1,
        Imm::Shuffle(bytes) => constant = U256::from_le_slice(bytes),
        Imm::None if data.opcode.row().effects.is_pure() || data.opcode == Opcode::CalldataLoad => {}
        _ => return None,
    }
    Some(Key { opcode: data.opcode, ty: data.ty, args: ordered(data), constant, number })
}

/// The operands, those that can be exchanged in the order of their numbers.
fn ordered(data: &InstData) -> Values {
    let mut args = data.args.clone();
    if is_commutative(data.opcode) && args[0] > args[1] {
        args.swap(0, 1);
    }
    args
}

/// Whether a field of the frame has one value while the frame runs.
fn never_changes(field: Field) -> bool {
    use Field as F;
    matches!(
        field,
        F::Calldata | F::CalldataLen | F::Code | F::CodeLen | F::Address | F::Caller | F::Callvalue
    )
}
