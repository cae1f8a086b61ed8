//! From a fixture to transactions that can be run.
//!
//! A [`Case`] is one combination of one unit under one fork: all that an engine needs and what is
//! expected. Fork rules that lie outside of revm's own validation, such as the blob limits, are here.

use std::sync::Arc;

use alloy_primitives::{Address, B256, TxKind};
use revm::{
    context::{
        BlockEnv, CfgEnv, TransactionType, TxEnv,
        either::Either,
        transaction::{AccessList, AccessListItem, Authorization, SignedAuthorization},
    },
    primitives::hardfork::SpecId,
};

use super::fixture::{AuthorizationEntry, Env, Expectation, Transaction, Unit};
use crate::{
    engine::TxInput,
    fork::{Fork, ForkRules},
    sender,
    world::World,
};

/// The chain on which all state tests are.
const CHAIN_ID: u64 = 1;

/// Why the transaction of a case cannot even be built: it cannot be encoded, so that every client
/// rejects it before it looks at the rules of the fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbuildable {
    /// An index of the expectation lies outside of its list.
    #[error("index {index} is outside of the {count} alternatives of `{field}`")]
    Index {
        /// The field of the transaction.
        field: &'static str,
        /// The index.
        index: usize,
        /// Length of the list.
        count: usize,
    },
    /// Blob transactions (EIP-4844) and set-code transactions (EIP-7702) have a recipient.
    #[error("a transaction of type {0} cannot create a contract")]
    NoRecipient(u8),
    /// The sender is unknown.
    #[error("the transaction has neither `sender` nor a valid `secretKey`")]
    NoSender,
    /// A number is larger than its field.
    #[error("`{0}` does not fit its field")]
    TooLarge(&'static str),
}

/// Fork and limits.
pub fn cfg(fork: Fork) -> CfgEnv {
    let mut cfg = CfgEnv::new_with_spec(fork.spec()).with_chain_id(CHAIN_ID);
    cfg.set_spec_and_mainnet_gas_params(fork.spec());
    cfg.max_blobs_per_tx = Some(fork.max_blobs_per_tx());
    cfg
}

/// The block around the transaction.
pub fn block(env: &Env, fork: Fork) -> BlockEnv {
    let random = env.current_random.map(|random| B256::from(random.0));
    let prevrandao = fork.spec().is_enabled_in(SpecId::MERGE).then(|| random.unwrap_or_default());
    let mut block = BlockEnv {
        number: env.current_number.0,
        beneficiary: env.current_coinbase,
        timestamp: env.current_timestamp.0,
        gas_limit: env.current_gas_limit.saturating_u64(),
        basefee: env.current_base_fee.unwrap_or_default().saturating_u64(),
        difficulty: env.current_difficulty.0,
        prevrandao,
        slot_num: env.slot_number.unwrap_or_default().saturating_u64(),
        ..BlockEnv::default()
    };
    if let Some(excess) = env.current_excess_blob_gas {
        let fraction = fork.blob_base_fee_update_fraction();
        block.set_blob_excess_gas_and_price(excess.saturating_u64(), fraction);
    }
    block
}

/// Puts a case together.
pub fn input(
    unit: &Unit,
    expectation: &Expectation,
    fork: Fork,
    world: &Arc<World>,
) -> Result<TxInput, Unbuildable> {
    Ok(TxInput {
        world: Arc::clone(world),
        block: block(&unit.env, fork),
        cfg: cfg(fork),
        tx: tx(&unit.transaction, expectation)?,
    })
}

