//! Placing sections, tables and symbols in the file.
//!
//! Order: headers, descriptor, tables, dynamic section with its symbol, unwind tables, constants;
//! on the next page the code; then symbols for people and the section headers, which are not loaded.

use std::collections::{BTreeMap, HashMap};

use evmc_abi::descriptor::{Descriptor, ENTRY_ALIGN, Entry, Layout, SYMBOL, Span, TABLE_ALIGN, TrapSite};
use object::{SectionIndex, elf};

use super::Metadata;
use super::error::LinkError;
use super::image::{Image, Section, Segment, Strings, put16, put32, put64};
use super::input::{Function, Input, Region};
use super::unwind::{Unwind, index_size};

/// Length of a symbol, in bytes.
const SYMBOL_BYTES: u64 = 24;
/// Largest file, in bytes, so that every pc-relative offset fits 32 bits.
const MAX_FILE_BYTES: u64 = i32::MAX as u64;

/// Names of sections that other sections and symbols refer to.
const DESCRIPTOR_SECTION: &str = ".evmc.descriptor";
const TEXT_SECTION: &str = ".text";
const DYNAMIC_SYMBOLS: &str = ".dynsym";
const DYNAMIC_STRINGS: &str = ".dynstr";
const STRINGS: &str = ".strtab";

/// Address of each section of the object that is linked, by its index there.
type Addresses = BTreeMap<usize, u64>;

/// A file in which everything has its place; relocations, unwind index and headers are missing.
pub(super) struct Placement {
    pub(super) image: Image,
    /// Without length and checksum of the file.
    pub(super) descriptor: Descriptor,
    /// Address of the descriptor.
    pub(super) descriptor_at: u64,
    /// Unwind index and unwind section, if there are any.
    pub(super) unwind: Option<(Span, Span)>,
    addresses: Addresses,
    dynamic: Span,
    read_only: Span,
}

impl Placement {
    /// Address of a section of the object, or `None` where it is not linked.
    pub(super) fn address(&self, section: SectionIndex) -> Option<u64> {
        self.addresses.get(&section.0).copied()
    }

    /// The program headers.
    pub(super) fn segments(&self, page: u64) -> Vec<Segment> {
        let segment = |kind, flags, span: Span, align| Segment {
            kind,
            flags,
            offset: span.offset.into(),
            size: span.len.into(),
            align,
        };
        let mut segments = vec![
            segment(elf::PT_LOAD, elf::PF_R, self.read_only, page),
            segment(elf::PT_LOAD, elf::PF_R | elf::PF_X, self.descriptor.text, page),
            segment(elf::PT_DYNAMIC, elf::PF_R, self.dynamic, 8),
            segment(elf::PT_GNU_STACK, elf::PF_R | elf::PF_W, Span::default(), 16),
        ];
        if let Some((index, _)) = self.unwind {
            segments.push(segment(elf::PT_GNU_EH_FRAME, elf::PF_R, index, 4));
        }
        segments
    }
}

/// Program headers of every artifact; one more with unwind tables.
const SEGMENTS: usize = 4;

/// Places everything.
pub(super) fn place(
    input: &Input<'_>,
    entries: &[(u32, &str)],
    trap_sites: &[TrapSite],
    metadata: &Metadata<'_>,
) -> Result<Placement, LinkError> {
    let mut text = Block::gather(input, Region::Text, u64::from(ENTRY_ALIGN), input.machine.padding);
    let tables = [
        rows(&entry_rows(input, &text, entries)?),
        rows(metadata.op_rows),
        rows(metadata.stretches),
        rows(&placed_trap_sites(input, &text, trap_sites)?),
    ];
    if text.bytes.is_empty() {
        // A module without functions; artifacts have an executable segment all the same.
        text.bytes.push(input.machine.padding);
    }
    let unwind = input.sections.iter().find(|section| section.region == Region::Unwind);
    let mut image = Image::new(SEGMENTS + usize::from(unwind.is_some()));
    let mut descriptor = metadata.descriptor();

    let blank = [0; Descriptor::SIZE];
    let descriptor_at = image.push(Section::loaded(DESCRIPTOR_SECTION, TABLE_ALIGN.into()), &blank);
    place_tables(&mut image, &mut descriptor, &tables);
    if !metadata.module.is_empty() {
        let at = image.push(Section::loaded(".evmc.module", TABLE_ALIGN.into()), metadata.module);
        descriptor.module = span(at, metadata.module.len() as u64);
    }
    let dynamic = place_dynamic(&mut image, descriptor_at);
    let mut addresses = Addresses::new();
    let unwind = match unwind {
        Some(section) => Some(place_unwind(&mut image, &mut addresses, section.index, section.data)?),
        None => None,
    };
    let constants = Block::gather(input, Region::ReadOnly, 1, 0);
    constants.place(&mut image, Section::loaded(".rodata", constants.align), &mut addresses);
    let read_only = span(0, image.len());
    image.align(input.machine.page);
    let flags = elf::SHF_ALLOC | elf::SHF_EXECINSTR;
    descriptor.text = text.place(
        &mut image,
        Section { flags, ..Section::loaded(TEXT_SECTION, text.align) },
        &mut addresses,
    );
    place_symbols(&mut image, &input.functions, &addresses, descriptor_at);
    match image.len() {
        bytes if bytes > MAX_FILE_BYTES => Err(LinkError::TooLarge { bytes }),
        _ => Ok(Placement { image, descriptor, descriptor_at, unwind, addresses, dynamic, read_only }),
    }
}

