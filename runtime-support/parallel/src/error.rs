//! Why a block has no result.

use std::fmt;

use revm::context::result::{InvalidHeader, InvalidTransaction};
use thiserror::Error;

/// Why a block was not executed to its end. `E` is the error of the state that it runs on.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BlockError<E: fmt::Display + fmt::Debug> {
    /// A transaction must not be in this block.
    #[error("transaction {index} is invalid: {reason}")]
    Transaction {
        /// Its place in the block.
        index: usize,
        /// The rule that it breaks.
        reason: InvalidTransaction,
    },
    /// A transaction asks for more gas than is left of the block's.
    #[error("transaction {index} may use {limit} gas, of which the block has {left} left")]
    GasLimit {
        /// Its place in the block.
        index: usize,
        /// Its gas limit.
        limit: u64,
        /// What the block has left.
        left: u64,
    },
    /// The environment lacks something that the fork needs.
    #[error("the block is invalid: {0}")]
    Header(InvalidHeader),
    /// A call of a system contract after the transactions failed, which makes the block invalid (EIP-7002, EIP-7251).
    #[error("the call of the system contract {0} failed")]
    System(revm::primitives::Address),
    /// The state cannot be read.
    #[error("the state cannot be read: {0}")]
    State(E),
    /// revm refuses to go on.
    #[error("execution failed: {0}")]
    Execution(String),
    /// The access list is not that of this block.
    #[error("the access list is not that of this block: {0}")]
    List(String),
    /// A worker ended in a panic.
    #[error("a worker failed: {0}")]
    Worker(String),
}
