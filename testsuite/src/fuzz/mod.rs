//! Differential fuzzing: random programs, every engine against revm's interpreter.
//!
//! A [`Case`] is a small world of contracts and a few transactions, made from a seed alone
//! ([`case`]). Its programs come from three sources: [`generate`] makes structured programs (functions,
//! loops, memory, calls), [`soup`] makes operations without structure, and [`mutate`] damages real
//! contracts. [`compare`] runs a case and holds everything that a transaction leaves behind against the
//! reference, accesses to accounts and slots included (EIP-7928 makes them part of the block).
//! [`minimise`] makes a failing case small, and [`report`] writes it down.
//!
//! Not here: the search itself, which is the binary `fuzz`.

pub mod case;
pub mod compare;
pub mod generate;
pub mod minimise;
pub mod mutate;
pub mod program;
pub mod report;
pub mod soup;

pub use case::{Case, Transaction};
