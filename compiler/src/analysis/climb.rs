//! How far gas lets a loop counter climb.
//!
//! Each turn of a loop pays for what it does, and nobody has more than 2^64 − 1 gas: a loop whose
//! turns cost at least `g` makes at most (2^64 − 1) / `g` of them before the frame ends. A parameter
//! of its header that each turn leaves alone or raises by a constant of at most `c` is therefore never
//! more than `c` · (2^64 − 1) / `g` above what the loop was entered with, whatever the loop's own
//! condition says. A counter that starts at 0 thus needs 64 bits, not 256.
//!
//! Sound because
//!
//! * a header here dominates the sources of all retreating edges into it, so that a turn is a path
//!   from the header to one of these, and passes all blocks between the two in the dominator tree;
//! * no block of the function gives back more gas than it charges (where one does, nothing is said of
//!   the function); calls of contracts return part of what they took (EIP-150), and functions of the
//!   module give back only what their own block has charged, which is how `gas.credit` is made; and a
//!   charge that cannot be paid ends the frame: a turn costs at least what those blocks charge;
//! * a sum that stays within the bound and the bound within the type does not wrap; the caller has to
//!   see to the latter.
//!
//! Cost: linear, and at most [`MOST_STEPS`] steps up the dominator tree for each retreating edge.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Dominators, Function, Imm, Opcode, Value};
use ruint::aliases::U256;

/// Steps up the dominator tree in search of a loop's header.
const MOST_STEPS: u32 = 256;

/// The most that a turn may add, so that bounds stay useful.
const MOST_PER_TURN: u64 = 1 << 32;

/// How far parameters of loop headers can climb.
#[derive(Clone, Debug, Default)]
pub struct Climbs {
    most: SecondaryMap<Value, Option<U256>>,
}

/// What is known of the turns of a loop, over the retreating edges seen so far.
#[derive(Clone, Debug)]
struct Turns {
    /// Least gas of a turn; 0 where nothing is known.
    gas: u64,
    /// Most that a turn adds to each parameter of the header; `None` for other changes.
    steps: Vec<Option<u64>>,
}

impl Climbs {
    /// Looks at every loop of a function.
    pub fn new(func: &Function, dominators: &Dominators) -> Self {
        let mut this = Self::default();
        let Some(charges) = charges(func) else { return this };
        let mut loops: SecondaryMap<Block, Option<Turns>> = SecondaryMap::new();
        let mut headers = Vec::new();
        for (source, header, args) in retreating_edges(func, dominators) {
            let params = &func.blocks[header].params;
            let turns = loops[header].get_or_insert_with(|| {
                headers.push(header);
                Turns { gas: u64::MAX, steps: vec![Some(0); params.len()] }
            });
            turns.gas = turns.gas.min(least_charge(&charges, dominators, header, source));
            for ((most, &param), &arg) in turns.steps.iter_mut().zip(params).zip(args) {
                *most = most.zip(step(func, param, arg)).map(|(most, step)| most.max(step));
            }
        }
        for header in headers {
            let Some(turns) = &loops[header] else { continue };
            let Some(count) = u64::MAX.checked_div(turns.gas) else { continue };
            for (&param, most) in func.blocks[header].params.iter().zip(&turns.steps) {
                this.most[param] = most.map(|most| U256::from(most) * U256::from(count));
            }
        }
        this
    }

    /// The most by which a parameter exceeds what its loop was entered with; `None` where that is not
    /// known or `value` is no such parameter.
    pub fn of(&self, value: Value) -> Option<U256> {
        self.most[value]
    }
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

/// Source, target and arguments of the edges that go back in reverse postorder.
fn retreating_edges<'f>(
    func: &'f Function,
    dominators: &Dominators,
) -> impl Iterator<Item = (Block, Block, &'f [Value])> {
    let mut place: SecondaryMap<Block, usize> = SecondaryMap::new();
    for (number, &block) in dominators.rpo().iter().enumerate() {
        place[block] = number;
    }
    let blocks = dominators.rpo().to_vec().into_iter();
    blocks.flat_map(move |source| {
        let targets = func.terminator(source).map(|data| data.targets()).into_iter().flatten();
        let back: Vec<_> = targets
            .filter(|target| place[target.block] <= place[source])
            .map(|target| (source, target.block, &target.args[..]))
            .collect();
        back
    })
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

/// By how much `arg`, which a turn passes for `param`, exceeds it.
fn step(func: &Function, param: Value, arg: Value) -> Option<u64> {
    if arg == param {
        return Some(0);
    }
    let data = func.defining_inst(arg).filter(|data| data.opcode == Opcode::Add)?;
    let other = match data.args[..] {
        [a, b] if a == param => b,
        [a, b] if b == param => a,
        _ => return None,
    };
    let amount = u64::try_from(func.constant(other)?).ok()?;
    (amount <= MOST_PER_TURN).then_some(amount)
}
