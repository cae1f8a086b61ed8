//! Executing blocks, sequentially and in parallel, with one result.
//!
//! A [`BlockEngine`] has a pool of workers and runs a [`Block`] on a state that it only reads, under one of
//! three schedules:
//!
//! * [`Schedule::Sequential`]: one transaction after the other, on one worker.
//! * [`Schedule::Bal`]: by the block's access list (EIP-7928), which tells for each transaction what the ones
//!   before it left behind. Each transaction is executed once, in any order.
//! * [`Schedule::Optimistic`]: transactions are executed ahead of their turn on what is known of the ones before;
//!   when the turn has come, what was read is compared with the state as it is, and whoever read something else is
//!   executed again. By then nothing before is open, so that is final: no transaction runs more than twice.
//!
//! Whatever the schedule, one [`Committer`] takes the transactions in the order of the block and applies their
//! changes, counts gas, and makes receipts and the access list. The schedules differ in where the execution
//! comes from that it is handed, and nothing else; so the result is the sequential one.
//!
//! * [`block`], [`state`]: what goes in. [`outcome`]: what comes out. [`error`]: why nothing does.
//! * [`committed`]: the state in which the transactions so far have left the accounts.
//! * `cache`: what was read of the state, for all workers; `ahead`: reading it before it is needed.
//! * `lane`: a worker's EVM; `view`: what it reads; `handler`: the rules, but for who is paid when.
//! * `versions`: what transactions wrote that are not committed; `reads`: what one read, and whether it still holds.
//! * [`access`]: access lists, made and read. [`receipt`], `system`: what a block is besides its transactions.
//! * `run`, `board`, `pool`, `forecast`: who does what when. `yields`: disorder, for tests.
//!
//! **Why locations are never mixed up.** All maps have full keys: addresses, and slots within them. A filter in
//! front of `versions` goes by hashes, and a collision there only costs a look-up.
//!
//! Not here: rewards of miners (before the merge), the rules about headers, and where state comes from.

#![forbid(unsafe_code)]

pub mod access;
mod ahead;
pub mod block;
mod board;
mod cache;
mod commit;
pub mod committed;
mod engine;
pub mod error;
mod forecast;
mod handler;
mod lane;
pub mod outcome;
mod pool;
mod reads;
pub mod receipt;
mod run;
pub mod state;
mod system;
mod versions;
mod view;
mod yields;

pub use access::AccessList;
pub use block::{Block, Withdrawal};
pub use commit::Committer;
pub use engine::{BlockEngine, Options, Schedule};
pub use error::BlockError;
pub use outcome::{Fallback, Outcome, Stats};
pub use receipt::Receipt;
pub use state::PreState;
pub use system::before as system_calls_before;
