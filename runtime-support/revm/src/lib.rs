//! Running compiled contracts inside revm.
//!
//! The journal, the precompiles, the rules of a transaction and the meaning of every operation that
//! touches the world stay revm's: a host function pushes its arguments on the stack of revm's own
//! interpreter, runs revm's own instruction, and pops the results. So dynamic gas, access lists,
//! the rules of static calls and the halt reasons are revm's by construction; a few functions that
//! are called often do the usual case by themselves, with revm's gas parameters. What compiled code
//! does itself is what needs no state: stack, arithmetic, memory, jumps and static gas.
//!
//! * [`code`]: what a piece of runnable code is ([`FrameCode`]) and where it comes from ([`CodeSource`]).
//! * [`store`]: code from a store of artifacts ([`StoreCodes`]).
//! * [`evm`]: [`AotEvm`], which wraps revm's `Evm` and runs a frame natively where code is found.
//! * [`fault`]: what happens when native code fails: the transaction goes on interpreted.
//! * [`inspect`]: transactions under an inspector, which are interpreted ([`Inspected`]).
//! * [`meter`]: how frames were run ([`FrameCounts`]), also as metrics.
//! * [`view`]: a frame as safe code may use it ([`HostView`]).
//! * [`native`]: the one place that calls compiled machine code.
//! * [`stack`]: worker threads whose stack holds 1,024 nested native frames.
//! * `host`: the host functions; `exec`: one frame from entry to result; `call`: a call from compiled code
//!   to compiled code; `exit`: exit codes in
//!   revm's terms; `arena`: memory for the memory stacks; `cache`: code that was looked up before; `hashes`: what was hashed before;
//!   `tally`: gas of interpreted code;
//!   `limbs`, `division`, `reciprocal`: arithmetic.
//!
//! Nested calls recurse on the native stack. Where it gets short, the callee is interpreted, and so
//! is all that it calls for as long as the shortage lasts; the outcome is the same.
//!
//! What this crate does not do: compile or verify code.

mod arena;
mod cache;
mod call;
pub mod code;
mod division;
pub mod evm;
mod exec;
mod exit;
pub mod fault;
mod hashes;
mod host;
pub mod inspect;
mod limbs;
pub mod meter;
pub mod native;
mod reciprocal;
pub mod stack;
pub mod store;
mod tally;
pub mod view;

pub use code::{CodeSource, FrameCode, NoCode};
pub use evm::AotEvm;
pub use fault::{FaultCounts, FaultKind};
pub use inspect::Inspected;
pub use meter::FrameCounts;
pub use native::NativeCode;
pub use stack::{WORKER_STACK_BYTES, on_large_stack, spawn_worker};
pub use store::{StoreCodes, StoreCounters};
pub use view::HostView;
