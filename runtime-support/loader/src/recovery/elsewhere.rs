//! Systems without recovery: a fault ends the process, and so does code that leaves its caller.

use std::ops::Range;

use evmc_abi::{EntryPoint, Frame};

use super::{End, Fault};

/// Nothing to install.
pub(crate) const fn install() {}

/// Calls generated code.
///
/// # Safety
/// `entry` may be called with `frame`.
pub(crate) unsafe fn call(entry: EntryPoint, frame: *mut Frame, _: &[Range<usize>]) -> Result<End, Fault> {
    // SAFETY: the caller's promise.
    Ok(End { number: unsafe { entry(frame) }, source: 0, frame })
}

/// Ends the process.
///
/// # Safety
/// None.
pub unsafe extern "C" fn leave(_: *mut Frame, _: u32, _: u32) -> ! {
    std::process::abort()
}
