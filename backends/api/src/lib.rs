//! What every backend offers, and the passes that backends share.
//!
//! * [`backend`]: the [`Backend`] trait, its options, its product and its errors.
//! * [`call_graph`]: who calls whom and with which effects, the base of calling conventions.
//! * [`native_stack`]: how much native stack one activation of the entry point may use.
//! * [`call_graph`], [`mod@convention`], [`family`]: facts from which backends derive how functions call one another,
//!   and by which they dispatch.
//! * [`legalize`]: rewrites a module so that no value is wider than 128 bits.
//!
//! A backend turns a verified module into one relocatable ELF object. It promises that
//!
//! * the object has **no undefined symbol**: all that the code asks of the world goes through the
//!   frame and its host table (`evmc_abi`);
//! * the code is position-independent: only PC-relative relocations between its own symbols;
//! * equal module and options give **equal bytes**, on any machine, whatever else runs: nothing is
//!   taken from the host's processor, the clock or the order of a hash map;
//! * every function has an entry in `.eh_frame`;
//! * input that it cannot compile is an error, never a panic.
//!
//! It does not link: that belongs to the compiler's driver.

#![forbid(unsafe_code)]

pub mod backend;
pub mod call_graph;
pub mod convention;
pub mod family;
pub mod legalize;
pub mod native_stack;

pub use backend::{Backend, BackendError, CpuLevel, LegalPasses, Object, OptLevel, Options};
pub use convention::Convention;
pub use family::Family;
