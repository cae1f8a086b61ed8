//! Filetests, fixtures and differential fuzzing.

#![forbid(unsafe_code)]

pub mod native;
pub mod objects;
