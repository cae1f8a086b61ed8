//! How much native stack one activation of the entry point may use, from the object's unwind tables.
//!
//! Frames are addressed by the stack pointer alone, and the tables hold at every instruction. So the greatest
//! distance between stack pointer and canonical frame address that a function's entry states is the size of
//! its frame, with return address and all that it pushes. Functions that LLVM has inlined have no entry; their
//! frames are part of their callers'.

use std::collections::BTreeMap;

use cranelift_entity::SecondaryMap;
use evmc_backend::BackendError;
use evmc_ir::{Func, Module};
use gimli::{
    BaseAddresses, CallFrameInstruction, CieOrFde, EhFrame, FrameDescriptionEntry, LittleEndian,
    UnwindSection,
};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, RelocationTarget};

/// Offset of a function's address in its entry, in bytes: behind length and pointer to the common entry.
const ADDRESS_OFFSET: u64 = 8;

/// Why frames cannot be told from an object.
#[derive(Debug, thiserror::Error)]
enum FrameError {
    #[error("the object cannot be read: {0}")]
    Object(#[from] object::Error),
    #[error("the unwind table cannot be read: {0}")]
    Unwind(#[from] gimli::Error),
    #[error("the object has no unwind table")]
    NoTable,
    #[error("the unwind table states a frame by an expression")]
    Expression,
}

/// Upper bound in bytes; `names` has the symbols of the module's functions.
pub(crate) fn native_stack_bytes(
    module: &Module,
    names: &SecondaryMap<Func, String>,
    object: &[u8],
) -> Result<u64, BackendError> {
    // An object without functions has no table either.
    if module.functions.is_empty() {
        return Ok(0);
    }
    let mut frames = frames(object)
        .map_err(|error| BackendError::Internal { function: String::new(), reason: error.to_string() })?;
    let own: SecondaryMap<Func, u64> =
        names.iter().map(|(func, name)| (func, frames.remove(name).unwrap_or(0))).collect();
    // What is left was outlined, and calls nothing but the host. In WebAssembly it stands in the place of what calls it.
    let outlined = frames.into_values().max().filter(|_| module.instance.is_none()).unwrap_or(0);
    Ok(evmc_backend::native_stack::native_stack_bytes(module, &own) + outlined)
}

/// Bytes of native stack of each function of an object, by its symbol.
fn frames(object: &[u8]) -> Result<BTreeMap<String, u64>, FrameError> {
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(object)?;
    let section = file.section_by_name(".eh_frame").ok_or(FrameError::NoTable)?;
    let mut places = BTreeMap::new();
    for (offset, relocation) in section.relocations() {
        if let RelocationTarget::Symbol(index) = relocation.target() {
            let symbol = file.symbol_by_index(index)?;
            let address = symbol.address().wrapping_add_signed(relocation.addend());
            places.insert(offset, (section_of(&symbol), address));
        }
    }
    let mut names = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == object::SymbolKind::Text) {
        names.insert((section_of(&symbol), symbol.address()), symbol.name()?);
    }
    let mut frames = BTreeMap::new();
    let mut table = EhFrame::new(section.data()?, LittleEndian);
    table.set_address_size(8);
    let bases = BaseAddresses::default().set_eh_frame(0);
    let mut entries = table.entries(&bases);
    while let Some(entry) = entries.next()? {
        let CieOrFde::Fde(partial) = entry else { continue };
        let entry = partial.parse(EhFrame::cie_from_offset)?;
        let place = places.get(&(entry.offset() as u64 + ADDRESS_OFFSET));
        if let Some(&name) = place.and_then(|place| names.get(place)) {
            frames.insert(name.to_owned(), frame(&table, &bases, &entry)?);
        }
    }
    Ok(frames)
}

/// Number of the section that a symbol lies in.
fn section_of<'d>(symbol: &impl ObjectSymbol<'d>) -> usize {
    symbol.section_index().map_or(0, |index| index.0)
}

/// The greatest distance that an entry, or the common entry in front of it, states.
fn frame<'d>(
    table: &EhFrame<gimli::EndianSlice<'d, LittleEndian>>,
    bases: &BaseAddresses,
    entry: &FrameDescriptionEntry<gimli::EndianSlice<'d, LittleEndian>>,
) -> Result<u64, FrameError> {
    let mut most = 0;
    let mut common = entry.cie().instructions(table, bases);
    let mut own = entry.instructions(table, bases);
    while let Some(instruction) = match common.next()? {
        Some(instruction) => Some(instruction),
        None => own.next()?,
    } {
        match instruction {
            CallFrameInstruction::DefCfa { offset, .. } | CallFrameInstruction::DefCfaOffset { offset } => {
                most = most.max(offset);
            }
            CallFrameInstruction::DefCfaExpression { .. } => return Err(FrameError::Expression),
            _ => {}
        }
    }
    Ok(most)
}
