//! Frontends: what turns a program format into IR.

pub mod evm;
pub mod wasm;
