//! Random modules of WebAssembly: every engine against wasmtime, and gas against a counter in the module itself.
//!
//! [`generate`] makes a module and calls of its exports; one in [`generate::LOOPS_EVERY`] is made of [`loops`]. [`meter`] writes the rules of metering into a copy of the
//! module, as WebAssembly: globals for gas and logical depth, counted at the start of every block and call. That copy runs in
//! wasmtime ([`oracle`]), the module itself in each of our engines ([`engine`]), and [`compare`] holds results, traps,
//! gas, globals and memories against each other after each call.

pub mod compare;
pub mod engine;
pub mod generate;
pub mod loops;
pub mod meter;
pub mod oracle;
