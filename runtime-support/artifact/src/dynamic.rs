//! The dynamic section and the dynamic symbols.
//!
//! Our loader needs only the address of the descriptor from here. Everything else is checked so
//! that a system loader, given the same file, would neither run nor patch nor fetch anything.

use evmc_abi::descriptor::{SYMBOL, Span};
use object::elf;

use crate::bytes::read;
use crate::elf::Segments;
use crate::error::CheckError;

/// Length of a row of the dynamic section, in bytes.
const ROW_BYTES: usize = 16;
/// Length of a symbol, in bytes.
const SYMBOL_BYTES: u64 = 24;
/// Dynamic symbols that an artifact has at most.
const MAX_SYMBOLS: u32 = 64;
/// Longest symbol name that an error message shows, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The parts that the dynamic section points to.
struct Tables {
    hash: u64,
    symbols: u64,
    names: Span,
}

/// Finds the address of the descriptor, in bytes from the start of the file.
pub(crate) fn descriptor_address(file: &[u8], segments: &Segments) -> Result<u64, CheckError> {
    // Everything is read from the part of the file that is loaded read-only.
    let image = segments.read_only.of(file).unwrap_or_default();
    let tables = dynamic_section(segments.dynamic.of(file).unwrap_or_default())?;
    let names = tables.names.of(image).ok_or(CheckError::MalformedSymbols("names out of range"))?;
    let mut descriptor = None;
    for index in 0..symbol_count(image, tables.hash)? {
        let symbol = symbol(image, names, &tables, index)?;
        match symbol {
            Symbol::Null => {}
            Symbol::Descriptor(address) if descriptor.is_none() => descriptor = Some(address),
            Symbol::Descriptor(_) => return Err(CheckError::MalformedSymbols("two descriptors")),
        }
    }
    descriptor.ok_or(CheckError::MissingDescriptor)
}

/// Checks the rows of the dynamic section and collects what it points to.
fn dynamic_section(rows: &[u8]) -> Result<Tables, CheckError> {
    let (mut hash, mut symbols, mut names, mut names_len) = (None, None, None, None);
    let mut ended = false;
    for row in rows.chunks_exact(ROW_BYTES) {
        let (tag, value): (u64, u64) = (read(row, 0).unwrap_or(0), read(row, 8).unwrap_or(0));
        match tag as i64 {
            elf::DT_NULL => {
                ended = true;
                break;
            }
            elf::DT_HASH => hash = Some(value),
            elf::DT_SYMTAB => symbols = Some(value),
            elf::DT_STRTAB => names = Some(value),
            elf::DT_STRSZ => names_len = Some(value),
            elf::DT_SYMENT if value == SYMBOL_BYTES => {}
            _ => return Err(refused_tag(tag)),
        }
    }
    if !ended {
        return Err(CheckError::MalformedDynamic("it has no end"));
    }
    let names = (|| Some(Span { offset: names?.try_into().ok()?, len: names_len?.try_into().ok()? }))();
    match (hash, symbols, names) {
        (Some(hash), Some(symbols), Some(names)) => Ok(Tables { hash, symbols, names }),
        _ => Err(CheckError::MalformedDynamic("no symbol table")),
    }
}

/// Why a dynamic tag is refused.
fn refused_tag(tag: u64) -> CheckError {
    match tag as i64 {
        elf::DT_NEEDED | elf::DT_AUXILIARY | elf::DT_FILTER => CheckError::Needed,
        elf::DT_TEXTREL => CheckError::TextRelocation,
        elf::DT_INIT
        | elf::DT_FINI
        | elf::DT_INIT_ARRAY
        | elf::DT_INIT_ARRAYSZ
        | elf::DT_FINI_ARRAY
        | elf::DT_FINI_ARRAYSZ
        | elf::DT_PREINIT_ARRAY
        | elf::DT_PREINIT_ARRAYSZ => CheckError::Initialiser { tag },
        elf::DT_REL
        | elf::DT_RELSZ
        | elf::DT_RELENT
        | elf::DT_RELA
        | elf::DT_RELASZ
        | elf::DT_RELAENT
        | elf::DT_RELR
        | elf::DT_RELRSZ
        | elf::DT_RELRENT
        | elf::DT_JMPREL
        | elf::DT_PLTREL
        | elf::DT_PLTRELSZ
        | elf::DT_PLTGOT => CheckError::DynamicRelocation { tag },
        _ => CheckError::UnexpectedDynamicTag { tag },
    }
}

/// Number of dynamic symbols, which the hash table states.
fn symbol_count(image: &[u8], hash: u64) -> Result<u32, CheckError> {
    let count = hash.checked_add(4).and_then(|at| read::<u32>(image, at));
    let count = count.ok_or(CheckError::MalformedSymbols("hash table out of range"))?;
    if count > MAX_SYMBOLS { Err(CheckError::MalformedSymbols("too many symbols")) } else { Ok(count) }
}

/// A symbol that artifacts may have.
enum Symbol {
    /// The empty first symbol.
    Null,
    /// The descriptor, at this address.
    Descriptor(u64),
}

/// Reads and checks a symbol.
fn symbol(image: &[u8], names: &[u8], tables: &Tables, index: u32) -> Result<Symbol, CheckError> {
    const OUT_OF_RANGE: CheckError = CheckError::MalformedSymbols("symbols out of range");
    let at = tables.symbols.checked_add(u64::from(index) * SYMBOL_BYTES).ok_or(OUT_OF_RANGE)?;
    let name: u32 = read(image, at).ok_or(OUT_OF_RANGE)?;
    let [info, _, section @ ..]: [u8; 4] = read(image, at + 4).ok_or(OUT_OF_RANGE)?;
    let value: u64 = read(image, at + 8).ok_or(OUT_OF_RANGE)?;
    if index == 0 {
        return Ok(Symbol::Null);
    }
    let name = symbol_name(names, name)?;
    if u16::from_le_bytes(section) == elf::SHN_UNDEF {
        return Err(CheckError::UndefinedSymbol { name: name.to_owned() });
    }
    // Only plain data: an indirect function would be called by whoever looks the symbol up.
    if name != SYMBOL || info & 0xf != elf::STT_OBJECT {
        return Err(CheckError::UnexpectedSymbol { name: name.to_owned() });
    }
    Ok(Symbol::Descriptor(value))
}

/// The name at this offset of the string table.
fn symbol_name(names: &[u8], offset: u32) -> Result<&str, CheckError> {
    let tail = names.get(offset as usize..).unwrap_or_default();
    let tail = &tail[..tail.len().min(MAX_NAME_BYTES)];
    let len = tail.iter().position(|&byte| byte == 0);
    len.and_then(|len| std::str::from_utf8(&tail[..len]).ok())
        .ok_or(CheckError::MalformedSymbols("name of a symbol"))
}
