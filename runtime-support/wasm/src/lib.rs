//! Running compiled WebAssembly.
