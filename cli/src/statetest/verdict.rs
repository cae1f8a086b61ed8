//! What a transaction came to, and whether that is what was expected.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, Log, keccak256};
use revm::context::result::{ExecutionResult, HaltReason, ResultAndState};
use thiserror::Error;

use super::{case::Unbuildable, fixture::Expectation};
use crate::{
    engine::{TxError, TxResult},
    world::World,
};

/// A transaction's outcome with the world after it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Result of the execution, or why there was none.
    pub result: Result<ExecutionResult<HaltReason>, TxError>,
    /// The world after; unchanged where the transaction was rejected.
    pub world: Arc<World>,
}

impl Outcome {
    /// Applies a transaction's changes to the world that it started from.
    pub fn new(result: TxResult, before: &Arc<World>) -> Self {
        match result {
            Ok(ResultAndState { result, state }) => {
                let mut world = World::clone(before);
                world.apply(&state);
                Self { result: Ok(result), world: Arc::new(world) }
            }
            Err(error) => Self { result: Err(error), world: Arc::clone(before) },
        }
    }

    /// The logs that count: none where the transaction did not succeed.
    pub fn logs(&self) -> &[Log] {
        self.result.as_ref().map(ExecutionResult::logs).unwrap_or_default()
    }

    /// Keccak-256 of the RLP list of the logs.
    pub fn logs_hash(&self) -> B256 {
        let mut rlp = Vec::new();
        alloy_rlp::encode_list(self.logs(), &mut rlp);
        keccak256(rlp)
    }

    /// The result in a few words: `Success: Stop`, `Revert`, `Halt: OutOfGas(Basic)` or an error.
    pub fn describe(&self) -> String {
        match &self.result {
            Ok(ExecutionResult::Success { reason, .. }) => format!("Success: {reason:?}"),
            Ok(ExecutionResult::Revert { .. }) => "Revert".to_owned(),
            Ok(ExecutionResult::Halt { reason, .. }) => format!("Halt: {reason:?}"),
            Err(error) => error.to_string(),
        }
    }

    /// How this outcome differs from the reference's, in words; `None` where they are equal.
    pub fn difference(&self, reference: &Self) -> Option<String> {
        let (ours, theirs) = (self.describe(), reference.describe());
        if ours != theirs {
            return Some(format!("{ours} instead of {theirs}"));
        }
        if let (Ok(ours), Ok(theirs)) = (&self.result, &reference.result) {
            if ours.gas() != theirs.gas() {
                return Some(format!("gas: {} instead of {}", ours.gas(), theirs.gas()));
            }
            if ours.output() != theirs.output() {
                let hex = |output: Option<&Bytes>| output.cloned().unwrap_or_default();
                let (ours, theirs) = (hex(ours.output()), hex(theirs.output()));
                return Some(format!("output: {ours} instead of {theirs}"));
            }
            if ours.created_address() != theirs.created_address() {
                return Some("address of the created contract".to_owned());
            }
        }
        if self.logs() != reference.logs() {
            let (ours, theirs) = (self.logs().len(), reference.logs().len());
            return Some(format!("logs differ ({ours} against {theirs})"));
        }
        self.world.first_difference(&reference.world)
    }
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is not what it should be.
    #[error("not a valid state test: {0}")]
    Malformed(String),
    /// The transaction cannot be built although it should run.
    #[error("cannot build the transaction: {0}")]
    Unbuildable(Unbuildable),
    /// The transaction was rejected although it should run.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The transaction ran although it should be rejected.
    #[error("not rejected, expected was {expected} (got {got})")]
    NotRejected {
        /// The exception that the test expects.
        expected: String,
        /// What happened instead.
        got: String,
    },
    /// The output is wrong.
    #[error("output {got} instead of {expected}")]
    Output {
        /// What came out.
        got: Bytes,
        /// What was expected.
        expected: Bytes,
    },
    /// The logs are wrong.
    #[error("logs hash {got} instead of {expected}")]
    Logs {
        /// What came out.
        got: B256,
        /// What was expected.
        expected: B256,
    },
    /// The state is wrong.
    #[error("state root {got} instead of {expected}")]
    State {
        /// What came out.
        got: B256,
        /// What was expected.
        expected: B256,
    },
    /// The engine and the interpreter disagree.
    #[error("differs from the interpreter: {0}")]
    Differs(String),
    /// The engine panicked.
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Whether `outcome`, with the given state root, is what the test expects.
///
/// A rejected transaction changes nothing, so its roots are not looked at: on forks before EIP-161 the
/// tests give there a root in which the block's reward of zero has touched the beneficiary.
pub fn judge(
    outcome: &Outcome,
    state_root: B256,
    expectation: &Expectation,
    output: Option<&Bytes>,
) -> Result<(), Failure> {
    let result = match (&outcome.result, &expectation.expect_exception) {
        (Ok(result), None) => result,
        (Err(_), Some(_)) => return Ok(()),
        (Err(error), None) => return Err(Failure::Rejected(error.to_string())),
        (Ok(_), Some(expected)) => {
            let (expected, got) = (expected.clone(), outcome.describe());
            return Err(Failure::NotRejected { expected, got });
        }
    };
    check_output(result, output)?;
    let (got, expected) = (outcome.logs_hash(), expectation.logs);
    if got != expected {
        return Err(Failure::Logs { got, expected });
    }
    if state_root != expectation.hash {
        return Err(Failure::State { got: state_root, expected: expectation.hash });
    }
    Ok(())
}

/// Compares the output where both the test and the result have one.
fn check_output(result: &ExecutionResult<HaltReason>, expected: Option<&Bytes>) -> Result<(), Failure> {
    match (result.output(), expected) {
        (Some(got), Some(expected)) if got != expected => {
            Err(Failure::Output { got: got.clone(), expected: expected.clone() })
        }
        _ => Ok(()),
    }
}
