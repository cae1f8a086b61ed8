//! Filetests, fixtures and differential fuzzing.

#![forbid(unsafe_code)]

pub mod objects;
