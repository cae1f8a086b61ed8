//! Measuring engines against each other: what `evmc bench` does.
//!
//! * [`workload`], [`set`], [`format`]: what is measured. [`entrant`]: who takes part.
//! * [`measure`]: how times are taken. [`answer`]: that every engine came to the same. [`stats`]: arithmetic.
//! * [`report`], [`setting`]: what was found. [`table`]: the report for the terminal;
//!   [`page`]: for a browser.
//! * [`wasm`]: calls of WebAssembly, which have engines of their own and share everything else.
//! * [`external`]: engines that are other programs, and the protocol that they speak.
//!
//! A figure is only worth something if others can check it: the interpreter is always part of the run, everything
//! runs in turns in one process, outcomes are compared throughout, and the report says where it was made.

pub mod answer;
pub mod entrant;
pub mod external;
pub mod format;
pub mod measure;
pub mod page;
pub mod report;
pub mod set;
pub mod setting;
pub mod stats;
pub mod table;
pub mod wasm;
pub mod workload;
