//! WebAssembly on the command line.
//!
//! * [`source`]: modules as files. [`value`]: values as text.
//! * [`engine`]: from bytes to a module that can run, natively or in the interpreter of the IR ([`interp`]).
//! * [`machine`]: instances by name, and calls.

pub mod engine;
mod interp;
pub mod machine;
pub mod source;
pub mod value;

pub use engine::{Engine, RefusalError};
pub use machine::{Machine, MachineError, Results};
pub use source::Source;
