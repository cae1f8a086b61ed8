//! Memory that holds an artifact: filled while writable, then read-only and executable by part.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Private memory whose first part is read-only and whose second part is executable. Nothing is
/// writable after [`Mapping::new`], and nothing was ever writable and executable.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    /// Length, in bytes.
    len: usize,
}

// SAFETY: nothing writes to the memory between `new` and `drop`, and it belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: as above: shared access only ever reads or executes.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `read_only` at the start and `code` at `code_offset`, a multiple of the page size behind it.
    pub(crate) fn new(read_only: &[u8], code_offset: usize, code: &[u8]) -> Result<Self, Errno> {
        assert!(read_only.len() <= code_offset, "the parts overlap");
        let len = code_offset + code.len();
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe { mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        let start = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let mapping = Self { start, len };
        // SAFETY: the mapping is `code_offset + code.len()` bytes long, writable, and ours alone;
        // `read_only` fits in front of `code_offset`.
        unsafe {
            start.copy_from_nonoverlapping(NonNull::from(read_only).cast(), read_only.len());
            start.add(code_offset).copy_from_nonoverlapping(NonNull::from(code).cast(), code.len());
        }
        mapping.protect(0, code_offset, MprotectFlags::READ)?;
        mapping.protect(code_offset, code.len(), MprotectFlags::READ | MprotectFlags::EXEC)?;
        Ok(mapping)
    }

    /// Changes the protection of a part.
    fn protect(&self, offset: usize, len: usize, flags: MprotectFlags) -> Result<(), Errno> {
        debug_assert!(offset + len <= self.len);
        // SAFETY: the part lies in a mapping that is ours; nobody holds a reference into it yet.
        unsafe { mprotect(self.start.as_ptr().add(offset).cast::<c_void>(), len, flags) }
    }

    /// The byte at `offset`, which must be less than the length.
    pub(crate) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.len, "offset outside the mapping");
        // SAFETY: within the mapping, as just asserted.
        unsafe { self.start.add(offset) }
    }

    /// `count` values of `T` at `offset`. `T` must be a type of plain integers without padding.
    pub(crate) fn slice<T: Plain>(&self, offset: usize, count: usize) -> &[T] {
        let end = count.checked_mul(size_of::<T>()).and_then(|len| len.checked_add(offset));
        assert!(end.is_some_and(|end| end <= self.len), "table outside the mapping");
        assert!(offset.is_multiple_of(align_of::<T>()), "table misaligned");
        // SAFETY: the range was just checked, the mapping is page-aligned, readable and not written
        // to while `self` is borrowed, and every bit pattern is a `T`.
        unsafe { std::slice::from_raw_parts(self.start.add(offset).cast::<T>().as_ptr(), count) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever borrowed from it is gone. A failure would leave
        // it mapped, which harms nobody.
        let _ = unsafe { munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
    }
}

/// A type that any bytes of the right number are a value of.
///
/// # Safety
/// All fields are integers, in C layout without padding.
pub(crate) unsafe trait Plain {}

// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: C layout of two `u32`.
unsafe impl Plain for evmc_abi::StretchRange {}
// SAFETY: C layout of two `u32`.
unsafe impl Plain for evmc_abi::descriptor::Entry {}
// SAFETY: C layout of two `u32`.
unsafe impl Plain for evmc_abi::descriptor::TrapSite {}
// SAFETY: C layout of a `u16` and six bytes.
unsafe impl Plain for evmc_abi::OpRow {}
