//! How much effort each function gets.
//!
//! Optimisation and the backtracking register allocator take time that grows a little faster than
//! the code, and quadratically in rare shapes: thousands of blocks in a row, loops nested hundreds of
//! levels deep, blocks of tens of thousands of instructions. Real contracts stay below the limits
//! here, but for a handful of functions. Code that does not is compiled without optimisation and with
//! the single-pass allocator, which is about five times as fast and linear. The decision depends on
//! the module alone, so output stays deterministic.

use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Block as ClifBlock, Function as ClifFunction};
use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, Imm, InstData, Opcode, Type};

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
/// Most blocks of the code generator's IR in a function that gets full effort.
const BLOCK_LIMIT: usize = 10_000;
/// Most dominators of blocks, over all blocks of a function, in one that gets full effort: value
/// numbering searches the chain of dominators for every constant. The most in real contracts is 4.3
/// million; 3,000 blocks in a row have 4.5 million.
const DOMINATOR_LIMIT: usize = 4_500_000;
/// Functions of up to so many blocks cannot exceed [`DOMINATOR_LIMIT`].
const FEW_BLOCKS: usize = 3_000;
/// Blocks of the code generator's IR that one which [`blocks`] counts may become, with those out of line.
const BLOCKS_OF_ONE: usize = 3;
/// Largest cost of one block in a function that gets full effort: the allocator goes over the whole
/// range of a chain of values for each piece that it splits off. The largest in real contracts is 5,300.
const BLOCK_COST_LIMIT: usize = 20_000;
/// Deepest nest of loops in a function that gets full effort: the optimiser goes through all loops
/// around each instruction. The deepest in real contracts is 36.
const NEST_LIMIT: usize = 64;
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
        let hard = most_in_a_block(func) > BLOCK_COST_LIMIT || nest(func) > NEST_LIMIT;
        if large || hard || self.spent + cost > MODULE_LIMIT {
            return Effort::Quick;
        }
        self.spent += cost;
        Effort::Full
    }
}

/// Whether a function that is to get `effort` may get little in the end. The single-pass allocator goes over all that is
/// live, in the order of the blocks, at the start of each; so what few blocks use must be close to them.
pub(crate) fn may_be_quick(effort: Effort, func: &Function) -> bool {
    effort == Effort::Quick || BLOCKS_OF_ONE * blocks(func) > FEW_BLOCKS
}

/// The effort for a function that was to get `effort`, now that it is in the code generator's IR.
pub(crate) fn after_translation(effort: Effort, func: &ClifFunction) -> Effort {
    let is_chain = || func.layout.blocks().count() > FEW_BLOCKS && dominators(func) > DOMINATOR_LIMIT;
    if effort == Effort::Full && is_chain() { Effort::Quick } else { effort }
}

/// Number of dominators of each block, summed up.
fn dominators(func: &ClifFunction) -> usize {
    let tree = DominatorTree::with_function(func, &ControlFlowGraph::with_function(func));
    let mut depths: SecondaryMap<ClifBlock, usize> = SecondaryMap::new();
    let blocks = tree.cfg_postorder().iter().rev();
    let depth = |&block| {
        depths[block] = tree.idom(block).map_or(0, |dominator| depths[dominator] + 1);
        depths[block]
    };
    blocks.map(depth).sum()
}

/// Estimated number of instructions of the code generator's IR, in a legal function.
fn cost(func: &Function) -> usize {
    func.layout.iter().map(|&block| block_cost(func, block)).sum()
}

/// The part of [`cost`] that the costliest block has.
fn most_in_a_block(func: &Function) -> usize {
    func.layout.iter().map(|&block| block_cost(func, block)).max().unwrap_or(0)
}

fn block_cost(func: &Function, block: Block) -> usize {
    func.block_insts(block).map(|(_, data)| inst_cost(data)).sum()
}

