//! What a block came to against what it should have.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use evmc_parallel::{
    BlockError, Outcome,
    outcome::AccountDiff,
    state::{PreState, StateError},
};

use super::format::{Expected, ReplayBlock};

/// Differences of one kind that are told; the rest is counted.
const MAX_TOLD: usize = 3;

/// How an outcome differs from what is expected, in words; empty where it does not.
pub fn differences(
    block: &ReplayBlock,
    outcome: &Result<Outcome, BlockError<StateError>>,
) -> Vec<String> {
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
        None => Some(format!("account {address} is changed: {account:?}")),
        Some(other) if other != account => Some(format!("account {address}: {account:?} instead of {other:?}")),
        Some(_) => None,
    });
    different.chain(missing).collect()
}
