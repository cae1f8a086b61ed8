//! What a block came to against what it should have.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use evmc_parallel::{
    BlockError, Outcome,
    outcome::AccountDiff,
    state::{PreState, StateError},
};

use super::format::{Expected, ReplayBlock};

/// Differences of one kind that are told; the rest is counted.
const MAX_TOLD: usize = 3;

/// How an outcome differs from what is expected, in words; empty where it does not.
pub fn differences(block: &ReplayBlock, outcome: &Result<Outcome, BlockError<StateError>>) -> Vec<String> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return vec![error.to_string()],
    };
    let mut all = Vec::new();
    receipts(&block.expected, outcome, &mut all);
    post_state(&block.expected, outcome, &block.state, &mut all);
    all
}

/// Gas, filter and receipts.
fn receipts(expected: &Expected, outcome: &Outcome, all: &mut Vec<String>) {
    if outcome.gas_used != expected.gas_used {
        all.push(format!("gas used: {} instead of {}", outcome.gas_used, expected.gas_used));
    }
    if outcome.logs_bloom() != expected.logs_bloom {
        all.push("the filter of the logs".to_owned());
    }
    let Some(root) = expected.receipts_root else { return };
    let ours = outcome.receipts_root();
    if ours == root {
        return;
    }
    all.push(format!("receipts root: {ours} instead of {root}"));
    let pairs = outcome.receipts.iter().zip(&expected.receipt_hashes).enumerate();
    let unequal = pairs.filter(|(_, (receipt, hash))| hash.is_some_and(|hash| receipt.hash() != hash));
    all.extend(unequal.take(MAX_TOLD).map(|(index, _)| format!("receipt of transaction {index}")));
}

/// Accounts and slots.
fn post_state(expected: &Expected, outcome: &Outcome, before: &PreState, all: &mut Vec<String>) {
    let ours = match outcome.post_state(before) {
        Ok(ours) => ours,
        Err(error) => return all.push(format!("the state cannot be read: {error}")),
    };
    let differing = account_differences(&ours, &expected.post);
    let more = differing.len().saturating_sub(MAX_TOLD);
    all.extend(differing.into_iter().take(MAX_TOLD));
    if more > 0 {
        all.push(format!("{more} more accounts"));
    }
}

type Post = BTreeMap<Address, Option<AccountDiff>>;

/// The accounts that differ between two states.
fn account_differences(ours: &Post, theirs: &Post) -> Vec<String> {
    let missing = theirs.keys().filter(|address| !ours.contains_key(*address));
    let missing = missing.map(|address| format!("account {address} is as before"));
    let different = ours.iter().filter_map(|(address, account)| match theirs.get(address) {
        None => Some(format!("account {address} is changed")),
        Some(other) => account_difference(account.as_ref(), other.as_ref())
            .map(|difference| format!("account {address}: {difference}")),
    });
    different.chain(missing).collect()
}

/// Where two accounts differ first.
fn account_difference(ours: Option<&AccountDiff>, theirs: Option<&AccountDiff>) -> Option<String> {
    let (ours, theirs) = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (None, None) => return None,
        (Some(_), None) => return Some("it is not gone".to_owned()),
        (None, Some(_)) => return Some("it is gone".to_owned()),
    };
    if ours.balance != theirs.balance {
        return Some(format!("balance {} instead of {}", ours.balance, theirs.balance));
    }
    if ours.nonce != theirs.nonce {
        return Some(format!("nonce {} instead of {}", ours.nonce, theirs.nonce));
    }
    if ours.code_hash != theirs.code_hash {
        return Some(format!("code {} instead of {}", ours.code_hash, theirs.code_hash));
    }
    let slots = ours.storage.keys().chain(theirs.storage.keys());
    let unequal = slots.map(|slot| (slot, ours.storage.get(slot), theirs.storage.get(slot)));
    let value = |value: Option<&U256>| value.map_or("unchanged".to_owned(), |value| format!("{value:#x}"));
    unequal
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(slot, ours, theirs)| format!("slot {slot:#x} {} instead of {}", value(ours), value(theirs)))
        .next()
}
