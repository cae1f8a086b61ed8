//! The file format `evmc-mainnet-block/1`: one JSON document for each block.
//!
//! It holds the header, the transactions with their senders, all of the state that they need, and what is expected.
//! Nothing in it is trusted: whatever is missing or malformed is an error that names the field, and numbers
//! that are consistent but wrong end in a block that is invalid or differs.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bloom, TxKind, U256};
use evmc_parallel::{Block, PreState, Withdrawal, outcome::AccountDiff};
use revm::{
    context::{
        BlockEnv, CfgEnv, TransactionType, TxEnv,
        either::Either,
        transaction::{AccessList, AccessListItem, Authorization, SignedAuthorization},
    },
    primitives::hardfork::SpecId,
};

use super::fields::{
    Field, FieldError, Read, as_address, as_bytes, as_number, as_text, as_u8, as_u64, as_u128, as_word, key,
};
use crate::fork::{Fork, ForkRules};

/// The name of the format, as each file gives it.
const FORMAT: &str = "evmc-mainnet-block/1";

/// What a block should come to.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// The filter over all logs.
    pub logs_bloom: Bloom,
    /// The root over the receipts; before Byzantium there is none to compare with.
    pub receipts_root: Option<B256>,
    /// Hash of each receipt, likewise.
    pub receipt_hashes: Vec<Option<B256>>,
    /// The accounts that differ from before, without rewards and withdrawals.
    pub post: BTreeMap<Address, Option<AccountDiff>>,
}

/// A block that was read.
#[derive(Clone, Debug)]
pub struct ReplayBlock {
    /// Its number.
    pub number: u64,
    /// The rules in force.
    pub fork: Fork,
    /// The block.
    pub block: Arc<Block>,
    /// The state before it.
    pub state: Arc<PreState>,
    /// What it should come to.
    pub expected: Expected,
}

/// Reads a block.
///
/// # Errors
/// The first field that cannot be used.
pub fn read(document: &serde_json::Value) -> Result<ReplayBlock, FieldError> {
    let top = Field::top(document);
    top.member("format", |field| match as_text(field)? {
        text if text == FORMAT => Ok(()),
        text => Err(field.error(format!("{text:?} is not {FORMAT:?}"))),
    })?;
    let fork = top.member("fork", |field| {
        let text = as_text(field)?;
        text.parse::<Fork>().map_err(|_| field.error(format!("{text:?} is not a fork")))
    })?;
    let mut state = top.member("pre", pre_state)?;
    let hashes = top.member("blockHashes", |field| {
        field.entries(|name, field| Ok((key(name, &field, "a block's number")?, as_word(field)?)))
    })?;
    for (number, hash) in hashes {
        state.insert_block_hash(number, hash);
    }
    Ok(ReplayBlock {
        number: top.member("number", as_u64)?,
        fork,
        block: Arc::new(block(&top, fork)?),
        state: Arc::new(state),
        expected: top.member("expected", expected)?,
    })
}

/// The block itself.
fn block(top: &Field<'_>, fork: Fork) -> Read<Block> {
    let spec = fork.spec();
    let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(top.member("chainId", as_u64)?);
    cfg.set_spec_and_mainnet_gas_params(spec);
    let fraction = top.optional("blobBaseFeeUpdateFraction", as_u64)?;
    let fraction = fraction.unwrap_or_else(|| fork.blob_base_fee_update_fraction());
    let env = top.member("header", |header| environment(&header, spec, fraction))?;
    let parent_hash = top.member("header", |header| header.optional("parentHash", as_word))?;
    let parent_beacon_root =
        top.member("header", |header| header.optional("parentBeaconBlockRoot", as_word))?;
    let transactions = top.member("transactions", |list| list.list(|one| transaction(&one)))?;
    let withdrawals = top.optional("withdrawals", |list| list.list(|one| withdrawal(&one)))?;
    let withdrawals = withdrawals.unwrap_or_default();
    Ok(Block { cfg, env, transactions, parent_hash, parent_beacon_root, withdrawals })
}

/// What operations see of the header.
fn environment(header: &Field<'_>, spec: SpecId, blob_fraction: u64) -> Read<BlockEnv> {
    let mix_hash = header.optional("mixHash", as_word)?;
    let mut env = BlockEnv {
        number: header.member("number", as_number)?,
        beneficiary: header.member("miner", as_address)?,
        timestamp: header.member("timestamp", as_number)?,
        gas_limit: header.member("gasLimit", as_u64)?,
        basefee: header.optional("baseFeePerGas", as_u64)?.unwrap_or_default(),
        difficulty: header.optional("difficulty", as_number)?.unwrap_or_default(),
        prevrandao: spec.is_enabled_in(SpecId::MERGE).then(|| mix_hash.unwrap_or_default()),
        blob_excess_gas_and_price: None,
        ..BlockEnv::default()
    };
    if let Some(excess) = header.optional("excessBlobGas", as_u64)? {
        env.set_blob_excess_gas_and_price(excess, blob_fraction.max(1));
    }
    Ok(env)
}

