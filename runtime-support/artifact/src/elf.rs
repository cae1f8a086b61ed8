//! ELF header and program headers.
//!
//! An artifact has exactly two loaded segments: a read-only one at the start of the file and an
//! executable one behind it. Address and file offset are equal throughout.

use evmc_abi::descriptor::Span;
use object::elf;

use crate::bytes::read;
use crate::error::CheckError;

/// Length of the ELF header, in bytes.
const HEADER_BYTES: u64 = 64;
/// Length of a program header, in bytes.
const PROGRAM_HEADER_BYTES: u64 = 56;
/// Length of a section header, in bytes.
const SECTION_HEADER_BYTES: u64 = 64;
/// Program headers that an artifact has at most.
const MAX_PROGRAM_HEADERS: u64 = 16;
/// Smallest page that a segment must be aligned to, in bytes.
const MIN_PAGE: u64 = 4096;

/// ELF number of the machine that this crate was compiled for.
pub(crate) const MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    elf::EM_X86_64
} else if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else {
    elf::EM_NONE
};

/// The segments of an artifact, all within the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    /// Headers, descriptor, tables, constants.
    pub(crate) read_only: Span,
    /// Code.
    pub(crate) code: Span,
    /// The dynamic section, within `read_only`.
    pub(crate) dynamic: Span,
}

/// A program header.
struct ProgramHeader {
    index: usize,
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
}

/// Checks header and program headers of `file`.
pub(crate) fn check(file: &[u8]) -> Result<Segments, CheckError> {
    check_ident(file)?;
    check_header(file)?;
    let mut found = Found::default();
    for header in program_headers(file)? {
        found.add(file.len() as u64, &header)?;
    }
    found.segments()
}

/// The first 16 bytes: class, byte order, version.
fn check_ident(file: &[u8]) -> Result<(), CheckError> {
    if !file.starts_with(&elf::ELFMAG) {
        return Err(CheckError::NotElf);
    }
    let found = file.len() as u64;
    if found < HEADER_BYTES {
        return Err(CheckError::Truncated { needed: HEADER_BYTES, found });
    }
    match (file[4], file[5], file[6]) {
        (elf::ELFCLASS64, elf::ELFDATA2LSB, elf::EV_CURRENT) => Ok(()),
        (elf::ELFCLASS64, elf::ELFDATA2LSB, version) => Err(CheckError::WrongElfVersion(version.into())),
        (elf::ELFCLASS64, order, _) => Err(CheckError::WrongEndianness(order)),
        (class, ..) => Err(CheckError::WrongClass(class)),
    }
}

/// The rest of the header, as far as it can be wrong without the segments.
fn check_header(file: &[u8]) -> Result<(), CheckError> {
    let kind: u16 = field(file, 16)?;
    let machine: u16 = field(file, 18)?;
    let version: u32 = field(file, 20)?;
    if kind != elf::ET_DYN {
        return Err(CheckError::WrongType(kind));
    }
    if machine != MACHINE {
        return Err(CheckError::WrongMachine { found: machine, expected: MACHINE });
    }
    if version != u32::from(elf::EV_CURRENT) {
        return Err(CheckError::WrongElfVersion(version));
    }
    check_section_headers(file)
}

/// The section headers end the file, so that they miss when the file was cut.
fn check_section_headers(file: &[u8]) -> Result<(), CheckError> {
    let offset: u64 = field(file, 40)?;
    let entry_size: u16 = field(file, 58)?;
    let count: u16 = field(file, 60)?;
    if u64::from(entry_size) != SECTION_HEADER_BYTES {
        return Err(CheckError::MalformedHeader("size of a section header"));
    }
    let needed = offset
        .checked_add(u64::from(count) * SECTION_HEADER_BYTES)
        .ok_or(CheckError::MalformedHeader("offset of the section headers"))?;
    let found = file.len() as u64;
    if needed > found { Err(CheckError::Truncated { needed, found }) } else { Ok(()) }
}

/// Reads the program headers.
fn program_headers(file: &[u8]) -> Result<impl Iterator<Item = ProgramHeader> + '_, CheckError> {
    let offset: u64 = field(file, 32)?;
    let entry_size: u16 = field(file, 54)?;
    let count = u64::from(field::<u16>(file, 56)?);
    if u64::from(entry_size) != PROGRAM_HEADER_BYTES {
        return Err(CheckError::MalformedHeader("size of a program header"));
    }
    if count > MAX_PROGRAM_HEADERS {
        return Err(CheckError::MalformedHeader("too many program headers"));
    }
    let span = span(offset, count * PROGRAM_HEADER_BYTES, file.len() as u64)
        .ok_or(CheckError::MalformedHeader("offset of the program headers"))?;
    let table = span.of(file).unwrap_or_default();
    Ok(table.chunks_exact(PROGRAM_HEADER_BYTES as usize).enumerate().filter_map(program_header))
}

