//! How far gas lets a loop counter climb.
//!
//! Each turn of a loop pays for what it does, and nobody has more than 2^64 − 1 gas: a loop whose
//! turns cost at least `g` makes at most (2^64 − 1) / `g` of them before the frame ends. A parameter
//! of its header that each turn leaves alone or raises by a constant of at most `c` is therefore never
//! more than `c` · (2^64 − 1) / `g` above what the loop was entered with, whatever the loop's own
//! condition says. A counter that starts at 0 thus needs 64 bits, not 256.
//!
//! Sound because turns cost what [`super::turns`] says, and a sum that stays within the bound and the
//! bound within the type does not wrap; the caller has to see to the latter. Cost: that of the turns,
//! and linear.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Dominators, Function, Opcode, Value};
use ruint::aliases::U256;

use super::turns::loops;

/// The most that a turn may add, so that bounds stay useful.
const MOST_PER_TURN: u64 = 1 << 32;

/// How far parameters of loop headers can climb.
#[derive(Clone, Debug, Default)]
pub struct Climbs {
    most: SecondaryMap<Value, Option<U256>>,
}

impl Climbs {
    /// Looks at every loop of a function.
    pub fn new(func: &Function, dominators: &Dominators) -> Self {
        let mut this = Self::default();
        for turns in loops(func, dominators) {
            for (number, &param) in func.blocks[turns.header].params.iter().enumerate() {
                let mut steps = turns.back.iter().map(|call| step(func, param, call.args[number]));
                let most = steps.try_fold(0, |most, step| Some(step?.max(most)));
                this.most[param] = most.map(|most: u64| U256::from(most) * U256::from(turns.most));
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
