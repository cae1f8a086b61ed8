//! Which spans are dead at the end of each block.
//!
//! What an instruction does to a set of dead spans, it does to each span alone: it becomes dead, it becomes
//! alive, or it stays. So what a block does is known from what it makes of the empty and of the full set. A
//! function with more than [`MOST_SPANS`] spans, whose sets have more than [`MOST_WORDS`] machine words in
//! all, or whose accesses times spans are more than [`MOST_STEPS`], is refused, and so is one that is not
//! solved after [`MOST_ROUNDS`] rounds.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData};

use crate::analysis::bit_set::BitSet;

use super::spans::Spans;

/// Most spans of a function.
const MOST_SPANS: usize = 2_048;

/// Most machine words that the sets of all blocks have together.
const MOST_WORDS: usize = 1 << 20;

/// Most pairs of an access and a span.
const MOST_STEPS: usize = 1 << 23;

/// Most rounds over the blocks.
const MOST_ROUNDS: usize = 12;

/// What a block makes of the spans that are dead at its end.
#[derive(Clone, Debug, Default)]
struct Transfer {
    keeps: BitSet,
    adds: BitSet,
}

/// The spans that are dead at the end of each of `blocks`, which are in reverse postorder; `None` where
/// there are none, or too many.
pub(super) fn solve(
    function: &Function,
    blocks: &[Block],
    spans: &Spans,
) -> Option<SecondaryMap<Block, BitSet>> {
    let count = spans.len();
    let is_too_much = count > MOST_SPANS
        || count.div_ceil(64) * blocks.len() > MOST_WORDS
        || count * spans.accesses() > MOST_STEPS;
    if count == 0 || is_too_much {
        return None;
    }
    let transfers = transfers(function, blocks, spans);
    let mut at_start: SecondaryMap<Block, BitSet> = SecondaryMap::with_default(BitSet::full(count));
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in blocks.iter().rev() {
            let mut dead = at_end(function, block, &at_start, count);
            dead.intersect(&transfers[block].keeps);
            dead.add_all(&transfers[block].adds);
            has_changed |= at_start[block].intersect(&dead);
        }
        if !has_changed {
            let mut solution = SecondaryMap::new();
            blocks.iter().for_each(|&block| solution[block] = at_end(function, block, &at_start, count));
            return Some(solution);
        }
    }
    None
}

/// What is dead wherever a block goes on; without a successor the terminator says.
fn at_end(function: &Function, block: Block, at_start: &SecondaryMap<Block, BitSet>, count: usize) -> BitSet {
    let mut dead = BitSet::full(count);
    for target in function.terminator(block).into_iter().flat_map(InstData::targets) {
        dead.intersect(&at_start[target.block]);
    }
    dead
}

fn transfers(function: &Function, blocks: &[Block], spans: &Spans) -> SecondaryMap<Block, Transfer> {
    let mut transfers: SecondaryMap<Block, Transfer> = SecondaryMap::new();
    for &block in blocks {
        let mut keeps = BitSet::full(spans.len());
        let mut adds = BitSet::empty(spans.len());
        for &inst in function.blocks[block].insts.iter().rev() {
            spans.pass(inst, &mut keeps);
            spans.pass(inst, &mut adds);
        }
        transfers[block] = Transfer { keeps, adds };
    }
    transfers
}
