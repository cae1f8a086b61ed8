//! Tables of references.

use evmc_abi::wasm::TableDef;
use evmc_wasm_module::TableType;

/// Elements that 32-bit indices reach.
const MAX_ELEMENTS: u64 = u32::MAX as u64;

/// A table of a store.
pub(crate) struct Table {
    /// What code sees of it: it points to `elements`.
    pub(crate) def: TableDef,
    /// Its type as declared.
    pub(crate) ty: TableType,
    elements: Vec<u64>,
}

impl Table {
    /// A table of the least size of its type, full of `reference`.
    pub(crate) fn new(ty: TableType, reference: u64) -> Self {
        let mut elements = vec![reference; ty.min as usize];
        let def = TableDef { elements: elements.as_mut_ptr(), len: ty.min };
        Self { def, ty, elements }
    }

    /// Adds elements, if it then has no more than its type and `limit` allow; gives their number before.
    pub(crate) fn grow(&mut self, reference: u64, count: u64, limit: u64) -> Option<u64> {
        let before = self.def.len;
        let after = before.checked_add(count)?;
        let most = self.ty.max.unwrap_or(MAX_ELEMENTS).min(limit).min(MAX_ELEMENTS);
        if after > most && count > 0 {
            return None;
        }
        self.elements.resize(after as usize, reference);
        self.def = TableDef { elements: self.elements.as_mut_ptr(), len: after };
        Some(before)
    }

    /// The elements.
    pub(crate) const fn elements(&self) -> &[u64] {
        // SAFETY: there are so many at that place as long as `self` lives. Native code writes to them through the
        // same pointer, but does not run while its store is borrowed.
        unsafe { std::slice::from_raw_parts(self.def.elements, self.def.len as usize) }
    }

    /// The elements, to be written.
    pub(crate) const fn elements_mut(&mut self) -> &mut [u64] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.def.elements, self.def.len as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evmc_wasm_module::ValType;

    #[test]
    fn growing_fills_and_obeys_both_limits() {
        let mut table = Table::new(TableType { element: ValType::ExternRef, min: 2, max: Some(5) }, 7);
        assert_eq!(table.grow(9, 2, 100), Some(2));
        assert_eq!(table.grow(9, 2, 100), None);
        assert_eq!(table.grow(9, 1, 4), None);
        assert_eq!(table.grow(9, u64::MAX, 100), None);
        assert_eq!(table.elements(), [7, 7, 9, 9]);
        table.elements_mut()[3] = 1;
        assert_eq!(table.grow(0, 0, 0), Some(4));
        assert_eq!(table.elements(), [7, 7, 9, 1]);
    }
}
