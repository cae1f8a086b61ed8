//! Tests of the recovery of functions and jump targets.

mod bounds;
mod data;
mod resolution;
mod soundness;
mod walker;
