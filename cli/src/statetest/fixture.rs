//! The file format of Ethereum state tests (`GeneralStateTest`).
//!
//! One file maps test names to units; a unit is an environment, the accounts before, a transaction with
//! alternatives for data, gas limit and value, and per fork the expected outcome of chosen combinations.
//! Format: <https://eest.ethereum.org/main/consuming_tests/state_test/>. Fields that have no influence on
//! the outcome are skipped; numbers may be hexadecimal or decimal text, or JSON integers.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Deserializer, de};

use crate::alloc::{Alloc, Number};

/// A whole file: units by name, in the file's order of names.
pub type Suite = BTreeMap<String, Unit>;

/// One test: a start and many outcomes.
#[derive(Debug, Deserialize)]
pub struct Unit {
    /// The block around the transaction.
    pub env: Env,
    /// The accounts before.
    pub pre: Alloc,
    /// The transaction with its alternatives.
    pub transaction: Transaction,
    /// Expected outcomes by the fork's name.
    pub post: BTreeMap<String, Vec<Expectation>>,
    /// The transaction's expected output, in a few old tests.
    #[serde(default)]
    pub out: Option<Bytes>,
}

/// The block around the transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Env {
    /// Beneficiary of the block.
    pub current_coinbase: Address,
    /// Difficulty, before the merge.
    #[serde(default)]
    pub current_difficulty: Number,
    /// Gas limit of the block.
    pub current_gas_limit: Number,
    /// Block number.
    pub current_number: Number,
    /// Seconds since 1970.
    pub current_timestamp: Number,
    /// Base fee per gas (EIP-1559), in wei.
    pub current_base_fee: Option<Number>,
    /// Random value (EIP-4399).
    pub current_random: Option<Number>,
    /// Excess blob gas (EIP-4844).
    pub current_excess_blob_gas: Option<Number>,
    /// Slot of the beacon chain (EIP-7843).
    pub slot_number: Option<Number>,
}

/// A transaction with alternatives for three of its fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Alternatives of the calldata or initcode.
    pub data: Vec<Bytes>,
    /// Alternatives of the gas limit.
    pub gas_limit: Vec<Number>,
    /// Alternatives of the value, in wei.
    pub value: Vec<Number>,
    /// Gas price, in wei, where the transaction has no fee cap.
    pub gas_price: Option<Number>,
    /// Sender's nonce.
    pub nonce: Number,
    /// Sender, where the file says it.
    pub sender: Option<Address>,
    /// Key of the sender.
    pub secret_key: Option<B256>,
    /// Recipient; empty or absent for a contract creation.
    #[serde(default, deserialize_with = "recipient")]
    pub to: Option<Address>,
    /// Fee cap (EIP-1559), in wei.
    pub max_fee_per_gas: Option<Number>,
    /// Tip cap (EIP-1559), in wei.
    pub max_priority_fee_per_gas: Option<Number>,
    /// Access lists (EIP-2930), one for each alternative of the data.
    pub access_lists: Option<Vec<Option<Vec<AccessListEntry>>>>,
    /// Fee cap for blob gas (EIP-4844), in wei.
    pub max_fee_per_blob_gas: Option<Number>,
    /// Hashes of the blobs (EIP-4844).
    pub blob_versioned_hashes: Option<Vec<B256>>,
    /// Authorizations (EIP-7702).
    pub authorization_list: Option<Vec<AuthorizationEntry>>,
}

/// One account of an access list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessListEntry {
    /// The account.
    pub address: Address,
    /// Its slots.
    pub storage_keys: Vec<Number>,
}

/// A signed authorization (EIP-7702).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationEntry {
    /// Chain, or zero for any.
    pub chain_id: Number,
    /// The code to delegate to.
    pub address: Address,
    /// Nonce of the authority.
    pub nonce: Number,
    /// Parity of the signature.
    pub y_parity: Option<Number>,
    /// Parity of the signature under its older name.
    pub v: Option<Number>,
    /// Signature.
    pub r: Number,
    /// Signature.
    pub s: Number,
}

/// What is expected of one combination.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// State root.
    pub hash: B256,
    /// Keccak-256 of the RLP list of logs.
    pub logs: B256,
    /// Which alternatives.
    pub indexes: Indexes,
    /// Set where the transaction must be rejected.
    pub expect_exception: Option<String>,
}

/// A choice of alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Indexes {
    /// Index into the data.
    pub data: usize,
    /// Index into the gas limits.
    pub gas: usize,
    /// Index into the values.
    pub value: usize,
}

/// A recipient: empty text and `null` stand for a contract creation.
fn recipient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(de::Error::custom),
    }
}
