//! The bench set (`evmc-bench-set/1`): real transactions with their expected outcomes.
//!
//! A file beside it, `HEADLINE.txt`, names the inputs over which geometric means are taken, each with the
//! ratio that revmc's authors' compiler reached there.

use std::{fs, io, path::Path};

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256, map::HashMap};
use revm::{context::result::ExecutionResult, state::EvmState};
use serde::Deserialize;

use super::format::Case;
use crate::engine::TxInput;

/// A benchmark: a transaction and what must come of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Bench {
    /// Its name.
    pub name: String,
    /// The transaction and the state that it runs on.
    #[serde(flatten)]
    pub case: Case,
    /// What must come of it.
    pub expected: Expected,
}

/// What must come of a transaction.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    status: String,
    gas_used: U256,
    output_len: usize,
    output_keccak: B256,
    logs: Vec<ExpectedLog>,
    storage_writes: HashMap<Address, HashMap<U256, U256>>,
}

#[derive(Clone, Debug, Deserialize)]
struct ExpectedLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

#[derive(Deserialize)]
struct Set {
    benches: Vec<Bench>,
}

/// Reads a set.
///
/// # Errors
/// The file cannot be read or is not of this format, or nobody knows a fork that it names.
pub fn read(path: &Path) -> io::Result<Vec<Bench>> {
    let set: Set = serde_json::from_slice(&fs::read(path)?)?;
    match set.benches.iter().find(|bench| bench.case.to_input().is_none()) {
        Some(bench) => Err(io::Error::other(format!("{}: unknown fork {:?}", bench.name, bench.case.fork))),
        None => Ok(set.benches),
    }
}

/// Reads the names of the headline inputs, each with the ratio of another compiler.
///
/// # Errors
/// The file cannot be read, or a line is not `NAME RATIO`.
pub fn read_headline(path: &Path) -> io::Result<Vec<(String, f64)>> {
    let text = fs::read_to_string(path)?;
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            headline(line).ok_or_else(|| {
                io::Error::other(format!("line {}: expected is NAME RATIO, found {line:?}", number + 1))
            })
        })
        .collect()
}

/// A line of the headline file.
fn headline(line: &str) -> Option<(String, f64)> {
    let mut words = line.split_whitespace();
    let (name, ratio) = (words.next()?, words.next()?.parse::<f64>().ok()?);
    (words.next().is_none() && ratio.is_finite() && ratio > 0.0).then(|| (name.to_owned(), ratio))
}

impl Bench {
    /// The transaction with the state that it runs on.
    ///
    /// # Panics
    /// Where the fork is unknown, which [`read`] has looked at.
    pub fn input(&self) -> TxInput {
        self.case.to_input().expect("the fork is known")
    }

    /// What of an outcome is not as expected; empty where everything is.
    pub fn differences(&self, result: &ExecutionResult, state: &EvmState) -> Vec<String> {
        self.expected.differences(result, state)
    }
}

impl Expected {
    /// What of an outcome is not as expected; empty where everything is.
    pub fn differences(&self, result: &ExecutionResult, state: &EvmState) -> Vec<String> {
        let mut found = Vec::new();
        let mut check = |what: &str, same: bool| {
            if !same {
                found.push(what.to_owned());
            }
        };
        let status = match result {
            ExecutionResult::Success { .. } => "success",
            ExecutionResult::Revert { .. } => "revert",
            ExecutionResult::Halt { .. } => "halt",
        };
        check("status", status == self.status);
        check("gas used", U256::from(result.tx_gas_used()) == self.gas_used);
        let output = result.output().cloned().unwrap_or_default();
        check("output", output.len() == self.output_len && keccak256(&output) == self.output_keccak);
        let logs = self.logs.iter().map(|log| Log {
            address: log.address,
            data: LogData::new_unchecked(log.topics.clone(), log.data.clone()),
        });
        check("logs", result.logs().iter().cloned().eq(logs));
        check("storage", storage_writes(state) == self.storage_writes);
        found
    }
}

/// The slots that a transaction changed, by account.
fn storage_writes(state: &EvmState) -> HashMap<Address, HashMap<U256, U256>> {
    let accounts = state.iter().map(|(&address, account)| {
        let slots = account.storage.iter().filter(|(_, slot)| slot.is_changed());
        (address, slots.map(|(&key, slot)| (key, slot.present_value)).collect::<HashMap<_, _>>())
    });
    accounts.filter(|(_, slots)| !slots.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headline_lines_have_a_name_and_a_ratio() {
        assert_eq!(headline("a/b 2.5"), Some(("a/b".to_owned(), 2.5)));
        for wrong in ["a/b", "a/b two", "a/b 0", "a/b -1", "a/b inf", "a/b 2 3", ""] {
            assert_eq!(headline(wrong), None, "{wrong:?}");
        }
    }
}