/// Reads one program header.
fn program_header((index, row): (usize, &[u8])) -> Option<ProgramHeader> {
    Some(ProgramHeader {
        index,
        kind: read(row, 0)?,
        flags: read(row, 4)?,
        offset: read(row, 8)?,
        address: read(row, 16)?,
        file_size: read(row, 32)?,
        memory_size: read(row, 40)?,
        align: read(row, 48)?,
    })
}

/// What the program headers have shown so far.
#[derive(Default)]
struct Found {
    read_only: Option<Span>,
    code: Option<Span>,
    dynamic: Option<Span>,
    unwind: Option<(usize, Span)>,
    read_only_count: usize,
    executable_count: usize,
}

impl Found {
    /// Checks a program header by itself and notes what it describes.
    fn add(&mut self, file_len: u64, header: &ProgramHeader) -> Result<(), CheckError> {
        let index = header.index;
        if header.kind == elf::PT_GNU_STACK {
            return if header.flags & elf::PF_X != 0 { Err(CheckError::ExecutableStack) } else { Ok(()) };
        }
        check_permissions(header)?;
        let span = span(header.offset, header.file_size, file_len)
            .filter(|_| header.file_size == header.memory_size);
        let span = span.ok_or(CheckError::SegmentOutOfRange { index })?;
        if header.offset != header.address {
            return Err(CheckError::SegmentMisplaced { index });
        }
        match header.kind {
            elf::PT_LOAD => self.add_loaded(header, span)?,
            elf::PT_DYNAMIC => self.dynamic = Some(span),
            elf::PT_GNU_EH_FRAME => self.unwind = Some((index, span)),
            kind => return Err(CheckError::ForbiddenSegment { index, kind }),
        }
        Ok(())
    }

    /// Notes a loaded segment.
    fn add_loaded(&mut self, header: &ProgramHeader, span: Span) -> Result<(), CheckError> {
        let page = header.align.max(MIN_PAGE);
        if !page.is_power_of_two() || !header.address.is_multiple_of(page) {
            return Err(CheckError::SegmentMisplaced { index: header.index });
        }
        if header.flags & elf::PF_X != 0 {
            self.code = Some(span);
            self.executable_count += 1;
        } else {
            self.read_only = Some(span);
            self.read_only_count += 1;
        }
        Ok(())
    }

    /// Checks the segments together.
    fn segments(self) -> Result<Segments, CheckError> {
        let count =
            CheckError::SegmentCount { read_only: self.read_only_count, executable: self.executable_count };
        let (Some(read_only), Some(code), 1, 1) =
            (self.read_only, self.code, self.read_only_count, self.executable_count)
        else {
            return Err(count);
        };
        if read_only.offset != 0 || read_only.end() > u64::from(code.offset) {
            return Err(CheckError::SegmentsOverlap);
        }
        if let Some((index, unwind)) = self.unwind
            && !contains(read_only, unwind)
        {
            return Err(CheckError::SegmentOutOfRange { index });
        }
        match self.dynamic {
            None => Err(CheckError::MalformedDynamic("there is none")),
            Some(dynamic) if !contains(read_only, dynamic) => {
                Err(CheckError::MalformedDynamic("outside the read-only segment"))
            }
            Some(dynamic) => Ok(Segments { read_only, code, dynamic }),
        }
    }
}

/// Writable segments are refused, whatever their type.
fn check_permissions(header: &ProgramHeader) -> Result<(), CheckError> {
    let index = header.index;
    match (header.flags & elf::PF_W != 0, header.flags & elf::PF_X != 0) {
        (true, true) => Err(CheckError::WritableExecutable { index }),
        (true, false) => Err(CheckError::WritableSegment { index }),
        (false, _) => Ok(()),
    }
}

/// Whether `inner` lies within `outer`.
pub(crate) fn contains(outer: Span, inner: Span) -> bool {
    outer.offset <= inner.offset && inner.end() <= outer.end()
}

/// The span of a range that lies within the file.
fn span(offset: u64, len: u64, file_len: u64) -> Option<Span> {
    offset.checked_add(len).filter(|&end| end <= file_len)?;
    Some(Span { offset: offset.try_into().ok()?, len: len.try_into().ok()? })
}

/// A header field, which is there because the length was checked.
fn field<T: evmc_abi::descriptor::Layout>(file: &[u8], offset: u64) -> Result<T, CheckError> {
    read(file, offset).ok_or(CheckError::Truncated { needed: HEADER_BYTES, found: file.len() as u64 })
}
