//! Little-endian numbers at offsets of a byte slice of any alignment.

use evmc_abi::descriptor::Layout;

/// The value at `offset`, or `None` where the slice is too short.
pub(crate) fn read<T: Layout>(bytes: &[u8], offset: u64) -> Option<T> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(T::SIZE)?;
    bytes.get(start..end).map(T::read)
}

/// The rows of a table, in order; bytes behind the last whole row are left out.
pub(crate) fn rows<'a, T: Layout + 'a>(bytes: &'a [u8]) -> impl Iterator<Item = T> + 'a {
    bytes.chunks_exact(T::SIZE).map(T::read)
}
