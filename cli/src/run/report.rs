//! What is told about a transaction, to people and to programs.

use std::{collections::BTreeMap, fmt::Write};

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::context::result::ExecutionResult;
use serde::Serialize;

use super::{Decoder, Executed};
use crate::world::{Account, World};

/// Bytes of output or log data that are printed for people; the JSON form has all of them.
const MAX_PRINTED_BYTES: usize = 256;

/// A value before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition<T> {
    /// Before.
    pub from: T,
    /// After.
    pub to: T,
}

impl<T: PartialEq> Transition<T> {
    /// The change from one value to another, `None` where they are equal.
    fn between(from: T, to: T) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }
}

/// What became of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// In wei.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Transition<U256>>,
    /// Number of transactions sent or contracts created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Transition<u64>>,
    /// Keccak-256 of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<Transition<B256>>,
    /// Storage slots.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<U256, Transition<U256>>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Who wrote it.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Bytes,
    /// The event, where the ABI knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// A transaction's result as it is told.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `success`, `revert`, `halt` or `rejected`.
    pub status: &'static str,
    /// Why it ended: revm's name of the reason, or the message of a revert.
    pub reason: String,
    /// Gas that the transaction costs.
    pub gas_used: u64,
    /// Gas given back, within [`Self::gas_used`].
    pub gas_refunded: u64,
    /// Returned or reverted data.
    pub output: Bytes,
    /// The output's values, where they are known.
    pub decoded: Vec<String>,
    /// The contract that was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Address>,
    /// Logs in order.
    pub logs: Vec<LogReport>,
    /// Changed accounts.
    pub state_changes: BTreeMap<Address, StateChange>,
    /// Time of execution, in nanoseconds; the median where it was repeated.
    pub time_ns: u128,
}

impl Report {
    /// The report of a transaction.
    pub fn new(executed: &Executed, decoder: &Decoder<'_>) -> Self {
        let result = executed.result.as_ref();
        let output = result.ok().and_then(ExecutionResult::output).cloned().unwrap_or_default();
        let logs = result.map(ExecutionResult::logs).unwrap_or_default();
        let (status, reason) = match result {
            Ok(ExecutionResult::Success { reason, .. }) => ("success", format!("{reason:?}")),
            Ok(ExecutionResult::Revert { .. }) => {
                ("revert", decoder.revert(&output).unwrap_or_else(|| "Revert".to_owned()))
            }
            Ok(ExecutionResult::Halt { reason, .. }) => ("halt", format!("{reason:?}")),
            Err(error) => ("rejected", error.to_string()),
        };
        let is_success = result.is_ok_and(ExecutionResult::is_success);
        Self {
            status,
            reason,
            gas_used: result.map(ExecutionResult::tx_gas_used).unwrap_or_default(),
            gas_refunded: result.map(|result| result.gas().final_refunded()).unwrap_or_default(),
            decoded: if is_success { decoder.output(&output) } else { Vec::new() },
            output,
            created: result.ok().and_then(ExecutionResult::created_address),
            logs: logs.iter().map(|log| log_report(log, decoder)).collect(),
            state_changes: changes(&executed.before, &executed.after),
            time_ns: executed.time.as_nanos(),
        }
    }

    /// Whether the transaction succeeded.
    pub fn is_success(&self) -> bool {
        self.status == "success"
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text).unwrap_or_default();
        text
    }

    /// Writes the report for people.
    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "status    {} ({})", self.status, self.reason)?;
        writeln!(out, "gas used  {}", thousands(self.gas_used))?;
        if self.gas_refunded > 0 {
            writeln!(out, "refunded  {}", thousands(self.gas_refunded))?;
        }
        if let Some(created) = self.created {
            writeln!(out, "created   {created}")?;
        }
        writeln!(out, "time      {:.1} µs", self.time_ns as f64 / 1e3)?;
        writeln!(out, "output    {}", short_hex(&self.output))?;
        for value in &self.decoded {
            writeln!(out, "          = {value}")?;
        }
        for log in &self.logs {
            write_log(out, log)?;
        }
        for (address, change) in &self.state_changes {
            write_change(out, address, change)?;
        }
        Ok(())
    }
}

/// A log with its event.
fn log_report(log: &alloy_primitives::Log, decoder: &Decoder<'_>) -> LogReport {
    LogReport {
        address: log.address,
        topics: log.data.topics().to_vec(),
        data: log.data.data.clone(),
        event: decoder.log(log),
    }
}

/// Writes a log for people.
fn write_log(out: &mut String, log: &LogReport) -> std::fmt::Result {
    writeln!(out, "log       {}", log.address)?;
    if let Some(event) = &log.event {
        return writeln!(out, "          {event}");
    }
    for topic in &log.topics {
        writeln!(out, "          topic {topic}")?;
    }
    writeln!(out, "          data  {}", short_hex(&log.data))
}

/// Writes what became of an account for people.
fn write_change(out: &mut String, address: &Address, change: &StateChange) -> std::fmt::Result {
    writeln!(out, "changed   {address}")?;
    if let Some(Transition { from, to }) = change.balance {
        writeln!(out, "          balance {from} -> {to}")?;
    }
    if let Some(Transition { from, to }) = change.nonce {
        writeln!(out, "          nonce {from} -> {to}")?;
    }
    if let Some(Transition { to, .. }) = change.code_hash {
        writeln!(out, "          code hash {to}")?;
    }
    change.storage.iter().try_for_each(|(slot, Transition { from, to })| {
        writeln!(out, "          slot {slot:#x}: {from:#x} -> {to:#x}")
    })
}

/// How the accounts of two worlds differ.
fn changes(before: &World, after: &World) -> BTreeMap<Address, StateChange> {
    let addresses = before.accounts().chain(after.accounts()).map(|(address, _)| *address);
    let nobody = Account::default();
    let change_of = |address: &Address| {
        let [before, after] = [before, after].map(|world| world.get(address).unwrap_or(&nobody));
        change(before, after)
    };
    addresses
        .map(|address| (address, change_of(&address)))
        .filter(|(_, change)| *change != StateChange::default())
        .collect()
}

/// How two states of an account differ.
fn change(before: &Account, after: &Account) -> StateChange {
    let slots = before.storage.keys().chain(after.storage.keys());
    let value = |account: &Account, slot: &U256| account.storage.get(slot).copied().unwrap_or_default();
    StateChange {
        balance: Transition::between(before.info.balance, after.info.balance),
        nonce: Transition::between(before.info.nonce, after.info.nonce),
        code_hash: Transition::between(before.info.code_hash, after.info.code_hash),
        storage: slots
            .filter_map(|slot| {
                let change = Transition::between(value(before, slot), value(after, slot))?;
                Some((*slot, change))
            })
            .collect(),
    }
}

/// Bytes in hexadecimal, cut where there are many.
fn short_hex(bytes: &[u8]) -> String {
    match bytes.get(..MAX_PRINTED_BYTES) {
        Some(start) if bytes.len() > MAX_PRINTED_BYTES => {
            format!("{}… ({} bytes)", alloy_primitives::hex::encode_prefixed(start), bytes.len())
        }
        _ => alloy_primitives::hex::encode_prefixed(bytes),
    }
}

/// A number with commas between thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(21_000), "21,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
