//! Compiling in the background what a store of compiled contracts lacks.
//!
//! A node that runs on a store interprets what nobody has built for it. With a [`BackgroundCompiler`] over its
//! [`StoreCodes`](evmc_revm::StoreCodes) it builds that by itself: the gas that each code burns interpreted is added up, and when
//! it exceeds what compiling that code is estimated to cost ([`Options::gas_per_byte`]), the code is put in a queue, compiled by
//! another process, and used from the next transaction on. So at most as much is spent on compiling as was lost by interpreting.
//!
//! * [`Options`] and [`Limits`]: when to compile, with what, and how much it may take.
//! * [`Counts`] and [`Failure`]: what became of it, also as metrics.
//! * `candidates`: what was burned by which code; `queue`: what waits; `helper`: the other process; `source`: what an EVM
//!   sees of it.
//!
//! **What is bounded.** Codes that are counted ([`Options::max_counted`]) and that wait ([`Options::max_queued`]). One is
//! compiled at a time. Threads that execute never wait for any of this: once per transaction and code that it had interpreted
//! they take a lock of one in many and add a number.
//!
//! **Hostile code.** Bytecode is anybody's, so compiling it is left to a process that does nothing else (the command
//! `evmc build`), and that has its limits before it is handed the first byte: address space, processor time, no core dump, lowest
//! priority; whoever takes too long by the clock is killed. The code goes in as hexadecimal digits on standard input, never
//! as an argument. The process gets nothing of the node's environment but where libraries and temporary files are. A store
//! stays whole whenever its writer is killed. A code that failed is not tried again ([`Failure`]).
//!
//! What this crate does not do: link the compiler. The node still has no code generator in it.

#![forbid(unsafe_code)]

mod candidates;
mod compiler;
mod counts;
mod helper;
mod options;
mod queue;
mod source;

pub use compiler::BackgroundCompiler;
pub use counts::{COMPILED, Counts, FAILED, Failure, QUEUE_LENGTH, QUEUED};
pub use options::{Limits, Options};
