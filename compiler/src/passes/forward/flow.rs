//! Which facts hold at the start of each block ([`crate::analysis::bit_flow`]).

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function};

use crate::analysis::{
    bit_flow::{self, Transfer},
    bit_set::BitSet,
};

use super::facts::Facts;

/// The facts that hold at the start of each of `blocks`, which are in reverse postorder; `None` where
/// there are none, or too many.
pub(super) fn solve(function: &Function, blocks: &[Block], facts: &Facts) -> Option<bit_flow::Facts> {
    if !bit_flow::is_solvable(facts.len(), blocks.len()) {
        return None;
    }
    bit_flow::at_starts(function, blocks, facts.len(), &transfers(function, blocks, facts))
}

fn transfers(function: &Function, blocks: &[Block], facts: &Facts) -> SecondaryMap<Block, Transfer> {
    let mut transfers: SecondaryMap<Block, Transfer> = SecondaryMap::new();
    for &block in blocks {
        let mut keeps = BitSet::full(facts.len());
        let mut adds = BitSet::empty(facts.len());
        for &inst in &function.blocks[block].insts {
            facts.pass(inst, &mut adds);
            facts.pass_without_adding(inst, &mut keeps);
        }
        transfers[block] = Transfer { keeps, adds };
    }
    transfers
}