/// The most edges back, in the order of the layout, that span the same block: no fewer than the
/// loops around any block.
fn nest(func: &Function) -> usize {
    let mut place = SecondaryMap::with_default(usize::MAX);
    for (index, &block) in func.layout.iter().enumerate() {
        place[block] = index;
    }
    // How many spans begin at each place, less those that end before it.
    let mut change = vec![0_isize; func.layout.len() + 1];
    for (index, &block) in func.layout.iter().enumerate() {
        let targets = func.terminator(block).into_iter().flat_map(InstData::targets);
        for header in targets.map(|target| place[target.block]).filter(|&header| header <= index) {
            change[header] += 1;
            change[index + 1] -= 1;
        }
    }
    let depths = change.iter().scan(0, |depth, change| {
        *depth += change;
        Some(*depth)
    });
    depths.max().unwrap_or(0).unsigned_abs()
}

/// Number of blocks of the code generator's IR, in a legal function.
fn blocks(func: &Function) -> usize {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let splits = insts.map(|(_, data)| match data.opcode {
        Opcode::CalldataLoad => 4,
        Opcode::MemEnsure => 3,
        Opcode::Host | Opcode::Call | Opcode::ExitIf | Opcode::StackCheck => 1,
        Opcode::GasCheck | Opcode::TableGet | Opcode::TableSet | Opcode::Runtime => 1,
        Opcode::DepthCheck | Opcode::Fcanon => 2,
        Opcode::FuncElement => 3,
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
        (Opcode::ExitIf | Opcode::GasCheck, _) => 3,
        (Opcode::CallRef, _) => 10 + data.args.len(),
        (Opcode::RetCall | Opcode::RetCallRef, _) => 4 + data.args.len(),
        (Opcode::Runtime, _) => 10 + 2 * data.args.len(),
        (Opcode::FuncElement, _) => 16,
        (Opcode::TableGet | Opcode::TableSet | Opcode::DepthCheck, _) => 8,
        (Opcode::Fcanon | Opcode::FtoSint | Opcode::FtoUint, _) => 4,
        (Opcode::LinLoad | Opcode::LinStore | Opcode::LinRead | Opcode::LinWrite, _) => 2,
        (Opcode::LinFence, _) => 0,
        (Opcode::GlobalSet | Opcode::SlotSet, _) => 2,
        (_, Imm::Switch(table)) => 2 * table.cases.len(),
        _ if data.ty == Some(Type::I256) => 5,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use evmc_ir::{BlockCall, Builder};

    use super::*;

    /// `depth` loops, one inside the other.
    fn loops(depth: usize) -> Function {
        let mut func = Function::new("loops", &[]);
        let mut b = Builder::new(&mut func);
        let blocks: Vec<Block> = (0..=2 * depth + 1).map(|_| b.create_block()).collect();
        for (index, &block) in blocks.iter().enumerate() {
            b.switch_to(block);
            match blocks.get(index + 1) {
                None => b.ret(&[]),
                Some(&next) if index <= depth => b.jump(next, &[]),
                Some(&next) => {
                    let condition = b.small(Type::I1, 1);
                    let header = BlockCall::new(blocks[2 * depth + 1 - index], &[]);
                    b.branch(condition, header, BlockCall::new(next, &[]));
                }
            }
        }
        func
    }

    /// A function of one block that adds a word to itself `count` times.
    fn chain(count: usize) -> Function {
        let mut func = Function::new("chain", &[]);
        let mut b = Builder::new(&mut func);
        let entry = b.create_block();
        let mut value = b.add_param(entry, Type::I64);
        b.switch_to(entry);
        for _ in 0..count {
            value = b.binary(Opcode::Add, value, value);
        }
        b.ret(&[]);
        func
    }

    #[test]
    fn deep_nests_get_little_effort() {
        for depth in [0, 1, NEST_LIMIT, NEST_LIMIT + 1, 800, 3200] {
            let func = loops(depth);
            assert_eq!(nest(&func), depth);
            let is_full = Budget::default().next(&func) == Effort::Full;
            assert_eq!(is_full, depth <= NEST_LIMIT, "{depth}");
        }
    }

    #[test]
    fn long_blocks_get_little_effort() {
        for (count, effort) in [(BLOCK_COST_LIMIT / 2, Effort::Full), (BLOCK_COST_LIMIT + 1, Effort::Quick)] {
            assert_eq!(Budget::default().next(&chain(count)), effort);
        }
    }
}
