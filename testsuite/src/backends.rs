//! The backends of this build, for tests that must hold on each of them.

use evmc::backend::{self, BackendName, HAS_LLVM};
use evmc_backend::Backend;
use evmc_backend::legalize::Outline;
use evmc_backend_cranelift::Cranelift;

/// Every backend.
pub fn all() -> Vec<Box<dyn Backend + Send>> {
    with_outline(Outline::default())
}

/// Every backend; Cranelift places long expansions so.
pub fn with_outline(outline: Outline) -> Vec<Box<dyn Backend + Send>> {
    let mut backends: Vec<Box<dyn Backend + Send>> = vec![Box::new(Cranelift { outline })];
    if HAS_LLVM {
        backends.extend(backend::create(BackendName::Llvm, None));
    }
    backends
}
