//! Reserved address space, and its reuse.
//!
//! Reserving and freeing cost more than a short program, so each thread keeps a few areas. They hold zeros:
//! of an area that comes back, the few pages that were touched are overwritten, which is cheaper than to give them
//! back to the system and to be given them again, one fault each; only what was touched in many places
//! is given back. The protection stays, since the next memory is mostly one of the same module.

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

use evmc_abi::wasm::RESERVED_BYTES;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};

use super::touched::{self, MOST_PAGES};

/// Reserved areas that a thread keeps: 512 GiB of its process's address space of 128 TiB.
const KEPT: usize = 64;

/// Reserved address space, of which the first part is accessible.
pub(super) struct Area {
    start: NonNull<u8>,
    /// Length of the accessible part, in bytes.
    open: u64,
}

thread_local! {
    /// Areas that hold zeros.
    static FREE: RefCell<Vec<Area>> = const { RefCell::new(Vec::new()) };
}

impl Area {
    /// An area of zeros of which `len` bytes are accessible.
    pub(super) fn take(len: u64) -> Result<Self, Errno> {
        let kept = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            let fitting = free.iter().rposition(|area| area.open == len);
            let place = fitting.or(free.len().checked_sub(1))?;
            Some(free.swap_remove(place))
        });
        let mut area = match kept.ok().flatten() {
            Some(area) => area,
            None => Self::reserve()?,
        };
        area.open(len)?;
        Ok(area)
    }

    /// New address space.
    fn reserve() -> Result<Self, Errno> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let start =
            unsafe { mmap_anonymous(null_mut(), RESERVED_BYTES as usize, ProtFlags::empty(), flags) }?;
        Ok(Self { start: NonNull::new(start.cast()).ok_or(Errno::NOMEM)?, open: 0 })
    }

    /// Makes the first `len` bytes accessible, and no more.
    pub(super) fn open(&mut self, len: u64) -> Result<(), Errno> {
        let (from, to, flags) = match len {
            len if len > self.open => (self.open, len, MprotectFlags::READ | MprotectFlags::WRITE),
            len => (len, self.open, MprotectFlags::empty()),
        };
        if from < to {
            // SAFETY: a part of an area that is ours, in which nobody has a reference to what is closed: that
            // happens only before a memory is made of it.
            unsafe { mprotect(self.at(from), (to - from) as usize, flags) }?;
            self.open = len;
        }
        Ok(())
    }

    /// The first byte.
    pub(super) const fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Forgets what it holds and keeps it for the next memory of this thread, or frees it.
    pub(super) fn give_back(self) {
        if !self.clear() {
            return;
        }
        // While the thread ends there is no list any more.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(self);
            }
        });
    }

    /// Has all of it read as zeros; `false` where that fails.
    fn clear(&self) -> bool {
        let len = self.open as usize;
        if len == 0 {
            return true;
        }
        let mut pages = [MaybeUninit::uninit(); MOST_PAGES];
        if let Some(touched) = touched::among(self.start(), len, &mut pages) {
            for page in touched {
                let start = self.start().wrapping_add(page.start);
                // SAFETY: pages of the accessible part, to which nobody refers any more.
                unsafe { start.write_bytes(0, page.len()) };
            }
            return true;
        }
        // SAFETY: the pages are private and anonymous: they read as zeros from now on. Nobody refers to them.
        unsafe { madvise(self.at(0), len, Advice::LinuxDontNeed) }.is_ok()
    }

    /// The address of a byte of the area.
    fn at(&self, offset: u64) -> *mut c_void {
        debug_assert!(offset <= RESERVED_BYTES);
        self.start.as_ptr().wrapping_add(offset as usize).cast()
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody refers to it. A failure would leave it reserved.
        let _ = unsafe { munmap(self.at(0), RESERVED_BYTES as usize) };
    }
}
