//! Who takes part.
//!
//! A way of running kernels is one type with [`Entrant`], and a line in [`all`].

use crate::wasm_kernels::{evmc, native::Native, set::Kernel};

/// Calls a kernel's `run`; an error says why it did not come back with a number.
pub type Run = Box<dyn FnMut(i32) -> Result<i64, String>>;

/// A way of running kernels.
pub trait Entrant {
    /// Short name, unique.
    fn name(&self) -> &str;

    /// Whether it takes part where nobody asks for it.
    fn is_default(&self) -> bool {
        true
    }

    /// Makes a kernel ready to be called, any number of times.
    ///
    /// # Errors
    /// Why the kernel is left out.
    fn load(&self, kernel: &Kernel) -> Result<Run, String>;
}

/// Everything that this build has.
pub fn all() -> Vec<Box<dyn Entrant>> {
    let mut all: Vec<Box<dyn Entrant>> =
        vec![Box::new(Native::new("native", "x86-64")), Box::new(Native::new("native-v3", "x86-64-v3"))];
    all.extend(evmc::all());
    #[cfg(feature = "oracle")]
    all.extend(crate::wasm_kernels::wasmtime::all());
    all
}

/// What this build lacks, each with how to get it.
pub fn missing() -> &'static [&'static str] {
    if cfg!(feature = "oracle") { &[] } else { &["wasmtime is not built in; --features oracle does that"] }
}
