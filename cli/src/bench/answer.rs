//! What an engine answers with, and whether the reference answers the same.

use std::sync::Arc;

use alloy_primitives::{B256, keccak256};
use revm::context::result::ExecutionResult;
use serde::{Deserialize, Serialize};

use super::workload::Workload;
use crate::{
    engine::{Engine, InterpreterEngine, TxResult},
    outcome::Outcome,
    world::World,
};

/// What a transaction came to.
#[derive(Debug)]
pub enum Answer {
    /// In full, from an engine in this process.
    Full(Box<TxResult>),
    /// In hashes, from an engine outside.
    Digest(Digest),
}

/// An outcome in a form that every implementation of the EVM can give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// `success`, `revert` or `halt`.
    pub status: String,
    /// Gas that the transaction costs, after refunds.
    pub gas_used: u64,
    /// Keccak-256 of the returned or reverted data.
    pub output_hash: B256,
    /// Keccak-256 of the RLP list of the logs.
    pub logs_hash: B256,
    /// Root of the state after the transaction, as in state tests; without it the state is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_root: Option<B256>,
}

impl Digest {
    /// The digest of an outcome; `None` where the transaction was rejected.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let result = outcome.result.as_ref().ok()?;
        let output = result.output().cloned().unwrap_or_default();
        Some(Self {
            status: status(result).to_owned(),
            gas_used: result.tx_gas_used(),
            output_hash: keccak256(&output),
            logs_hash: outcome.logs_hash(),
            state_root: Some(outcome.world.state_root()),
        })
    }

    /// How this digest differs from the reference's.
    fn difference(&self, reference: &Self) -> Option<String> {
        let differs = |what: &str, ours: &dyn std::fmt::Display, theirs: &dyn std::fmt::Display| {
            Some(format!("{what}: {ours} instead of {theirs}"))
        };
        if self.status != reference.status {
            return differs("status", &self.status, &reference.status);
        }
        if self.gas_used != reference.gas_used {
            return differs("gas used", &self.gas_used, &reference.gas_used);
        }
        let hashes = [
            ("output hash", Some(self.output_hash), Some(reference.output_hash)),
            ("logs hash", Some(self.logs_hash), Some(reference.logs_hash)),
            ("state root", self.state_root, self.state_root.and(reference.state_root)),
        ];
        let (what, ours, theirs) = hashes.into_iter().find(|(_, ours, theirs)| ours != theirs)?;
        differs(what, &ours.unwrap_or_default(), &theirs.unwrap_or_default())
    }
}

/// The name of a result's kind.
pub fn status(result: &ExecutionResult) -> &'static str {
    match result {
        ExecutionResult::Success { .. } => "success",
        ExecutionResult::Revert { .. } => "revert",
        ExecutionResult::Halt { .. } => "halt",
    }
}

/// The reference's answer, which all others must give.
#[derive(Debug)]
pub struct Reference {
    before: Arc<World>,
    result: TxResult,
    outcome: Outcome,
    digest: Digest,
}

impl Reference {
    /// Runs a workload in the interpreter.
    ///
    /// # Errors
    /// In words: the transaction was rejected, or did not come to what the workload says.
    pub fn new(workload: &Workload) -> Result<Self, String> {
        let result = InterpreterEngine::default().worker().transact(&workload.input);
        let done = result.as_ref().map_err(|error| format!("the transaction is rejected: {error}"))?;
        if let Some(expected) = &workload.expected {
            let differences = expected.differences(&done.result, &done.state);
            if !differences.is_empty() {
                return Err(format!("not as the bench set expects: {}", differences.join(", ")));
            }
        }
        let before = Arc::clone(&workload.input.world);
        let outcome = Outcome::new(result.clone(), &before);
        let digest = Digest::of(&outcome).ok_or("the transaction is rejected")?;
        Ok(Self { before, result, outcome, digest })
    }

    /// The answer in hashes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Knows the right answer.
pub trait Judge<A> {
    /// The engine that gave it, as part of a sentence.
    fn name(&self) -> &str;

    /// How an answer differs from it, in words; `None` where they are equal.
    fn difference(&self, answer: A) -> Option<String>;
}

impl Judge<Answer> for Reference {
    fn name(&self) -> &str {
        "the interpreter"
    }

    fn difference(&self, answer: Answer) -> Option<String> {
        let result = match answer {
            Answer::Full(result) => *result,
            Answer::Digest(digest) => return digest.difference(&self.digest),
        };
        if let (Ok(ours), Ok(theirs)) = (&result, &self.result)
            && ours.result == theirs.result
            && ours.state == theirs.state
        {
            return None;
        }
        Outcome::new(result, &self.before).difference(&self.outcome)
    }
}
