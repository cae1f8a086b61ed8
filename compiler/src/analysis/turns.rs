//! How many turns gas allows a loop to make.
//!
//! Each turn of a loop pays for what it does, and nobody has more than 2^64 − 1 gas: a loop whose
//! turns cost at least `g` makes at most (2^64 − 1) / `g` of them before the frame ends.
//!
//! Sound because
//!
//! * a header here dominates the sources of all retreating edges into it, so that a turn is a path
//!   from the header to one of these, and passes all blocks between the two in the dominator tree;
//! * no block of the function gives back more gas than it charges (where one does, nothing is said of
//!   the function); calls of contracts return part of what they took (EIP-150), and functions of the
//!   module give back only what their own block has charged, which is how `gas.credit` is made; and a
//!   charge that cannot be paid ends the frame: a turn costs at least what those blocks charge.
//!
//! Cost: linear, and at most [`MOST_STEPS`] steps up the dominator tree for each retreating edge.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, BlockCall, Dominators, Function, Imm, Opcode};

/// Steps up the dominator tree in search of a loop's header.
const MOST_STEPS: u32 = 256;

/// A loop whose turns cost gas.
#[derive(Clone, Debug)]
pub struct Turns<'f> {
    /// The block that every turn begins with.
    pub header: Block,
    /// The edges that end a turn; the header is their target.
    pub back: Vec<&'f BlockCall>,
    /// The most turns that can be made between entering the loop and leaving it.
    pub most: u64,
}

/// The loops of a function of whose turns something is known, in the order in which their first turns end.
pub fn loops<'f>(func: &'f Function, dominators: &Dominators) -> Vec<Turns<'f>> {
    let Some(charges) = charges(func) else { return Vec::new() };
    let mut numbers: SecondaryMap<Block, Option<usize>> = SecondaryMap::new();
    let mut found: Vec<(Turns<'f>, u64)> = Vec::new();
    for (source, call) in retreating_edges(func, dominators) {
        let at = *numbers[call.block].get_or_insert_with(|| {
            found.push((Turns { header: call.block, back: Vec::new(), most: 0 }, u64::MAX));
            found.len() - 1
        });
        let (turns, gas) = &mut found[at];
        turns.back.push(call);
        *gas = least_charge(&charges, dominators, call.block, source).min(*gas);
    }
    let known = found.into_iter().filter_map(|(turns, gas)| {
        let most = u64::MAX.checked_div(gas)?;
        Some(Turns { most, ..turns })
    });
    known.collect()
}

/// What each block charges in the end, whatever happens in it; `None` where a block may give back more.
fn charges(func: &Function) -> Option<SecondaryMap<Block, u64>> {
    let mut charges = SecondaryMap::new();
    for &block in &func.layout {
        let (mut paid, mut credited) = (0_u64, 0_u64);
        for (_, data) in func.block_insts(block) {
            match (data.opcode, &data.imm) {
                (_, &Imm::Charge { gas, .. }) => paid = paid.saturating_add(gas),
                (Opcode::GasCredit, _) => {
                    let amount = u64::try_from(func.constant(data.args[0])?).ok()?;
                    credited = credited.checked_add(amount)?;
                }
                _ => {}
            }
        }
        charges[block] = paid.checked_sub(credited)?;
    }
    Some(charges)
}

/// The edges that go back in reverse postorder, with their sources.
fn retreating_edges<'f>(func: &'f Function, dominators: &Dominators) -> Vec<(Block, &'f BlockCall)> {
    let mut place: SecondaryMap<Block, usize> = SecondaryMap::new();
    for (number, &block) in dominators.rpo().iter().enumerate() {
        place[block] = number;
    }
    let mut edges = Vec::new();
    for &source in dominators.rpo() {
        let targets = func.terminator(source).map(|data| data.targets()).into_iter().flatten();
        let back = targets.filter(|target| place[target.block] <= place[source]);
        edges.extend(back.map(|target| (source, target)));
    }
    edges
}

/// The gas of the blocks on the way up the dominator tree from `source` to `header`; 0 where that is
/// not found.
fn least_charge(
    charges: &SecondaryMap<Block, u64>,
    dominators: &Dominators,
    header: Block,
    source: Block,
) -> u64 {
    let (mut block, mut sum) = (source, charges[source]);
    for _ in 0..MOST_STEPS {
        if block == header {
            return sum;
        }
        let Some(above) = dominators.idom(block) else { break };
        block = above;
        sum = sum.saturating_add(charges[block]);
    }
    0
}
