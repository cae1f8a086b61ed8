//! Sets of facts, and which of them hold at the start of each block.
//!
//! The solution is the greatest one: all facts hold everywhere but at the entry until something says
//! otherwise, so what holds before a loop and is not changed in it holds in it. A function with more than
//! [`MOST_FACTS`] facts, or whose sets have more than [`MOST_WORDS`] machine words in all, is refused, and
//! so is one that is not solved after [`MOST_ROUNDS`] rounds.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Function, InstData};

use super::facts::Facts;

/// Most facts of a function.
const MOST_FACTS: usize = 2_048;

/// Most machine words that the sets of all blocks have together.
const MOST_WORDS: usize = 1 << 20;

/// Most rounds over the blocks.
const MOST_ROUNDS: usize = 12;

/// A set of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    /// No fact, of so many.
    pub fn empty(facts: usize) -> Self {
        Self(vec![0; facts.div_ceil(64)])
    }

    fn full(facts: usize) -> Self {
        Self(vec![u64::MAX; facts.div_ceil(64)])
    }

    /// Whether a fact is in the set.
    pub fn contains(&self, fact: u32) -> bool {
        self.0[fact as usize / 64] >> (fact % 64) & 1 != 0
    }

    /// Adds a fact.
    pub fn insert(&mut self, fact: u32) {
        self.0[fact as usize / 64] |= 1 << (fact % 64);
    }

    /// Takes a fact out.
    pub fn remove(&mut self, fact: u32) {
        self.0[fact as usize / 64] &= !(1 << (fact % 64));
    }

    /// Takes the facts of another set out.
    pub fn remove_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    /// Takes the facts of `other` out that are not in `spared`.
    pub fn remove_all_but(&mut self, other: &Self, spared: &Self) {
        for ((a, b), c) in self.0.iter_mut().zip(&other.0).zip(&spared.0) {
            *a &= !b | c;
        }
    }

    /// Keeps what is also in another set; whether that was not all.
    fn intersect(&mut self, other: &Self) -> bool {
        let mut has_changed = false;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            has_changed |= *a & !b != 0;
            *a &= b;
        }
        has_changed
    }
}

/// What a block makes of the facts at its start: it keeps some, and adds others.
#[derive(Clone, Debug, Default)]
struct Transfer {
    keeps: Set,
    adds: Set,
}

/// The facts that hold at the start of each of `blocks`, which are in reverse postorder; `None` where
/// there are none, or too many.
pub(super) fn solve(
    function: &Function,
    blocks: &[Block],
    facts: &Facts,
) -> Option<SecondaryMap<Block, Set>> {
    let words = facts.len().div_ceil(64) * blocks.len();
    if facts.len() == 0 || facts.len() > MOST_FACTS || words > MOST_WORDS {
        return None;
    }
    let transfers = transfers(function, blocks, facts);
    let mut at_start: SecondaryMap<Block, Set> = SecondaryMap::new();
    for (index, &block) in blocks.iter().enumerate() {
        at_start[block] = if index == 0 { Set::empty(facts.len()) } else { Set::full(facts.len()) };
    }
    for _ in 0..MOST_ROUNDS {
        let mut has_changed = false;
        for &block in blocks {
            let mut at_end = at_start[block].clone();
            at_end.intersect(&transfers[block].keeps);
            at_end.0.iter_mut().zip(&transfers[block].adds.0).for_each(|(a, b)| *a |= b);
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
        let mut keeps = Set::full(facts.len());
        let mut adds = Set::empty(facts.len());
        for &inst in &function.blocks[block].insts {
            facts.pass(inst, &mut adds);
            facts.pass_without_adding(inst, &mut keeps);
        }
        transfers[block] = Transfer { keeps, adds };
    }
    transfers
}
