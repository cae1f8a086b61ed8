//! What a transaction came to, in a form in which two engines can be compared.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, Log, keccak256};
use revm::context::result::{ExecutionResult, HaltReason, ResultAndState};

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
