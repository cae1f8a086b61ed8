//! Running WebAssembly.
//!
//! A [`Module`] is what a compiled artifact says, with the code mapped; a [`Store`] holds instances of modules and all
//! that these are made of. Code sees raw pointers to most of it, so nothing in a store moves or is freed before the store,
//! and a store is meant to be as short-lived as the program that it runs; what is dear about it, reserved address space,
//! is reused by the next one.
//!
//! ```text
//! artifact ─Module→ ┐
//! imports  ────────→ Store::instantiate ─ InstanceId ─ Objects::export ─ Func ─ Store::call → results | Trap
//! host functions ──→ ┘
//! ```
//!
//! # Code
//!
//! Functions run as native code, or by another engine that implements [`Code`]; a store has code of one kind, that can
//! all call one another. Native code enters through the loader's recovery points, from which a trap comes back
//! at once, whatever the depth of calls ([`evmc_loader::leave`]). An access outside of a linear memory
//! is a fault of the processor, and becomes the same.
//!
//! # Gas and depth
//!
//! In modules that count gas, calls take a limit and give what is left; a trap takes all. Depth is counted in units that
//! are a function of the program alone, so a program that nests its calls too deeply traps at the same place everywhere.
//! From the bound on native stack per unit follows how much native stack a call may need, and a call is
//! made where there is so much.
//!
//! # Borrowing
//!
//! All access goes through who has the store: the [`Store`] itself, a [`Caller`] while the host is called, an
//! [`InstanceView`] while an engine runs. Each lends it on while calls are made, so none of them is used twice at once; what
//! they can do with memories, tables and globals is the one trait [`Objects`].

mod bulk;
mod call;
mod constant;
mod error;
mod host;
mod instance;
mod instantiate;
mod linker;
mod memory;
mod module;
mod objects;
mod pinned;
mod registry;
mod runtime;
mod store;
mod table;
mod trap;
mod typed;
mod val;
mod view;

pub use call::CallOutcome;
pub use error::{CreateError, InstantiateError, ModuleError, Resource};
pub use host::Caller;
pub use linker::Linker;
pub use module::{Code, Module};
pub use objects::Objects;
pub use store::{Extern, Func, Global, InstanceId, Limits, Memory, Store, Table};
pub use trap::{Cause, Exit, Place, Trap};
pub use typed::TypedFunc;
pub use val::{ExternRef, Val, WasmValue, WasmValues};
pub use view::InstanceView;

pub use evmc_wasm_module as module_info;
