//! Folds operations on constants, and branches on constants.
//!
//! Sound because the values come from [`evmc_ir::eval`], the one meaning of every pure operation. The
//! folded instruction becomes a constant in place, so no use has to be rewritten; a folded branch
//! becomes a jump, and what it no longer reaches falls to `dead_code`. Blocks are visited in layout
//! order and once; a constant behind a back edge is left alone. Linear.

use evmc_ir::eval::eval_inst;
use evmc_ir::{BlockCall, Function, Imm, Inst, InstData, Module, Opcode};
use ruint::aliases::U256;

/// Runs the pass on every function; gives how many instructions it folded.
pub fn run(module: &mut Module) -> usize {
    module.functions.values_mut().map(run_on_function).sum()
}

fn run_on_function(function: &mut Function) -> usize {
    let mut folded = 0;
    for index in 0..function.layout.len() {
        let block = function.layout[index];
        for position in 0..function.blocks[block].insts.len() {
            let inst = function.blocks[block].insts[position];
            folded += usize::from(fold_value(function, inst) || fold_branch(function, inst));
        }
    }
    folded
}

/// Makes a pure instruction with one result and constant operands a constant.
fn fold_value(function: &mut Function, inst: Inst) -> bool {
    let Some(value) = constant_result(function, &function.insts[inst]) else { return false };
    let ty = function.ty(function.insts[inst].results[0]);
    let constant = function.constants.push(value);
    let data = &mut function.insts[inst];
    data.opcode = Opcode::Const;
    data.ty = Some(ty);
    data.args.clear();
    data.imm = Imm::Constant(constant);
    true
}

fn constant_result(function: &Function, data: &InstData) -> Option<U256> {
    let is_candidate =
        data.opcode.row().effects.is_pure() && data.results.len() == 1 && !data.args.is_empty();
    if !is_candidate || matches!(data.imm, Imm::Host(_) | Imm::Runtime(_)) {
        return None;
    }
    let mut args = [U256::ZERO; 3];
    for (arg, &value) in args.iter_mut().zip(&data.args) {
        *arg = function.constant(value)?;
    }
    let from = function.ty(data.args[0]);
    Some(eval_inst(data, from, &args[..data.args.len()])?[0])
}

/// Makes a branch or switch on a constant a jump.
fn fold_branch(function: &mut Function, inst: Inst) -> bool {
    let data = &function.insts[inst];
    let Some(target) = constant_target(function, data) else { return false };
    let data = &mut function.insts[inst];
    data.opcode = Opcode::Jump;
    data.ty = None;
    data.args.clear();
    data.imm = Imm::Jump(target);
    true
}

fn constant_target(function: &Function, data: &InstData) -> Option<BlockCall> {
    let operand = || function.constant(*data.args.first()?);
    match &data.imm {
        Imm::Branch(targets) => Some(targets[usize::from(operand()?.is_zero())].clone()),
        Imm::Switch(table) => {
            let operand = operand()?;
            let case = table.cases.iter().find(|(value, _)| *value == operand);
            Some(case.map_or(&table.default, |(_, target)| target).clone())
        }
        _ => None,
    }
}
