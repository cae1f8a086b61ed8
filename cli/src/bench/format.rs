//! A transaction with the block and the accounts that it sees, as JSON.
//!
//! The bench set and the protocol for external engines write it in the same way; numbers are hexadecimal
//! text (`0x…`). What is not said is the same for everyone: chain 1, a blob base fee of one wei, and no
//! limit on a transaction's gas beside its own (EIP-7825 is off, since several inputs pass more).

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    primitives::hardfork::SpecId,
};
use serde::{Deserialize, Serialize};

use crate::{
    engine::TxInput,
    fork::{Fork, ForkRules},
    world::{Account, World},
};

/// The block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Env {
    number: U256,
    timestamp: U256,
    coinbase: Address,
    gas_limit: U256,
    base_fee: U256,
    prev_randao: B256,
}

/// The transaction; without `to` it creates a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tx {
    from: Address,
    to: Option<Address>,
    input: Bytes,
    value: U256,
    gas_limit: U256,
    gas_price: U256,
    nonce: U256,
}

/// An account before the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pre {
    balance: U256,
    nonce: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Name of the fork whose rules apply.
    pub fork: String,
    env: Env,
    tx: Tx,
    pre: BTreeMap<Address, Pre>,
}

impl Case {
    /// The case as an engine takes it; `None` where nobody knows the fork.
    pub fn to_input(&self) -> Option<TxInput> {
        let fork: Fork = self.fork.parse().ok()?;
        let mut world = World::default();
        for (&address, pre) in &self.pre {
            let storage = pre.storage.iter().map(|(&slot, &value)| (slot, value));
            let nonce = pre.nonce.saturating_to();
            world.insert(address, Account::new(pre.balance, nonce, pre.code.clone(), storage));
        }
        let spec = fork.spec();
        let mut cfg = CfgEnv::new_with_spec(spec);
        cfg.set_spec_and_mainnet_gas_params(spec);
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let block = BlockEnv {
            number: self.env.number,
            timestamp: self.env.timestamp,
            beneficiary: self.env.coinbase,
            gas_limit: self.env.gas_limit.saturating_to(),
            basefee: self.env.base_fee.saturating_to(),
            prevrandao: spec.is_enabled_in(SpecId::MERGE).then_some(self.env.prev_randao),
            ..BlockEnv::default()
        };
        let tx = TxEnv {
            caller: self.tx.from,
            kind: self.tx.to.map_or(TxKind::Create, TxKind::Call),
            data: self.tx.input.clone(),
            value: self.tx.value,
            gas_limit: self.tx.gas_limit.saturating_to(),
            gas_price: self.tx.gas_price.saturating_to(),
            nonce: self.tx.nonce.saturating_to(),
            ..TxEnv::default()
        };
        Some(TxInput { world: Arc::new(world), block, cfg, tx })
    }

    /// The case that an engine would be given as `input`.
    pub fn from_input(input: &TxInput, fork: Fork) -> Self {
        let TxInput { world, block, tx, .. } = input;
        let env = Env {
            number: block.number,
            timestamp: block.timestamp,
            coinbase: block.beneficiary,
            gas_limit: U256::from(block.gas_limit),
            base_fee: U256::from(block.basefee),
            prev_randao: block.prevrandao.unwrap_or_default(),
        };
        let tx = Tx {
            from: tx.caller,
            to: tx.kind.to().copied(),
            input: tx.data.clone(),
            value: tx.value,
            gas_limit: U256::from(tx.gas_limit),
            gas_price: U256::from(tx.gas_price),
            nonce: U256::from(tx.nonce),
        };
        let pre = world.accounts().map(|(&address, account)| (address, Pre::from(account)));
        Self { fork: fork.name().to_owned(), env, tx, pre: pre.collect() }
    }
}

impl From<&Account> for Pre {
    fn from(account: &Account) -> Self {
        let code = account.info.code.as_ref().map(|code| code.original_bytes());
        Self {
            balance: account.info.balance,
            nonce: U256::from(account.info.nonce),
            code: code.unwrap_or_default(),
            storage: account.storage.iter().map(|(&slot, &value)| (slot, value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "fork": "Osaka",
        "env": {"number": "0x1", "timestamp": "0x2", "coinbase": "0x0000000000000000000000000000000000000003",
            "gasLimit": "0x4", "baseFee": "0x5",
            "prevRandao": "0x0000000000000000000000000000000000000000000000000000000000000006"},
        "tx": {"from": "0x0000000000000000000000000000000000000007", "to": null, "input": "0x08",
            "value": "0x9", "gasLimit": "0xa", "gasPrice": "0xb", "nonce": "0xc"},
        "pre": {"0x000000000000000000000000000000000000000d":
            {"balance": "0xe", "nonce": "0xf", "code": "0x10", "storage": {"0x11": "0x12"}}}
    }"#;

    #[test]
    fn nothing_is_lost_on_the_way_to_an_engine_and_back() {
        let case: Case = serde_json::from_str(TEXT).expect("valid");
        let input = case.to_input().expect("a known fork");
        assert_eq!(Case::from_input(&input, Fork::Osaka), case);
    }

    #[test]
    fn an_unknown_fork_is_not_taken_for_another() {
        let case: Case = serde_json::from_str(&TEXT.replace("Osaka", "Atlantis")).expect("valid");
        assert!(case.to_input().is_none());
    }
}
