//! Linear memories: address space that is reserved whole, and made accessible as the memory grows.
//!
//! Code checks no address: a memory owns [`RESERVED_BYTES`] of address space, which every address with every offset
//! stays in, and what is not memory yet cannot be accessed. So the base never moves, and growing is one change of
//! protection.
//!
//! Reserving and freeing cost more than a short program, so each thread keeps a few areas. What comes
//! back is given back to the system, page by page that was touched, and reads as zeros; the protection stays, since the
//! next memory is mostly one of the same module.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use evmc_abi::wasm::{MemoryDef, PAGE_BYTES, RESERVED_BYTES};
use evmc_wasm_module::MemoryType;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};

/// Pages that 32-bit addresses reach.
pub(crate) const MAX_PAGES: u64 = 1 << 16;

/// Reserved areas that a thread keeps: 512 GiB of its process's address space of 128 TiB.
const KEPT: usize = 64;

/// A linear memory of a store.
pub(crate) struct Memory {
    /// What code sees of it.
    pub(crate) def: MemoryDef,
    /// Its type as declared.
    pub(crate) ty: MemoryType,
    area: Option<Area>,
}

impl Memory {
    /// A memory of the least size of its type, all zeros.
    pub(crate) fn new(ty: MemoryType) -> Result<Self, Errno> {
        let len = ty.min.min(MAX_PAGES) * PAGE_BYTES;
        let area = Area::take(len)?;
        Ok(Self { def: MemoryDef { base: area.start.as_ptr(), len }, ty, area: Some(area) })
    }

    /// Its pages.
    pub(crate) const fn pages(&self) -> u64 {
        self.def.len / PAGE_BYTES
    }

    /// Adds pages, if it then has no more than its type and `limit` allow; gives the pages before.
    pub(crate) fn grow(&mut self, pages: u64, limit: u64) -> Option<u64> {
        let before = self.pages();
        let after = before.checked_add(pages)?;
        let most = self.ty.max.unwrap_or(MAX_PAGES).min(limit).min(MAX_PAGES);
        if after > most && pages > 0 {
            return None;
        }
        self.area.as_mut()?.open(after * PAGE_BYTES).ok()?;
        self.def.len = after * PAGE_BYTES;
        Some(before)
    }

    /// The bytes.
    pub(crate) const fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len` bytes of the area are accessible as long as `self` lives, and native code, which
        // writes to them, does not run while its store is borrowed.
        unsafe { std::slice::from_raw_parts(self.def.base, self.def.len as usize) }
    }

    /// The bytes, to be written.
    pub(crate) const fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.def.base, self.def.len as usize) }
    }

    /// Whether an address belongs to its area, accessible or not.
    pub(crate) fn reserves(&self, address: usize) -> bool {
        address.wrapping_sub(self.def.base.addr()) < RESERVED_BYTES as usize
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(area) = self.area.take() {
            area.give_back();
        }
    }
}

/// Reserved address space, of which the first part is accessible.
struct Area {
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
    fn take(len: u64) -> Result<Self, Errno> {
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
    fn open(&mut self, len: u64) -> Result<(), Errno> {
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

    /// Forgets what it holds and keeps it for the next memory of this thread, or frees it.
    fn give_back(self) {
        if self.open > 0 {
            // SAFETY: the pages are private and anonymous: they read as zeros from now on. Nobody refers to them.
            let cleared = unsafe { madvise(self.at(0), self.open as usize, Advice::LinuxDontNeed) };
            if cleared.is_err() {
                return;
            }
        }
        // While the thread ends there is no list any more.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(self);
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(min: u64, max: Option<u64>) -> Memory {
        Memory::new(MemoryType { min, max }).expect("address space")
    }

    #[test]
    fn growing_keeps_base_and_content_and_obeys_both_limits() {
        let mut memory = memory(1, Some(4));
        let base = memory.def.base;
        memory.bytes_mut()[65535] = 7;
        assert_eq!(memory.grow(2, 100), Some(1));
        assert_eq!(memory.grow(2, 100), None);
        assert_eq!(memory.grow(1, 3), None);
        assert_eq!(memory.grow(0, 1), Some(3));
        assert_eq!((memory.grow(1, 4), memory.grow(u64::MAX, 9)), (Some(3), None));
        assert_eq!((memory.def.base, memory.bytes().len()), (base, 4 << 16));
        assert_eq!((memory.bytes()[65535], memory.bytes()[65536]), (7, 0));
    }

    #[test]
    fn a_reused_area_holds_zeros_and_ends_where_it_should() {
        for pages in [3, 1, 2, 0, 3] {
            let mut memory = memory(pages, None);
            assert!(memory.bytes().iter().all(|&byte| byte == 0));
            memory.bytes_mut().fill(0xff);
            memory.grow(1, MAX_PAGES).expect("room");
            memory.bytes_mut().fill(0xee);
        }
    }

    #[test]
    fn the_whole_address_space_of_32_bits_can_be_memory() {
        let mut memory = memory(0, None);
        assert_eq!(memory.grow(MAX_PAGES, MAX_PAGES), Some(0));
        memory.bytes_mut()[(1 << 32) - 1] = 1;
        assert_eq!(memory.grow(1, u64::MAX), None);
        assert!(memory.reserves(memory.def.base.addr() + (1 << 33)));
        assert!(!memory.reserves(memory.def.base.addr().wrapping_sub(1)));
    }
}
