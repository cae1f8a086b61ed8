//! The contract between compiled code and the runtime that runs it.
//!
//! Generated code has no undefined symbol. All that it knows of the world is one pointer, to a
//! [`Frame`], and everything that it asks of the world goes through the [`HostTable`] in that frame.
//! Compiler and runtime both depend on this crate and on nothing of each other, so a node that only
//! loads artifacts never links a code generator, and an artifact never depends on the types of the
//! virtual machine that runs it.
//!
//! * [`frame`]: the C layout of an executing frame, and its fields as a table.
//! * [`host`]: the host functions, as a table that feeds IR, backends and runtimes.
//! * [`exit`]: why compiled code came back.
//! * [`descriptor`]: what an artifact says about itself.
//! * [`cpu`]: processor features as data.
//! * [`fork`]: which forks share code, and the gas tables that code is compiled from.
//! * [`stretch`]: how a failed merged check is traced to the operation that failed first.
//! * [`wasm`]: what compiled WebAssembly sees of its instance, and what it asks of its runtime.
//!
//! Anything that changes a layout or the meaning of a field here changes [`ABI_VERSION`].

#![no_std]
#![forbid(unsafe_code)]

pub mod cpu;
pub mod descriptor;
pub mod exit;
pub mod fork;
pub mod frame;
pub mod host;
pub mod stretch;
pub mod wasm;

pub use cpu::CpuFeatures;
pub use descriptor::Descriptor;
pub use exit::ExitCode;
pub use frame::{Field, FieldKind, Frame, Word};
pub use host::{Effects, HostCall, HostFn, HostTable};
pub use stretch::{OpRow, StretchRange};
pub use wasm::{InstanceShape, RuntimeFn, RuntimeTable};

/// Version of everything in this crate that compiled code relies on.
pub const ABI_VERSION: u32 = 4;

/// Type of a compiled contract's entry point: takes the frame, gives an [`ExitCode`] as its number.
pub type EntryPoint = unsafe extern "C" fn(frame: *mut Frame) -> u32;
