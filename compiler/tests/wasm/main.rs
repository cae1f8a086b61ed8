//! The WebAssembly frontend: what it makes of modules runs in the IR interpreter as the specification says.

mod hostile;
mod instance;
mod kernels;
mod nans;
mod programs;
mod script;
