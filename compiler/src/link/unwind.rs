//! `.eh_frame_hdr`: the sorted index of `.eh_frame` that unwinders search (LSB Core, §10.6.2).

use gimli::{BaseAddresses, CieOrFde, EhFrame, LittleEndian, UnwindSection};

use super::error::LinkError;

/// Version, and the encodings of the four parts: pc-relative and section-relative 32-bit offsets.
const HEADER: [u8; 4] = [1, 0x1b, 0x03, 0x3b];

/// The unwind section of a linked file.
pub(super) struct Unwind<'a> {
    pub(super) data: &'a [u8],
    /// Its address.
    pub(super) address: u64,
}

/// Length of the index for `frames` functions, in bytes.
pub(super) fn index_size(frames: usize) -> usize {
    HEADER.len() + 8 + frames * 8
}

impl Unwind<'_> {
    /// Address of each function and of its entry in the section, in the order of the section.
    pub(super) fn functions(&self) -> Result<Vec<(u64, u64)>, LinkError> {
        let mut section = EhFrame::new(self.data, LittleEndian);
        section.set_address_size(8);
        let bases = BaseAddresses::default().set_eh_frame(self.address);
        let mut entries = section.entries(&bases);
        let mut functions = Vec::new();
        while let Some(entry) = entries.next()? {
            if let CieOrFde::Fde(partial) = entry {
                let fde = partial.parse(EhFrame::cie_from_offset)?;
                functions.push((fde.initial_address(), self.address + fde.offset() as u64));
            }
        }
        Ok(functions)
    }

    /// The index, to be placed at `address`.
    pub(super) fn index(&self, address: u64) -> Result<Vec<u8>, LinkError> {
        let mut functions = self.functions()?;
        functions.sort_unstable();
        let relative = |to: u64, from: u64| (to.wrapping_sub(from) as i32).to_le_bytes();
        let mut index = HEADER.to_vec();
        index.extend(relative(self.address, address + HEADER.len() as u64));
        index.extend((functions.len() as u32).to_le_bytes());
        for (start, entry) in functions {
            index.extend(relative(start, address));
            index.extend(relative(entry, address));
        }
        Ok(index)
    }
}
