//! The benchmark inputs (`evmc-bench-set/1`): real transactions with their expected outcomes.
//!
//! Rules are Osaka's with the cap on a transaction's gas off (EIP-7825), since several inputs pass more.

use std::{fs, io, path::Path, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, keccak256, map::HashMap};
use evmc::{
    engine::TxInput,
    fork::{Fork, ForkRules},
    world::{Account, World},
};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv, result::ExecutionResult},
    primitives::TxKind,
    state::EvmState,
};
use serde::Deserialize;

/// A benchmark: a transaction and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bench {
    /// Its name.
    pub name: String,
    fork: String,
    env: Env,
    tx: Tx,
    pre: HashMap<Address, Pre>,
    expected: Expected,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    number: U256,
    timestamp: U256,
    coinbase: Address,
    gas_limit: U256,
    base_fee: U256,
    prev_randao: B256,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tx {
    from: Address,
    to: Address,
    input: Bytes,
    value: U256,
    gas_limit: U256,
    gas_price: U256,
    nonce: U256,
}

#[derive(Clone, Debug, Deserialize)]
struct Pre {
    balance: U256,
    nonce: U256,
    code: Bytes,
    storage: HashMap<U256, U256>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
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
/// The file cannot be read or is not of this format.
pub fn read(path: &Path) -> io::Result<Vec<Bench>> {
    let set: Set = serde_json::from_slice(&fs::read(path)?)?;
    Ok(set.benches)
}

impl Bench {
    /// The transaction with the state that it runs on.
    pub fn input(&self) -> TxInput {
        let mut world = World::default();
        for (&address, pre) in &self.pre {
            let storage = pre.storage.iter().map(|(&slot, &value)| (slot, value));
            world.insert(address, Account::new(pre.balance, pre.nonce.to(), pre.code.clone(), storage));
        }
        let fork: Fork = self.fork.parse().unwrap_or_default();
        let mut cfg = CfgEnv::new_with_spec(fork.spec());
        cfg.set_spec_and_mainnet_gas_params(fork.spec());
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let block = BlockEnv {
            number: self.env.number,
            timestamp: self.env.timestamp,
            beneficiary: self.env.coinbase,
            gas_limit: self.env.gas_limit.to(),
            basefee: self.env.base_fee.to(),
            prevrandao: Some(self.env.prev_randao),
            ..BlockEnv::default()
        };
        let tx = TxEnv {
            caller: self.tx.from,
            kind: TxKind::Call(self.tx.to),
            data: self.tx.input.clone(),
            value: self.tx.value,
            gas_limit: self.tx.gas_limit.to(),
            gas_price: self.tx.gas_price.to(),
            nonce: self.tx.nonce.to(),
            ..TxEnv::default()
        };
        TxInput { world: Arc::new(world), block, cfg, tx }
    }

    /// What of an outcome is not as expected; empty where everything is.
    pub fn differences(&self, result: &ExecutionResult, state: &EvmState) -> Vec<String> {
        let expected = &self.expected;
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
        check("status", status == expected.status);
        check("gas used", U256::from(result.tx_gas_used()) == expected.gas_used);
        let output = result.output().cloned().unwrap_or_default();
        check("output", output.len() == expected.output_len && keccak256(&output) == expected.output_keccak);
        let logs = expected.logs.iter().map(|log| Log {
            address: log.address,
            data: LogData::new_unchecked(log.topics.clone(), log.data.clone()),
        });
        check("logs", result.logs().iter().cloned().eq(logs));
        check("storage", storage_writes(state) == expected.storage_writes);
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
