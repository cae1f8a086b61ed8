//! Writing the ELF file front to back.
//!
//! Address and file offset are equal for everything that is loaded. Contents that depend on later
//! addresses are reserved first and patched when all is placed; headers come last.

use object::elf;

/// Length of the ELF header, in bytes.
const HEADER_BYTES: usize = 64;
/// Length of a program header, in bytes.
const PROGRAM_HEADER_BYTES: usize = 56;
/// Length of a section header, in bytes.
const SECTION_HEADER_BYTES: u16 = 64;

/// A section as its header describes it.
pub(super) struct Section {
    /// Name, unique in the file.
    pub(super) name: &'static str,
    /// ELF section type.
    pub(super) kind: u32,
    /// ELF section flags.
    pub(super) flags: u32,
    /// Name of the section that this one refers to, or nothing.
    pub(super) link: &'static str,
    /// What the type says it is.
    pub(super) info: u32,
    /// Alignment, in bytes.
    pub(super) align: u64,
    /// Length of a row, in bytes, or 0.
    pub(super) row: u64,
}

/// A section that was placed: where it lies in the file.
struct Placed {
    section: Section,
    offset: u64,
    size: u64,
}

/// A program header.
pub(super) struct Segment {
    /// ELF segment type.
    pub(super) kind: u32,
    /// ELF segment flags.
    pub(super) flags: u32,
    /// First byte, as an offset in the file.
    pub(super) offset: u64,
    /// Length, in bytes.
    pub(super) size: u64,
    /// Alignment, in bytes.
    pub(super) align: u64,
}

/// A file that is being written.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    sections: Vec<Placed>,
    segments: usize,
}

impl Image {
    /// A file with room for its header and this many program headers.
    pub(super) fn new(segments: usize) -> Self {
        let bytes = vec![0; HEADER_BYTES + segments * PROGRAM_HEADER_BYTES];
        Self { bytes, sections: Vec::new(), segments }
    }

    /// Length of the file so far, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Fills with zeros up to a multiple of `align`.
    pub(super) fn align(&mut self, align: u64) {
        self.bytes.resize(self.bytes.len().next_multiple_of(align as usize), 0);
    }

    /// Appends a section and gives its offset.
    pub(super) fn push(&mut self, section: Section, data: &[u8]) -> u64 {
        self.align(section.align);
        let (offset, size) = (self.len(), data.len() as u64);
        self.bytes.extend_from_slice(data);
        self.sections.push(Placed { section, offset, size });
        offset
    }

    /// Overwrites bytes that were placed before.
    pub(super) fn patch(&mut self, offset: u64, data: &[u8]) {
        self.bytes[offset as usize..][..data.len()].copy_from_slice(data);
    }

    /// Index of the section header with this name, or 0.
    pub(super) fn section_index(&self, name: &str) -> u16 {
        self.sections
            .iter()
            .position(|placed| placed.section.name == name)
            .map_or(0, |index| index as u16 + 1)
    }

    /// Appends section names and headers and fills in the headers at the start.
    pub(super) fn finish(mut self, machine: u16, segments: &[Segment]) -> Vec<u8> {
        debug_assert_eq!(segments.len(), self.segments);
        const NAMES: &str = ".shstrtab";
        let mut names = Strings::new();
        let mut name_offsets: Vec<u32> =
            self.sections.iter().map(|placed| names.add(placed.section.name)).collect();
        name_offsets.push(names.add(NAMES));
        self.push(Section { kind: elf::SHT_STRTAB, ..Section::plain(NAMES) }, &names.bytes);
        self.align(8);
        let section_headers = self.len();
        self.write_section_headers(&name_offsets);
        self.write_file_header(machine, section_headers, self.section_index(NAMES));
        self.write_program_headers(segments);
        self.bytes
    }

    /// Appends the section headers.
    fn write_section_headers(&mut self, names: &[u32]) {
        let mut headers = vec![0; usize::from(SECTION_HEADER_BYTES)];
        for (placed, name) in self.sections.iter().zip(names) {
            let Placed { section, offset, size } = placed;
            let address = if section.flags & elf::SHF_ALLOC != 0 { *offset } else { 0 };
            put32(&mut headers, &[*name, section.kind]);
            put64(&mut headers, &[section.flags.into(), address, *offset, *size]);
            put32(&mut headers, &[self.section_index(section.link).into(), section.info]);
            put64(&mut headers, &[section.align, section.row]);
        }
        self.bytes.extend_from_slice(&headers);
    }

    /// Fills in the ELF header.
    fn write_file_header(&mut self, machine: u16, section_headers: u64, names: u16) {
        let mut header = elf::ELFMAG.to_vec();
        header.extend_from_slice(&[elf::ELFCLASS64, elf::ELFDATA2LSB, elf::EV_CURRENT, elf::ELFOSABI_NONE]);
        header.extend_from_slice(&[0; 8]);
        put16(&mut header, &[elf::ET_DYN, machine]);
        put32(&mut header, &[elf::EV_CURRENT.into()]);
        put64(&mut header, &[0, HEADER_BYTES as u64, section_headers]);
        put32(&mut header, &[0]);
        put16(&mut header, &[HEADER_BYTES as u16, PROGRAM_HEADER_BYTES as u16, self.segments as u16]);
        put16(&mut header, &[SECTION_HEADER_BYTES, self.sections.len() as u16 + 1, names]);
        self.patch(0, &header);
    }

    /// Fills in the program headers.
    fn write_program_headers(&mut self, segments: &[Segment]) {
        let mut headers = Vec::new();
        for segment in segments {
            put32(&mut headers, &[segment.kind, segment.flags]);
            put64(&mut headers, &[segment.offset; 3]);
            put64(&mut headers, &[segment.size, segment.size, segment.align]);
        }
        self.patch(HEADER_BYTES as u64, &headers);
    }
}

impl Section {
    /// A section of plain bytes that is not loaded.
    pub(super) const fn plain(name: &'static str) -> Self {
        Self { name, kind: elf::SHT_PROGBITS, flags: 0, link: "", info: 0, align: 1, row: 0 }
    }

    /// A section of plain bytes that is loaded read-only.
    pub(super) const fn loaded(name: &'static str, align: u64) -> Self {
        Self { flags: elf::SHF_ALLOC, align, ..Self::plain(name) }
    }
}

/// A string table.
pub(super) struct Strings {
    pub(super) bytes: Vec<u8>,
}

impl Strings {
    /// A table that holds only the empty string.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0] }
    }

    /// Appends a string and gives its offset.
    pub(super) fn add(&mut self, text: &str) -> u32 {
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        offset
    }
}

/// Appends 16-bit numbers.
pub(super) fn put16(to: &mut Vec<u8>, values: &[u16]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// Appends 32-bit numbers.
pub(super) fn put32(to: &mut Vec<u8>, values: &[u32]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// Appends 64-bit numbers.
pub(super) fn put64(to: &mut Vec<u8>, values: &[u64]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