/// The sections of a region behind each other.
struct Block {
    bytes: Vec<u8>,
    /// Alignment of the whole, in bytes.
    align: u64,
    /// Offset of each section, in the order of the file.
    offsets: Vec<(SectionIndex, u64)>,
}

impl Block {
    /// Gathers the sections of `region`, each aligned to at least `min_align` bytes.
    fn gather(input: &Input<'_>, region: Region, min_align: u64, padding: u8) -> Self {
        let mut block = Self { bytes: Vec::new(), align: min_align, offsets: Vec::new() };
        for section in input.sections.iter().filter(|section| section.region == region) {
            let align = section.align.max(min_align);
            block.bytes.resize(block.bytes.len().next_multiple_of(align as usize), padding);
            block.offsets.push((section.index, block.bytes.len() as u64));
            block.bytes.extend_from_slice(section.data);
            block.align = block.align.max(align);
        }
        block
    }

    /// Offset of a function in the block.
    fn offset_of(&self, function: &Function<'_>) -> Option<u64> {
        self.section_offset(function.section)?.checked_add(function.offset)
    }

    /// Offset of a section in the block.
    fn section_offset(&self, section: SectionIndex) -> Option<u64> {
        let at = self.offsets.binary_search_by_key(&section.0, |&(index, _)| index.0).ok()?;
        Some(self.offsets[at].1)
    }

    /// Appends the block as one section, unless it is empty.
    fn place(&self, image: &mut Image, section: Section, addresses: &mut Addresses) -> Span {
        if self.bytes.is_empty() {
            return Span::default();
        }
        let start = image.push(section, &self.bytes);
        addresses.extend(self.offsets.iter().map(|&(index, offset)| (index.0, start + offset)));
        span(start, self.bytes.len() as u64)
    }
}

/// Where the entries lie in the code.
fn entry_rows(input: &Input<'_>, text: &Block, entries: &[(u32, &str)]) -> Result<Vec<Entry>, LinkError> {
    let mut functions = HashMap::new();
    for function in &input.functions {
        functions.entry(function.name).or_insert(function);
    }
    let row = |&(id, name): &(u32, &str)| {
        let offset = functions.get(name).and_then(|function| text.offset_of(function));
        let offset = offset.ok_or_else(|| LinkError::EntryMissing { name: name.to_owned() })?;
        if !offset.is_multiple_of(ENTRY_ALIGN.into()) {
            return Err(LinkError::EntryMisaligned { name: name.to_owned(), offset });
        }
        let offset = u32::try_from(offset).map_err(|_| LinkError::TooLarge { bytes: offset })?;
        Ok(Entry { offset, id })
    };
    entries.iter().map(row).collect()
}

/// The trap sites of the section `.text`, counted from the start of the code.
fn placed_trap_sites(
    input: &Input<'_>,
    text: &Block,
    sites: &[TrapSite],
) -> Result<Vec<TrapSite>, LinkError> {
    let section = input.sections.iter().find(|section| section.name == TEXT_SECTION);
    let len = section.map_or(0, |section| section.data.len() as u64);
    let start = section.and_then(|section| text.section_offset(section.index)).unwrap_or_default();
    let mut next = 0;
    let place = |(index, site): (usize, &TrapSite)| {
        let offset = u64::from(site.offset);
        let placed = (next <= offset && offset < len).then(|| u32::try_from(start + offset).ok()).flatten();
        next = offset + 1;
        Ok(TrapSite { offset: placed.ok_or(LinkError::TrapSite { index })?, source: site.source })
    };
    sites.iter().enumerate().map(place).collect()
}

/// Appends the tables of the descriptor, which are given in its order.
fn place_tables(image: &mut Image, descriptor: &mut Descriptor, tables: &[Vec<u8>; 4]) {
    let mut at = image.push(Section::loaded(".evmc.tables", TABLE_ALIGN.into()), &tables.concat());
    let mut next = |table: &[u8]| {
        let placed = span(at, table.len() as u64);
        at += table.len() as u64;
        placed
    };
    descriptor.entries = next(&tables[0]);
    descriptor.op_rows = next(&tables[1]);
    descriptor.stretches = next(&tables[2]);
    descriptor.trap_sites = next(&tables[3]);
    descriptor.access_hints = next(&[]);
}