/// A transaction.
fn transaction(tx: &Field<'_>) -> Read<TxEnv> {
    let tx_type = tx.member("type", as_u8)?;
    let kind = tx.optional("to", as_address)?.map_or(TxKind::Create, TxKind::Call);
    let needs_recipient =
        tx_type == TransactionType::Eip4844 as u8 || tx_type == TransactionType::Eip7702 as u8;
    if needs_recipient && kind.is_create() {
        return Err(tx.error(format!("a transaction of type {tx_type} has a recipient")));
    }
    let price = match tx_type {
        0 | 1 => tx.member("gasPrice", as_u128)?,
        2..=4 => tx.member("maxFeePerGas", as_u128)?,
        other => return Err(tx.error(format!("type {other} is not known"))),
    };
    let words = |field: Field<'_>| field.list(as_word);
    Ok(TxEnv {
        tx_type,
        caller: tx.member("from", as_address)?,
        gas_limit: tx.member("gasLimit", as_u64)?,
        gas_price: price,
        kind,
        value: tx.member("value", as_number)?,
        data: tx.member("input", as_bytes)?,
        nonce: tx.member("nonce", as_u64)?,
        chain_id: tx.optional("chainId", as_u64)?,
        access_list: tx.optional("accessList", access_list)?.unwrap_or_default(),
        gas_priority_fee: tx.optional("maxPriorityFeePerGas", as_u128)?,
        blob_hashes: tx.optional("blobVersionedHashes", words)?.unwrap_or_default(),
        max_fee_per_blob_gas: tx.optional("maxFeePerBlobGas", as_u128)?.unwrap_or_default(),
        authorization_list: tx
            .optional("authorizationList", |list| list.list(|one| authorization(&one).map(Either::Left)))?
            .unwrap_or_default(),
    })
}

/// An access list (EIP-2930).
fn access_list(list: Field<'_>) -> Read<AccessList> {
    let items = list.list(|item| {
        Ok(AccessListItem {
            address: item.member("address", as_address)?,
            storage_keys: item.member("storageKeys", |keys| keys.list(as_word))?,
        })
    });
    items.map(AccessList)
}

/// An authorization (EIP-7702); its signature is checked when the transaction runs.
fn authorization(one: &Field<'_>) -> Read<SignedAuthorization> {
    let inner = Authorization {
        chain_id: one.member("chainId", as_number)?,
        address: one.member("address", as_address)?,
        nonce: one.member("nonce", as_u64)?,
    };
    let parity = one.member("yParity", as_u8)?;
    let (r, s) = (one.member("r", as_number)?, one.member("s", as_number)?);
    Ok(SignedAuthorization::new_unchecked(inner, parity, r, s))
}

/// A withdrawal (EIP-4895).
fn withdrawal(one: &Field<'_>) -> Read<Withdrawal> {
    Ok(Withdrawal { address: one.member("address", as_address)?, amount_gwei: one.member("amount", as_u64)? })
}

/// A slot or a value, as the files write them: of any length up to 32 bytes.
fn slots(field: Field<'_>) -> Read<Vec<(U256, U256)>> {
    field.entries(|name, value| {
        let slot = key::<crate::alloc::Number>(name, &value, "a slot")?;
        Ok((slot.0, as_number(value)?))
    })
}

/// The state before the block.
fn pre_state(pre: Field<'_>) -> Read<PreState> {
    let mut state = PreState::default();
    pre.entries(|name, account| {
        let address = key(name, &account, "an address")?;
        let balance = account.optional("balance", as_number)?.unwrap_or_default();
        let nonce = account.optional("nonce", as_u64)?.unwrap_or_default();
        let code = account.optional("code", as_bytes)?.unwrap_or_default();
        let storage = account.optional("storage", slots)?.unwrap_or_default();
        state.insert(address, balance, nonce, &code, storage);
        Ok(())
    })?;
    Ok(state)
}

/// What the block should come to.
fn expected(field: Field<'_>) -> Read<Expected> {
    let bloom = |field: Field<'_>| field.parse("a filter of 256 bytes");
    let receipt_hash = |receipt: Field<'_>| receipt.optional("receiptHash", as_word);
    Ok(Expected {
        gas_used: field.member("gasUsed", as_u64)?,
        logs_bloom: field.member("logsBloom", bloom)?,
        receipts_root: field.optional("receiptsRoot", as_word)?,
        receipt_hashes: field.optional("receipts", |list| list.list(receipt_hash))?.unwrap_or_default(),
        post: field.member("postTx", post)?,
    })
}

/// The accounts after the transactions.
fn post(field: Field<'_>) -> Read<BTreeMap<Address, Option<AccountDiff>>> {
    let accounts = field.entries(|name, account| {
        let address = key(name, &account, "an address")?;
        if account.is_null() {
            return Ok((address, None));
        }
        let diff = AccountDiff {
            balance: account.member("balance", as_number)?,
            nonce: account.member("nonce", as_u64)?,
            code_hash: account.member("codeHash", as_word)?,
            storage: account.optional("storage", slots)?.unwrap_or_default().into_iter().collect(),
        };
        Ok((address, Some(diff)))
    });
    Ok(accounts?.into_iter().collect())
}
