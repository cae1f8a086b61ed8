//! The native stack: workers with a large one, and how much of it is left.
//!
//! A nested call costs native stack: the compiled frame, the host function and revm's frame
//! handling. 1,024 frames have to fit, which no ordinary thread promises. A worker thread reserves
//! [`WORKER_STACK_BYTES`] of address space, of which the system commits only what is touched. Any
//! other thread with a stack of that size does as well: how much there is, is looked up.

use std::{
    cell::OnceCell,
    io,
    ops::Range,
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

/// The native stack of a thread, as addresses; `None` where it cannot be found out.
type Bounds = Option<Range<usize>>;

thread_local! {
    /// The bounds of this thread's stack, once they have been looked for.
    static BOUNDS: OnceCell<Bounds> = const { OnceCell::new() };
}

/// The current depth of the native stack, as an address.
#[inline(always)]
pub(crate) fn position() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Lowest address down to which the stack may grow that is in use now.
pub(crate) fn limit() -> usize {
    let here = position();
    BOUNDS.with(|bounds| match bounds.get_or_init(find_bounds) {
        Some(bounds) if bounds.contains(&here) => bounds.start,
        // A thread of unknown bounds, or a stack that is not the thread's own.
        _ => here.saturating_sub(UNKNOWN_STACK_BYTES),
    })
}

/// Looks up the memory mapping that the stack is in. A thread's stack is a mapping of its own,
/// with a guard page beneath; the first thread's grows, so its mapping says nothing.
fn find_bounds() -> Bounds {
    let here = position();
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().filter(|line| !line.ends_with("[stack]")).find_map(|line| {
        let (start, rest) = line.split_once('-')?;
        let (end, _) = rest.split_once(' ')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let bounds = address(start)?..address(end)?;
        bounds.contains(&here).then_some(bounds)
    })
}

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
    fn the_stack_of_a_thread_is_found() {
        for bytes in [4 << 20, 64 << 20, WORKER_STACK_BYTES] {
            let thread = thread::Builder::new().stack_size(bytes);
            let left = thread.spawn(|| position() - limit()).expect("a thread").join();
            let left = left.expect("no panic");
            assert!(left <= bytes + (64 << 10) && left + (64 << 10) > bytes, "{left} of {bytes}");
        }
    }

    #[test]
    fn a_worker_is_not_left_for_another() {
        let same = on_large_stack(|| {
            let outer = thread::current().id();
            on_large_stack(|| thread::current().id()).map(|inner| inner == outer)
        });
        assert!(same.expect("a thread").expect("a thread"));
    }
}
