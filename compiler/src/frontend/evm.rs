//! The EVM frontend.
//!
//! * [`opcode`]: the table of operations per fork.
//! * [`decode`]: bytecode to operations and basic blocks.
//! * [`gas`]: where static gas is charged.

pub mod decode;
pub mod gas;
pub mod opcode;
