//! Whether what a transaction came to is what was expected.

use alloy_primitives::{B256, Bytes};
use revm::context::result::{ExecutionResult, HaltReason};
use thiserror::Error;

use super::{case::Unbuildable, fixture::Expectation};
use crate::outcome::Outcome;

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
