//! Linear memories: address space that is reserved whole, and made accessible as the memory grows.
//!
//! Code checks no address: a memory owns [`RESERVED_BYTES`] of address space, which every address with every offset
//! stays in, and what is not memory yet cannot be accessed. So the base never moves, and growing is one change of
//! protection.

mod area;
mod touched;

use evmc_abi::wasm::{MAX_PAGES, MemoryDef, PAGE_BYTES, RESERVED_BYTES};
use evmc_wasm_module::MemoryType;
use rustix::io::Errno;

use area::Area;

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
        Ok(Self { def: MemoryDef { base: area.start(), len }, ty, area: Some(area) })
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
        // Few pages, and more than are kept.
        for pages in [40, 40, 64, 64, 65, 1, 40] {
            let mut memory = memory(pages, None);
            assert!(memory.bytes().iter().all(|&byte| byte == 0), "{pages}");
            let step = if pages == 40 { 100_000 } else { 1000 };
            memory.bytes_mut().iter_mut().step_by(step).for_each(|byte| *byte = 1);
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
