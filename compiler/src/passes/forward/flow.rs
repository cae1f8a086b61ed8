//! Sets of facts, and which of them hold at the start of each block.
//!
//! The solution is the greatest one: all facts hold everywhere but at the entry until something says
//! otherwise, so what holds before a loop and is not changed in it holds in it. A function with more than
//! [`MOST_FACTS`] facts, or whose sets have more than [`MOST_WORDS`] machine words in all, is refused, and
//! so is one that is not solved after [`MOST_ROUNDS`] rounds.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData};

use crate::analysis::bit_set::BitSet;

use super::facts::Facts;

/// Most facts of a function.
const MOST_FACTS: usize = 2_048;

/// Most machine words that the sets of all blocks have together.
const MOST_WORDS: usize = 1 << 20;

/// Most rounds over the blocks.
const MOST_ROUNDS: usize = 12;

/// What a block makes of the facts at its start: it keeps some, and adds others.
#[derive(Clone, Debug, Default)]
struct Transfer {
    keeps: BitSet,
    adds: BitSet,
}

/// The facts that hold at the start of each of `blocks`, which are in reverse postorder; `None` where
/// there are none, or too many.
pub(super) fn solve(
    function: &Function,
    blocks: &[Block],
    facts: &Facts,
) -> Option<SecondaryMap<Block, BitSet>> {
    let words = facts.len().div_ceil(64) * blocks.len();
    if facts.len() == 0 || facts.len() > MOST_FACTS || words > MOST_WORDS {
        return None;
    }
    let transfers = transfers(function, blocks, facts);
    let mut at_start: SecondaryMap<Block, BitSet> = SecondaryMap::new();
    for (index, &block) in blocks.iter().enumerate() {
        at_start[block] = if index == 0 { BitSet::empty(facts.len()) } else { BitSet::full(facts.len()) };
    }
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in blocks {
            let mut at_end = at_start[block].clone();
            at_end.intersect(&transfers[block].keeps);
            at_end.add_all(&transfers[block].adds);
            for target in function.terminator(block).into_iter().flat_map(InstData::targets) {
                has_changed |= at_start[target.block].intersect(&at_end);
            }
        }
        if !has_changed {
            return Some(at_start);
        }
    }
    None
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
