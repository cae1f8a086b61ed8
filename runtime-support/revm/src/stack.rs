//! The native stack: workers with a large one.
//!
//! A nested call costs native stack: the compiled frame, the host function and revm's frame
//! handling. 1,024 frames have to fit, which no ordinary thread promises. A worker thread reserves
//! [`WORKER_STACK_BYTES`] of address space, of which the system commits only what is touched. Any
//! other thread with a stack of that size does as well: how much there is, is looked up.

use std::{
    io,
    thread::{self, JoinHandle},
};

pub(crate) use evmc_loader::native_stack::{limit, position};

/// Address space that a worker reserves for its stack, in bytes: 1 MiB for each of 1,024 frames.
pub const WORKER_STACK_BYTES: usize = 1 << 30;

/// Bytes that host functions may use beneath a compiled frame: revm's frame handling, and the
/// precompiles with their tables.
pub(crate) const HOST_MARGIN_BYTES: usize = 256 << 10;

/// Starts a thread whose stack holds 1,024 nested native frames.
///
/// # Errors
/// When the system refuses the thread or the address space for its stack.
pub fn spawn_worker<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    worker(name).spawn(f)
}

/// Runs `f` where 1,024 nested native frames fit: here if the stack is large, else on a worker.
///
/// A panic in `f` goes on in the caller.
///
/// # Errors
/// When the system refuses the thread or the address space for its stack.
pub fn on_large_stack<T: Send>(f: impl FnOnce() -> T + Send) -> io::Result<T> {
    if position() - limit() >= WORKER_STACK_BYTES / 2 {
        return Ok(f());
    }
    thread::scope(|scope| {
        let handle = worker("evm").spawn_scoped(scope, f)?;
        Ok(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn worker(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(WORKER_STACK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_not_left_for_another() {
        let same = on_large_stack(|| {
            let outer = thread::current().id();
            on_large_stack(|| thread::current().id()).map(|inner| inner == outer)
        });
        assert!(same.expect("a thread").expect("a thread"));
    }
}