/// The transaction that `expectation` chooses.
fn tx(tx: &Transaction, expectation: &Expectation) -> Result<TxEnv, Unbuildable> {
    let indexes = expectation.indexes;
    let tx_type = tx_type(tx, indexes.data);
    let kind = tx.to.map_or(TxKind::Create, TxKind::Call);
    let needs_recipient = matches!(tx_type, TransactionType::Eip4844 | TransactionType::Eip7702);
    if needs_recipient && kind.is_create() {
        return Err(Unbuildable::NoRecipient(tx_type as u8));
    }
    let fee = tx.gas_price.or(tx.max_fee_per_gas).unwrap_or_default();
    Ok(TxEnv {
        tx_type: tx_type as u8,
        caller: sender(tx)?,
        gas_limit: choose("gasLimit", &tx.gas_limit, indexes.gas)?.saturating_u64(),
        gas_price: fee.saturating_u128(),
        kind,
        value: choose("value", &tx.value, indexes.value)?.0,
        data: choose("data", &tx.data, indexes.data)?.clone(),
        nonce: tx.nonce.to_u64().ok_or(Unbuildable::TooLarge("nonce"))?,
        chain_id: Some(CHAIN_ID),
        access_list: access_list(tx, indexes.data),
        gas_priority_fee: tx.max_priority_fee_per_gas.map(|fee| fee.saturating_u128()),
        blob_hashes: tx.blob_versioned_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: tx.max_fee_per_blob_gas.unwrap_or_default().saturating_u128(),
        authorization_list: authorizations(tx)?,
    })
}

/// The type that the fields of a transaction imply: the youngest one that has all of them.
fn tx_type(tx: &Transaction, data_index: usize) -> TransactionType {
    let listed = tx.access_lists.as_ref().and_then(|lists| lists.get(data_index));
    if tx.authorization_list.is_some() {
        TransactionType::Eip7702
    } else if tx.max_fee_per_blob_gas.is_some() || tx.blob_versioned_hashes.is_some() {
        TransactionType::Eip4844
    } else if tx.max_fee_per_gas.is_some() {
        TransactionType::Eip1559
    } else if listed.is_some_and(Option::is_some) {
        TransactionType::Eip2930
    } else {
        TransactionType::Legacy
    }
}

/// Element `index` of the alternatives of `field`.
fn choose<'a, T>(field: &'static str, all: &'a [T], index: usize) -> Result<&'a T, Unbuildable> {
    all.get(index).ok_or(Unbuildable::Index { field, index, count: all.len() })
}

/// The sender, from its key where it is not written down.
fn sender(tx: &Transaction) -> Result<Address, Unbuildable> {
    let from_key = || tx.secret_key.as_ref().and_then(sender::address_of_key);
    tx.sender.or_else(from_key).ok_or(Unbuildable::NoSender)
}

/// The access list that belongs to the chosen data.
fn access_list(tx: &Transaction, data_index: usize) -> AccessList {
    let lists = tx.access_lists.as_deref().unwrap_or_default();
    let entries = lists.get(data_index).and_then(Option::as_deref).unwrap_or_default();
    let item = |entry: &super::fixture::AccessListEntry| AccessListItem {
        address: entry.address,
        storage_keys: entry.storage_keys.iter().map(|key| B256::from(key.0)).collect(),
    };
    AccessList(entries.iter().map(item).collect())
}

/// The transaction's list of authorizations.
fn authorizations(
    tx: &Transaction,
) -> Result<Vec<Either<SignedAuthorization, revm::context::transaction::RecoveredAuthorization>>, Unbuildable>
{
    let entries = tx.authorization_list.as_deref().unwrap_or_default();
    entries.iter().map(|entry| authorization(entry).map(Either::Left)).collect()
}

/// One authorization; its signature is checked when the transaction runs.
fn authorization(entry: &AuthorizationEntry) -> Result<SignedAuthorization, Unbuildable> {
    let nonce = entry.nonce.to_u64().ok_or(Unbuildable::TooLarge("authorization nonce"))?;
    let parity = entry.y_parity.or(entry.v).unwrap_or_default();
    let parity = u8::try_from(parity.0).map_err(|_| Unbuildable::TooLarge("yParity"))?;
    let inner = Authorization { chain_id: entry.chain_id.0, address: entry.address, nonce };
    Ok(SignedAuthorization::new_unchecked(inner, parity, entry.r.0, entry.s.0))
}
