//! The native stack of the current thread, and how much of it is left.

use std::cell::OnceCell;
use std::ops::Range;

/// Bytes that a thread of unknown stack size is trusted to have left when it is asked; half of what the
/// standard library gives its threads.
const UNKNOWN_BYTES: usize = 1 << 20;

/// The native stack of a thread, as addresses; `None` where it cannot be found out.
type Bounds = Option<Range<usize>>;

thread_local! {
    /// The bounds of this thread's stack, once they have been looked for.
    static BOUNDS: OnceCell<Bounds> = const { OnceCell::new() };
}

/// The current depth of the native stack, as an address.
#[inline(always)]
pub fn position() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Lowest address down to which the stack may grow that is in use now.
#[inline]
pub fn limit() -> usize {
    let here = position();
    BOUNDS.with(|bounds| match bounds.get_or_init(find_bounds) {
        Some(bounds) if bounds.contains(&here) => bounds.start,
        // A thread of unknown bounds, or a stack that is not the thread's own.
        _ => here.saturating_sub(UNKNOWN_BYTES),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_of_a_thread_is_found() {
        for bytes in [4 << 20, 64 << 20, 1 << 30] {
            let thread = std::thread::Builder::new().stack_size(bytes);
            let left = thread.spawn(|| position() - limit()).expect("a thread").join();
            let left = left.expect("no panic");
            assert!(left <= bytes + (64 << 10) && left + (64 << 10) > bytes, "{left} of {bytes}");
        }
    }
}
