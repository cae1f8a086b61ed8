//! How much effort each function gets.
//!
//! Optimisation and the backtracking register allocator take time that grows a little faster than
//! the code, and quadratically in rare shapes (thousands of blocks in a row). Real contracts stay far
//! below the limits here. Code that does not is compiled without optimisation and with the
//! single-pass allocator, which is about five times as fast and linear. The decision depends on the
//! module alone, so output stays deterministic.

use evmc_ir::{Function, Imm, InstData, Opcode, Type};

/// Effort on one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What the options say.
    Full,
    /// As fast as possible.
    Quick,
}

/// Largest function that gets full effort, by its cost.
const FUNCTION_LIMIT: usize = 60_000;
/// Most blocks of the code generator's IR in a function that gets full effort: its value numbering
/// searches the chain of dominators for every constant.
const BLOCK_LIMIT: usize = 10_000;
/// Total cost that gets full effort in a module; about a second.
const MODULE_LIMIT: usize = 250_000;

/// Hands out effort, function by function.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    spent: usize,
}

impl Budget {
    /// The effort for the next function of the module.
    pub fn next(&mut self, func: &Function) -> Effort {
        let cost = cost(func);
        let large = cost > FUNCTION_LIMIT || blocks(func) > BLOCK_LIMIT;
        if large || self.spent + cost > MODULE_LIMIT {
            return Effort::Quick;
        }
        self.spent += cost;
        Effort::Full
    }
}

/// Estimated number of instructions of the code generator's IR, in a legal function.
fn cost(func: &Function) -> usize {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    insts.map(|(_, data)| inst_cost(data)).sum()
}

/// Number of blocks of the code generator's IR, in a legal function.
fn blocks(func: &Function) -> usize {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let splits = insts.map(|(_, data)| match data.opcode {
        Opcode::CalldataLoad => 4,
        Opcode::MemEnsure => 3,
        Opcode::Host | Opcode::Call | Opcode::ExitIf | Opcode::StackCheck => 1,
        Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn => 1,
        _ => 0,
    });
    func.layout.len() + splits.sum::<usize>()
}

fn inst_cost(data: &InstData) -> usize {
    match (data.opcode, &data.imm) {
        (Opcode::CalldataLoad, _) => 30,
        (Opcode::Host, _) => 12 + 2 * data.args.len(),
        (Opcode::Call, _) => 8 + data.args.len(),
        (Opcode::MemEnsure, _) => 16,
        (Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn | Opcode::StackCheck, _) => 5,
        (Opcode::ExitIf, _) => 3,
        (_, Imm::Switch(table)) => 2 * table.cases.len(),
        _ if data.ty == Some(Type::I256) => 5,
        _ => 1,
    }
}
