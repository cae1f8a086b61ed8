//! Holds machines against each other, call by call.

use std::fmt;

use fastrand::Rng;

use super::generate::{Case, argument, order};

/// A value, as far as machines must agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number or vector, by its bits.
    Bits(u128),
    /// A reference: whether it is null.
    Null(bool),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With these results.
    Returned(Vec<Value>),
    /// By this trap of the specification.
    Trapped(String),
    /// Out of gas.
    OutOfGas,
    /// Calls were nested too deeply.
    OutOfDepth,
}

/// What can be seen of an instance from outside: globals by their bits, memories by length and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Exported globals, by name.
    pub globals: Vec<(String, Value)>,
    /// Exported memories: name, pages, BLAKE3.
    pub memories: Vec<(String, u64, String)>,
    /// Exported tables: name, elements.
    pub tables: Vec<(String, u64)>,
}

/// An instance in some engine.
pub trait Machine {
    /// Names of the exported functions, in the order of the module.
    fn functions(&mut self) -> Vec<String>;

    /// Calls an exported function with arguments by their bits; gives how that ended, and the gas that is left.
    fn call(&mut self, name: &str, arguments: &mut dyn FnMut() -> u128, gas: u64) -> (Ending, u64);

    /// What can be seen.
    fn state(&mut self) -> State;
}

/// A difference between a machine and the reference.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was called, and how often something was called before.
    pub call: String,
    /// What the reference has.
    pub expected: String,
    /// What the machine has.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.call, self.expected, self.found)
    }
}

/// Makes the calls of a case on the reference and on a machine; gives the first difference.
///
/// After a call that ran out of gas nothing more is compared: the reference stops sooner.
pub fn compare(case: &Case, reference: &mut dyn Machine, machine: &mut dyn Machine) -> Option<Difference> {
    let names = reference.functions();
    let differ = |call: &str, expected: String, found: String| {
        (expected != found).then(|| Difference { call: call.to_owned(), expected, found })
    };
    let found = machine.functions();
    if let Some(difference) = differ("exports", format!("{names:?}"), format!("{found:?}")) {
        return Some(difference);
    }
    if let Some(difference) = compare_states("start", reference, machine) {
        return Some(difference);
    }
    for (number, index) in order(names.len()).enumerate() {
        let name = &names[index];
        let seed = case.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let run = |machine: &mut dyn Machine| {
            let mut rng = Rng::with_seed(seed);
            machine.call(name, &mut || argument(&mut rng), case.gas)
        };
        let (expected, found) = (run(reference), run(machine));
        let call = format!("call {number} of {name:?}");
        if expected.0 == Ending::OutOfGas {
            // On its way to the next check, the machine may have met a trap, but it cannot have come back.
            let fails = !matches!(found.0, Ending::Returned(_));
            return differ(
                &call,
                "a failure".into(),
                if fails { "a failure".into() } else { format!("{found:?}") },
            );
        }
        let difference = differ(&call, format!("{expected:?}"), format!("{found:?}"))
            .or_else(|| compare_states(&call, reference, machine));
        if difference.is_some() {
            return difference;
        }
    }
    None
}

fn compare_states(call: &str, reference: &mut dyn Machine, machine: &mut dyn Machine) -> Option<Difference> {
    let (expected, found) = (reference.state(), machine.state());
    if expected == found {
        return None;
    }
    let difference = Difference {
        call: format!("state behind {call}"),
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    };
    Some(difference)
}
