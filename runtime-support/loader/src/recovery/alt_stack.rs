//! The stack on which a thread handles signals.
//!
//! The standard library gives its threads one of a few kilobytes, which the state of a large processor nearly fills, and
//! other threads have none. So every thread that calls generated code gets one that is large enough, unless it has.

use std::{cell::Cell, ffi::c_void, ptr::null_mut};

use rustix::{
    io::Errno,
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap},
};

/// Bytes for the handlers, beside what the kernel stores.
const HANDLER_BYTES: usize = 64 << 10;

/// Bytes beneath the stack that cannot be accessed; a page.
const GUARD_BYTES: usize = 4096;

thread_local! {
    /// Whether this thread's stack was seen to.
    static IS_READY: Cell<bool> = const { Cell::new(false) };
    /// The stack that was made for this thread, if it needed one.
    static OWN: Option<AltStack> = AltStack::install().unwrap_or(None);
}

/// Gives the thread a stack for signals if it has none.
#[inline(always)]
pub(super) fn ensure() {
    if !IS_READY.get() {
        make();
    }
}

#[cold]
fn make() {
    // While the thread ends there is nothing to be made any more.
    let _ = OWN.try_with(|_| ());
    IS_READY.set(true);
}

/// A mapping that is the thread's stack for signals.
struct AltStack {
    start: *mut c_void,
    /// Length with the guard, in bytes.
    len: usize,
}

impl AltStack {
    /// Makes a stack and has the kernel use it; `None` where the thread has one of sufficient size.
    fn install() -> Result<Option<Self>, Errno> {
        // SAFETY: asking for a value of the process has no preconditions.
        let kernel_bytes = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let size = (HANDLER_BYTES + kernel_bytes).next_multiple_of(GUARD_BYTES);
        let present = current();
        if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= size {
            return Ok(None);
        }
        let len = size + GUARD_BYTES;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe {
            mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        }?;
        let stack = Self { start, len };
        // SAFETY: the first page of a mapping that is ours and that nobody uses yet.
        unsafe { mprotect(start, GUARD_BYTES, MprotectFlags::empty()) }?;
        let new = libc::stack_t { ss_sp: start.wrapping_byte_add(GUARD_BYTES), ss_flags: 0, ss_size: size };
        // SAFETY: the memory is writable, of that size, and stays until the stack is disabled.
        let failed = unsafe { libc::sigaltstack(&raw const new, null_mut()) } != 0;
        Ok((!failed).then_some(stack))
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        IS_READY.set(false);
        if current().ss_sp == self.start.wrapping_byte_add(GUARD_BYTES) {
            let none = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: disabling touches no memory; no handler runs on the stack, since this does.
            unsafe { libc::sigaltstack(&raw const none, null_mut()) };
        }
        // SAFETY: the mapping is ours, and is no stack any more. A failure would leave it mapped.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

/// The thread's stack for signals as the kernel has it.
fn current() -> libc::stack_t {
    let mut stack = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: only writes to `stack`; where it fails, that stays as it is.
    unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
    stack
}
