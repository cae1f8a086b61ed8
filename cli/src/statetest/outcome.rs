//! The line that a fuzzer reads for each subtest.
//!
//! goevmlab and its relatives look for `"stateRoot":"0x…"` in JSON lines on standard error and compare
//! it between clients; the other fields are for people who look into a difference.

use alloy_primitives::{B256, Bytes};
use revm::{context::result::ExecutionResult, primitives::hardfork::SpecId};
use serde::Serialize;

use super::fixture::Indexes;
use crate::outcome::Outcome;

/// One subtest's outcome; fields in the order in which they are written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeLine<'a> {
    state_root: B256,
    logs_root: B256,
    output: Bytes,
    gas_used: u64,
    pass: bool,
    error_msg: String,
    evm_result: String,
    post_logs_hash: B256,
    fork: SpecId,
    test: &'a str,
    d: usize,
    g: usize,
    v: usize,
}

impl<'a> OutcomeLine<'a> {
    /// The line of the subtest `test` with the given indexes; `error` says why it failed.
    pub fn new(
        test: &'a str,
        fork: SpecId,
        indexes: Indexes,
        outcome: &Outcome,
        state_root: B256,
        error: Option<String>,
    ) -> Self {
        let result = outcome.result.as_ref().ok();
        let logs_root = outcome.logs_hash();
        Self {
            state_root,
            logs_root,
            output: result.and_then(ExecutionResult::output).cloned().unwrap_or_default(),
            gas_used: result.map(ExecutionResult::tx_gas_used).unwrap_or_default(),
            pass: error.is_none(),
            error_msg: error.unwrap_or_default(),
            evm_result: outcome.describe(),
            post_logs_hash: logs_root,
            fork,
            test,
            d: indexes.data,
            g: indexes.gas,
            v: indexes.value,
        }
    }

    /// Writes the line to standard error, where fuzzers read.
    pub fn emit(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            eprintln!("{line}");
        }
    }
}
