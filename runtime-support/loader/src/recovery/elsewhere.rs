//! Systems without recovery: a fault ends the process.

use std::ops::Range;

use evmc_abi::{EntryPoint, Frame};

use super::Fault;

/// Nothing to install.
pub(crate) const fn install() {}

/// Calls generated code.
///
/// # Safety
/// `entry` may be called with `frame`.
pub(crate) unsafe fn call(entry: EntryPoint, frame: *mut Frame, _: Range<usize>) -> Result<u32, Fault> {
    // SAFETY: the caller's promise.
    Ok(unsafe { entry(frame) })
}
