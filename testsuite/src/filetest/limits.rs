//! `test gas_limits`: a program under every gas limit.
//!
//! Where charges and checks are merged or moved, the limits at which a run fails, and why, are what can
//! go wrong. So the program runs as a contract with every limit from none to `; most: GAS` beyond the
//! transaction's own cost, and each outcome is held against the interpreter's: status, halt reason, gas,
//! output, logs, state, and what was accessed. `; calldata: HEX` is what it is called with.

use std::sync::Arc;

use evmc::fork::Fork;

use crate::fuzz::case::{Case, Transaction};
use crate::fuzz::compare::{self, Tested};
use crate::fuzz::program::Program;

use super::{Failure, TestFile, output};

/// Cost of the transaction itself; more than enough for the calldata of these tests.
const INTRINSIC_GAS: u64 = 21_000;

/// Runs the command.
pub(super) fn run(file: &TestFile) -> Vec<Failure> {
    check(file).err().into_iter().collect()
}

fn check(file: &TestFile) -> Result<(), Failure> {
    let wrong = |line: usize| move |message: &str| Failure::new(line, message);
    let most = file.setting("most").ok_or_else(|| wrong(0)("`; most: GAS` is missing"))?;
    let most: u64 = most.value.parse().map_err(|_| wrong(most.line)("not a number"))?;
    let data = match file.setting("calldata") {
        Some(data) => {
            alloy_primitives::hex::decode(data.value).map_err(|_| wrong(data.line)("not hexadecimal"))?
        }
        None => Vec::new(),
    };
    let code = output::assembled(file)?;
    let intrinsic = INTRINSIC_GAS + 40 * data.len() as u64;
    let with_gas = |gas| Transaction { to: Some(0), data: data.clone(), gas, value: 0 };
    let transactions = (0..=most).map(|gas| with_gas(intrinsic + gas)).collect();
    let contracts = vec![Program::from_bytes(&code)];
    let case = Arc::new(Case { seed: 0, fork: Fork::default(), contracts, transactions });
    let engines = Tested::usual();
    let found =
        compare::on_stack(|| compare::run(&case, &engines)).map_err(|error| wrong(0)(&error.to_string()))?;
    found.map_or(Ok(()), |found| {
        let what = format!("{} with {} gas: {}", found.engine.name, found.transaction, found.what);
        Err(Failure::new(0, what))
    })
}
