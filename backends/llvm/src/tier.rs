//! Which modules LLVM compiles at all.
//!
//! LLVM's time grows faster than the code: instruction selection, scheduling and register allocation are
//! superlinear in the size of a function, and its passes in the number of its blocks. So the cost of a module is
//! estimated from the IR before LLVM sees it, as the sum over its functions of their size and a share that grows
//! with the square. A module beyond the limit of its level is left to the other backend, whole: one that LLVM
//! compiles in a hurry would run slower. The estimate depends on the module alone, so output stays
//! deterministic, and the artifact names the backend that made it.

use evmc_backend::OptLevel;
use evmc_ir::{Function, Imm, InstData, Module, Opcode, Type};

/// Most cost of a module at each level: about two seconds of CPU time. A thousand is 16 to 28 ms at level 2, and a
/// quarter of that at level 0.
const LIMITS: [(OptLevel, usize); 4] = [
    (OptLevel::None, 300_000),
    (OptLevel::Less, 90_000),
    (OptLevel::Default, 75_000),
    (OptLevel::Aggressive, 70_000),
];

/// A function of this size costs twice its size.
const DOUBLE_SIZE: usize = 30_000;

/// A function of so many blocks costs twice its size.
const DOUBLE_BLOCKS: usize = 3_000;

/// A function costs the square of its blocks by this, whatever is in them: each way out of a function is one
/// block with an edge from all that may leave, and much of LLVM looks at all edges for each.
const BLOCKS_SQUARED: usize = 300;

/// Whether LLVM compiles a module at a level.
pub(crate) fn is_affordable(module: &Module, level: OptLevel) -> bool {
    let limit = LIMITS.iter().find(|(own, _)| *own == level).map_or(0, |&(_, limit)| limit);
    module_cost(module) <= limit
}

/// Estimated cost of a module.
pub(crate) fn module_cost(module: &Module) -> usize {
    module.functions.values().map(cost).fold(0, usize::saturating_add)
}

/// Estimated cost of a function: its size, and shares that grow with size and blocks.
fn cost(func: &Function) -> usize {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let (size, blocks) = insts.fold((0usize, func.layout.len()), |(size, blocks), (_, data)| {
        (size + inst_cost(data), blocks + inst_blocks(data))
    });
    let by_size = size.saturating_mul(size) / DOUBLE_SIZE;
    let by_blocks = size.saturating_mul(blocks) / DOUBLE_BLOCKS;
    let by_edges = blocks.saturating_mul(blocks) / BLOCKS_SQUARED;
    size.saturating_add(by_size).saturating_add(by_blocks).saturating_add(by_edges)
}

/// Estimated number of instructions of LLVM's that an instruction becomes.
fn inst_cost(data: &InstData) -> usize {
    let limbs = data.ty.map_or(1, |ty| ty.bits().div_ceil(64) as usize);
    match (data.opcode, &data.imm) {
        (Opcode::Const, _) => 0,
        (Opcode::CalldataLoad, _) => 25,
        (Opcode::Host, _) => 12 + 4 * data.args.len(),
        (Opcode::Call, _) => 10 + 2 * data.args.len(),
        (Opcode::MemEnsure, _) => 15,
        (Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn | Opcode::StackCheck, _) => 4,
        (Opcode::ExitIf, _) => 3,
        (Opcode::Mul, _) => limbs * limbs,
        (Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem, _) if data.ty == Some(Type::I256) => 40,
        (Opcode::Shl | Opcode::Lshr | Opcode::Ashr | Opcode::Byte | Opcode::SignExtend, _) => 4 * limbs,
        (_, Imm::Switch(table)) => 2 * table.cases.len(),
        _ => limbs,
    }
}

/// Blocks of LLVM's that an instruction adds.
fn inst_blocks(data: &InstData) -> usize {
    match data.opcode {
        Opcode::MemEnsure | Opcode::CalldataLoad => 3,
        Opcode::Udiv | Opcode::Sdiv | Opcode::Urem | Opcode::Srem => 3,
        Opcode::Host | Opcode::Call | Opcode::ExitIf | Opcode::StackCheck => 1,
        Opcode::GasCharge | Opcode::GasChargeAt | Opcode::GasChargeDyn => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use evmc_ir::Builder;

    use super::*;

    /// A module with one function that adds a word to itself `count` times.
    fn chain(count: usize) -> Module {
        let mut func = Function::new("chain", &[]);
        let mut b = Builder::new(&mut func);
        let entry = b.create_block();
        let mut value = b.add_param(entry, Type::I256);
        b.switch_to(entry);
        for _ in 0..count {
            value = b.binary(Opcode::Add, value, value);
        }
        b.ret(&[]);
        let mut module = Module::default();
        module.functions.push(func);
        module
    }

    #[test]
    fn large_functions_cost_more_than_their_size() {
        let [small, large] = [1_000, 10_000].map(|count| module_cost(&chain(count)));
        assert!(large > 15 * small, "{small} {large}");
        assert!(is_affordable(&chain(1_000), OptLevel::Default));
        assert!(!is_affordable(&chain(100_000), OptLevel::None));
    }
}