/// The rows of a table as bytes.
fn rows<T: Layout>(rows: &[T]) -> Vec<u8> {
    let mut bytes = vec![0; rows.len() * T::SIZE];
    for (row, to) in rows.iter().zip(bytes.chunks_exact_mut(T::SIZE)) {
        row.write(to);
    }
    bytes
}

/// Appends the dynamic section with its one symbol, and gives its place.
fn place_dynamic(image: &mut Image, descriptor_at: u64) -> Span {
    let mut names = Strings::new();
    let name = names.add(SYMBOL);
    let mut symbols = vec![0; SYMBOL_BYTES as usize];
    put_descriptor_symbol(&mut symbols, image, name, descriptor_at);
    let names_at =
        image.push(Section { kind: elf::SHT_STRTAB, ..Section::loaded(DYNAMIC_STRINGS, 1) }, &names.bytes);
    let symbols_at = image.push(
        Section {
            kind: elf::SHT_DYNSYM,
            link: DYNAMIC_STRINGS,
            info: 1,
            row: SYMBOL_BYTES,
            ..Section::loaded(DYNAMIC_SYMBOLS, 8)
        },
        &symbols,
    );
    let mut hash = Vec::new();
    put32(&mut hash, &HASH_TABLE);
    let hash_at = image.push(
        Section { kind: elf::SHT_HASH, link: DYNAMIC_SYMBOLS, row: 4, ..Section::loaded(".hash", 8) },
        &hash,
    );
    let mut dynamic = Vec::new();
    for (tag, value) in [
        (elf::DT_HASH, hash_at),
        (elf::DT_STRTAB, names_at),
        (elf::DT_SYMTAB, symbols_at),
        (elf::DT_STRSZ, names.bytes.len() as u64),
        (elf::DT_SYMENT, SYMBOL_BYTES),
        (elf::DT_NULL, 0),
    ] {
        put64(&mut dynamic, &[tag as u64, value]);
    }
    let header =
        Section { kind: elf::SHT_DYNAMIC, link: DYNAMIC_STRINGS, row: 16, ..Section::loaded(".dynamic", 8) };
    let at = image.push(header, &dynamic);
    span(at, dynamic.len() as u64)
}

/// A hash table of one bucket, which begins with symbol 1: buckets, symbols, bucket, chains.
const HASH_TABLE: [u32; 5] = [1, 2, 1, 0, 0];

/// Appends the unwind section behind room for its index.
fn place_unwind(
    image: &mut Image,
    addresses: &mut Addresses,
    section: SectionIndex,
    data: &[u8],
) -> Result<(Span, Span), LinkError> {
    let functions = Unwind { data, address: 0 }.functions()?;
    let index = vec![0; index_size(functions.len())];
    let index_at = image.push(Section::loaded(".eh_frame_hdr", 4), &index);
    // An entry of length zero ends the section for unwinders that walk it.
    let ended = [data, &[0; 4]].concat();
    let at = image.push(Section::loaded(".eh_frame", 8), &ended);
    addresses.insert(section.0, at);
    Ok((span(index_at, index.len() as u64), span(at, ended.len() as u64)))
}

/// Appends the symbol table that debuggers and profilers read.
fn place_symbols(image: &mut Image, functions: &[Function<'_>], addresses: &Addresses, descriptor_at: u64) {
    let mut names = Strings::new();
    let mut symbols = vec![0; SYMBOL_BYTES as usize];
    let text = image.section_index(TEXT_SECTION);
    for function in functions {
        let Some(start) = addresses.get(&function.section.0) else { continue };
        let info = elf::STB_LOCAL << 4 | elf::STT_FUNC;
        put32(&mut symbols, &[names.add(function.name)]);
        put16(&mut symbols, &[info.into(), text]);
        put64(&mut symbols, &[start.wrapping_add(function.offset), function.size]);
    }
    let locals = symbols.len() as u64 / SYMBOL_BYTES;
    put_descriptor_symbol(&mut symbols, image, names.add(SYMBOL), descriptor_at);
    let header = Section {
        kind: elf::SHT_SYMTAB,
        link: STRINGS,
        info: locals as u32,
        align: 8,
        row: SYMBOL_BYTES,
        ..Section::plain(".symtab")
    };
    image.push(header, &symbols);
    image.push(Section { kind: elf::SHT_STRTAB, ..Section::plain(STRINGS) }, &names.bytes);
}

/// Appends the symbol of the descriptor.
fn put_descriptor_symbol(to: &mut Vec<u8>, image: &Image, name: u32, address: u64) {
    let info = elf::STB_GLOBAL << 4 | elf::STT_OBJECT;
    put32(to, &[name]);
    put16(to, &[info.into(), image.section_index(DESCRIPTOR_SECTION)]);
    put64(to, &[address, Descriptor::SIZE as u64]);
}

/// A range of the file as the descriptor stores it; the length of the file is checked at the end.
fn span(offset: u64, len: u64) -> Span {
    Span { offset: offset as u32, len: len as u32 }
}
