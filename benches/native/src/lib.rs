//! Calling benchmark kernels that other compilers made for this machine.
//!
//! Benchmarks compare compiled WebAssembly with what a C or Rust compiler makes of the same source, in one process.
//! To call that is unsafe, which the benchmarks are not, so it stands here alone.

use std::path::Path;

use libloading::Library;

/// The name of a kernel's one export.
const EXPORT: &[u8] = b"run";

/// The type of a kernel's one export.
type Run = unsafe extern "C" fn(i32) -> i64;

/// A kernel in a shared object.
#[derive(Debug)]
pub struct NativeKernel {
    run: Run,
    /// Where `run` lies; unmapped when dropped.
    _library: Library,
}

impl NativeKernel {
    /// Maps a shared object that was made from a kernel. What its code does is the caller's trust.
    ///
    /// # Errors
    /// The system cannot load the file, or it does not export `run`.
    pub fn open(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: a kernel is made without initialisers, so that loading runs nothing.
        let library = unsafe { Library::new(path) }?;
        // SAFETY: every kernel exports a function of this type by this name; `library` lives as long as it.
        let run = unsafe { *library.get::<Run>(EXPORT)? };
        Ok(Self { run, _library: library })
    }

    /// Runs it. Its memory is its own, and there once for each file, hence the exclusive reference.
    pub fn run(&mut self, n: i32) -> i64 {
        // SAFETY: the function is mapped as long as `self` lives, takes any number, and touches its own memory alone.
        unsafe { (self.run)(n) }
    }
}
