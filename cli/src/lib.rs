//! evmc
