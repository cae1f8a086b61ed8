//! The object file: which sections and functions of it are linked.

use object::read::elf::{ElfFile64, ElfSection64};
use object::{
    LittleEndian, Object, ObjectKind, ObjectSection, ObjectSymbol, SectionFlags, SectionIndex, SymbolKind,
    SymbolSection, elf,
};

use super::error::LinkError;
use super::machine::Machine;

/// An object file as the reader library sees it.
pub(super) type ObjectFile<'a> = ElfFile64<'a, LittleEndian>;

/// Where a section goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// Executable code.
    Text,
    /// Unwind tables.
    Unwind,
    /// Constants.
    ReadOnly,
}

/// A section that is linked.
pub(super) struct Section<'a> {
    pub(super) index: SectionIndex,
    pub(super) name: &'a str,
    pub(super) region: Region,
    /// Alignment, in bytes: a power of two.
    pub(super) align: u64,
    pub(super) data: &'a [u8],
}

/// A function of the object.
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) section: SectionIndex,
    /// Offset in its section, in bytes.
    pub(super) offset: u64,
    /// Length, in bytes.
    pub(super) size: u64,
}

/// An object file that can be linked.
pub(super) struct Input<'a> {
    pub(super) file: ObjectFile<'a>,
    pub(super) machine: &'static Machine,
    /// In the order of the file.
    pub(super) sections: Vec<Section<'a>>,
    /// In the order of the file.
    pub(super) functions: Vec<Function<'a>>,
}

impl<'a> Input<'a> {
    /// Reads `object` and picks what is linked.
    pub(super) fn parse(object: &'a [u8]) -> Result<Self, LinkError> {
        let file = ObjectFile::parse(object)?;
        if file.kind() != ObjectKind::Relocatable {
            return Err(LinkError::NotRelocatable);
        }
        let machine = Machine::of(file.architecture())?;
        let sections = sections(&file)?;
        let functions = functions(&file)?;
        Ok(Self { file, machine, sections, functions })
    }
}

/// The sections that occupy memory.
fn sections<'a>(file: &ObjectFile<'a>) -> Result<Vec<Section<'a>>, LinkError> {
    let mut sections = Vec::new();
    for section in file.sections() {
        if let Some(section) = linked_section(&section)? {
            sections.push(section);
        }
    }
    match sections.iter().filter(|section| section.region == Region::Unwind).count() {
        0 | 1 => Ok(sections),
        _ => Err(LinkError::ManyUnwindSections),
    }
}

/// The section, or `None` where it is not linked: empty, or of no use at run time.
fn linked_section<'a>(
    section: &ElfSection64<'a, '_, LittleEndian>,
) -> Result<Option<Section<'a>>, LinkError> {
    let SectionFlags::Elf { sh_flags } = section.flags() else { return Ok(None) };
    let has = |flag: u32| sh_flags & u64::from(flag) != 0;
    if section.size() == 0 || !has(elf::SHF_ALLOC) {
        return Ok(None);
    }
    let name = section.name()?;
    if has(elf::SHF_WRITE) || has(elf::SHF_TLS) {
        return Err(LinkError::MutableSection { name: name.to_owned() });
    }
    let region = match name {
        _ if has(elf::SHF_EXECINSTR) => Region::Text,
        ".eh_frame" => Region::Unwind,
        _ => Region::ReadOnly,
    };
    let align = section.align().max(1);
    if !align.is_power_of_two() {
        return Err(LinkError::NotRelocatable);
    }
    Ok(Some(Section { index: section.index(), name, region, align, data: section.data()? }))
}

/// The functions; also refuses symbols that nothing defines.
fn functions<'a>(file: &ObjectFile<'a>) -> Result<Vec<Function<'a>>, LinkError> {
    let mut functions = Vec::new();
    for symbol in file.symbols() {
        let name = symbol.name()?;
        match symbol.section() {
            SymbolSection::Undefined | SymbolSection::Common => {
                return Err(LinkError::UndefinedSymbol { name: name.to_owned() });
            }
            SymbolSection::Section(section) if symbol.kind() == SymbolKind::Text => {
                functions.push(Function { name, section, offset: symbol.address(), size: symbol.size() });
            }
            _ => {}
        }
    }
    Ok(functions)
}
