//! The shared intermediate representation.
//!
//! SSA with block parameters, one table of operations ([`opcode`]), explicit effects. EVM words are
//! `i256` until an analysis proves them narrower; WebAssembly values use the narrow types from the
//! start, so one representation serves both.
//!
//! Two things are state rather than values: the gas counter, which `gas.*` read and change, and the
//! VM memory, whose growth is an operation of its own (`mem.ensure`). What may touch them is in the
//! effects of the table. Compiled code keeps the counter in a register.

#![forbid(unsafe_code)]

pub mod builder;
pub mod cursor;
pub mod dominators;
pub mod entities;
pub mod eval;
pub mod function;
pub mod interp;
pub mod opcode;
pub mod shape;
pub mod text;
pub mod types;
pub mod verify;

pub use builder::Builder;
pub use cursor::Cursor;
pub use dominators::Dominators;
pub use entities::{Block, Constant, Func, Inst, Sig, Stretch, Value};
pub use function::{
    BlockCall, BlockData, Function, Imm, InstData, Instance, Module, Signature, SwitchTable, ValueData,
    ValueDef, Values,
};
pub use opcode::{ImmKind, Opcode, Slot, TypeSet};
pub use shape::LaneShape;
pub use types::{Type, TypeClass};
pub use verify::{VerifyError, verify};
