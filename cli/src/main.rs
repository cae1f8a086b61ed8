//! evmc
fn main() {}
