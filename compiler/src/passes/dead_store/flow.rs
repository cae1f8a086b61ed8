//! Which spans are dead at the end of each block.
//!
//! An instruction makes a span dead, makes it alive, or leaves it, and so do the parameters of a block
//! ([`crate::analysis::bit_flow`]). A function whose accesses times spans are more than [`MOST_STEPS`] is refused.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function};

use crate::analysis::{
    bit_flow::{self, Facts, Transfer},
    bit_set::BitSet,
};

use super::spans::Spans;

/// Most pairs of an access and a span.
const MOST_STEPS: usize = 1 << 23;

/// The spans that are dead at the end of each of `blocks`, which are in reverse postorder; `None` where
/// there are none, or too many.
pub(super) fn solve(function: &Function, blocks: &[Block], spans: &Spans) -> Option<Facts> {
    let count = spans.len();
    if !bit_flow::is_solvable(count, blocks.len()) || count * spans.accesses() > MOST_STEPS {
        return None;
    }
    bit_flow::at_ends(function, blocks, count, &transfers(function, blocks, spans))
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
        spans.enter(block, &mut keeps);
        spans.enter(block, &mut adds);
        transfers[block] = Transfer { keeps, adds };
    }
    transfers
}
