//! The native stack: workers with a large one, and how much of it is left.
//!
//! A nested call costs native stack: the compiled frame, the host function and revm's frame
//! handling. 1,024 frames have to fit, which no ordinary thread promises. A worker thread reserves
//! [`WORKER_STACK_BYTES`] of address space, of which the system commits only what is touched.

use std::{
    cell::Cell,
    io,
    thread::{self, JoinHandle},
};

/// Address space that a worker reserves for its stack, in bytes: 1 MiB for each of 1,024 frames.
pub const WORKER_STACK_BYTES: usize = 1 << 30;

/// Bytes that host functions may use beneath a compiled frame: revm's frame handling, and the
/// precompiles with their tables.
pub(crate) const HOST_MARGIN_BYTES: usize = 256 << 10;

/// Bytes that a thread of unknown stack size is trusted to have left when it starts a transaction;
/// half of what the standard library gives its threads.
const UNKNOWN_STACK_BYTES: usize = 1 << 20;

thread_local! {
    /// Lowest address of this thread's stack that may be used, where it is known.
    static LIMIT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The current depth of the native stack, as an address.
#[inline(always)]
pub(crate) fn position() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Lowest address down to which the stack of this thread may grow.
pub(crate) fn limit() -> usize {
    LIMIT
        .get()
        .unwrap_or_else(|| position().saturating_sub(UNKNOWN_STACK_BYTES))
}

/// Notes the bounds of a fresh thread's stack, then runs `f`.
fn enter_worker<T>(f: impl FnOnce() -> T) -> T {
    // What the thread's start has used so far is small against the margin for host functions.
    LIMIT.set(Some(
        position().saturating_sub(WORKER_STACK_BYTES - HOST_MARGIN_BYTES),
    ));
    f()
}

/// Starts a thread whose stack holds 1,024 nested native frames.
///
/// # Errors
/// When the system refuses the thread or the address space for its stack.
pub fn spawn_worker<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    worker(name).spawn(move || enter_worker(f))
}

/// Runs `f` where 1,024 nested native frames fit: here if this is a worker, else on a new one.
///
/// A panic in `f` goes on in the caller.
///
/// # Errors
/// When the system refuses the thread or the address space for its stack.
pub fn on_large_stack<T: Send>(f: impl FnOnce() -> T + Send) -> io::Result<T> {
    if LIMIT.get().is_some() {
        return Ok(f());
    }
    thread::scope(|scope| {
        let handle = worker("evm").spawn_scoped(scope, move || enter_worker(f))?;
        Ok(handle
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn worker(name: &str) -> thread::Builder {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(WORKER_STACK_BYTES)
}
