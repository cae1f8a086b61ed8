//! Data flow over numbered facts: which of them hold at the border of each block.
//!
//! What an instruction does to a set of facts, it does to each fact alone: it makes it true, makes it false, or leaves
//! it. So what a block does is known from what it makes of the empty and of the full set, its [`Transfer`].
//!
//! The solution is the greatest one: all facts hold everywhere until something says otherwise, so what holds
//! on the way into a loop and is not changed in it holds in it. A function with more than [`MOST_FACTS`]
//! facts, or whose sets have more than [`MOST_WORDS`] machine words in all, is refused, and so is one that is
//! not solved after [`MOST_ROUNDS`] rounds.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData};

use super::bit_set::BitSet;

/// Most facts of a function.
const MOST_FACTS: usize = 2_048;

/// Most machine words that the sets of all blocks have together.
const MOST_WORDS: usize = 1 << 20;

/// Most rounds over the blocks.
const MOST_ROUNDS: usize = 12;

/// What a block makes of the facts at its one border for those at the other: it keeps some, and adds others.
#[derive(Clone, Debug, Default)]
pub struct Transfer {
    /// What it makes of the full set.
    pub keeps: BitSet,
    /// What it makes of the empty set.
    pub adds: BitSet,
}

impl Transfer {
    fn apply(&self, facts: &mut BitSet) {
        facts.intersect(&self.keeps);
        facts.add_all(&self.adds);
    }
}

/// Sets of facts, by block.
pub type Facts = SecondaryMap<Block, BitSet>;

/// Whether there are facts, and not too many for so many blocks.
pub fn is_solvable(facts: usize, blocks: usize) -> bool {
    facts > 0 && facts <= MOST_FACTS && facts.div_ceil(64) * blocks <= MOST_WORDS
}

/// The facts, of `count`, that hold at the start of each of `blocks`, which are in reverse postorder: those that
/// hold at the end of all blocks before it, and none at the entry. `None` where the rounds do not suffice.
pub fn at_starts(
    function: &Function,
    blocks: &[Block],
    count: usize,
    transfers: &SecondaryMap<Block, Transfer>,
) -> Option<Facts> {
    let mut at_start = everything(blocks, count);
    if let Some(&entry) = blocks.first() {
        at_start[entry] = BitSet::empty(count);
    }
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in blocks {
            let mut at_end = at_start[block].clone();
            transfers[block].apply(&mut at_end);
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

/// The facts, of `count`, that hold at the end of each of `blocks`, which are in reverse postorder: those that hold
/// at the start of all blocks behind it, and all where there is none; then the terminator says. `None` where the
/// rounds do not suffice.
pub fn at_ends(
    function: &Function,
    blocks: &[Block],
    count: usize,
    transfers: &SecondaryMap<Block, Transfer>,
) -> Option<Facts> {
    let mut at_start = everything(blocks, count);
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in blocks.iter().rev() {
            let mut facts = at_end(function, block, &at_start, count);
            transfers[block].apply(&mut facts);
            has_changed |= at_start[block].intersect(&facts);
        }
        if !has_changed {
            let mut solution = SecondaryMap::new();
            blocks.iter().for_each(|&block| solution[block] = at_end(function, block, &at_start, count));
            return Some(solution);
        }
    }
    None
}

/// All facts, for each of `blocks`.
fn everything(blocks: &[Block], count: usize) -> Facts {
    let mut facts = SecondaryMap::new();
    blocks.iter().for_each(|&block| facts[block] = BitSet::full(count));
    facts
}

/// What holds wherever a block goes on.
fn at_end(function: &Function, block: Block, at_start: &Facts, count: usize) -> BitSet {
    let mut facts = BitSet::full(count);
    for target in function.terminator(block).into_iter().flat_map(InstData::targets) {
        facts.intersect(&at_start[target.block]);
    }
    facts
}
