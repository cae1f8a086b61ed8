//! Passes over the IR, one file each, named by what they do.

pub mod dead_code;
pub mod ensure;
pub mod fold;
pub mod forward;
pub mod gvn;
pub mod inline;
pub mod merge_blocks;
pub mod merge_checks;
pub mod narrow;
pub mod simplify;
pub mod trivial_params;
