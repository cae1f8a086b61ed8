//! Tests of the recovery of functions and jump targets.

mod assembler;
mod bounds;
mod data;
mod resolution;
mod shapes;
mod soundness;
mod walker;
