//! The command line of evmc, as a library so that tests and benchmarks can use its parts.
//!
//! * [`input`]: from files and arguments of many kinds to contracts.
//! * [`engine`]: ways of running a transaction, comparable with one another. [`outcome`]: what it came to.
//! * [`world`]: the state that a transaction runs on, and its root.
//! * [`build`]: contracts to files. [`inspect`]: what is in a contract or an artifact.
//! * [`store`]: stores of artifacts, in folders and in object storage.
//! * [`run`]: single transactions. [`statetest`]: the Ethereum state tests. [`bench`]: engines against each other.
//! * [`replay`]: whole blocks. [`profile`]: in which codes they spend their operations. [`background`]: compiling
//!   meanwhile.
//! * [`wasm`]: WebAssembly. [`wast`]: the scripts of its specification's tests.
//! * [`args`], [`commands`]: the command line itself. [`error`]: what it says when something is wrong.
//!
//! Nothing here generates or loads code; that is the business of the compiler and the runtime.

#![forbid(unsafe_code)]

pub mod alloc;
pub mod archive;
pub mod args;
pub mod backend;
pub mod background;
pub mod bench;
pub mod build;
pub mod commands;
pub mod cpu_time;
pub mod engine;
pub mod error;
pub mod fork;
pub mod input;
pub mod inspect;
pub mod outcome;
pub mod output;
pub mod profile;
pub mod replay;
pub mod run;
pub mod sender;
pub mod statetest;
pub mod store;
pub mod wasm;
pub mod wast;
pub mod world;
