//! runtime-support/revm
