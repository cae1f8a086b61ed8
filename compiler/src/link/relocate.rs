//! Resolving the relocations of the linked sections.

use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolSection};

use super::error::LinkError;
use super::input::{Input, Section};
use super::layout::Placement;
use super::machine::Base;

/// Applies every relocation of every linked section to the placed bytes.
pub(super) fn apply(input: &Input<'_>, placement: &mut Placement) -> Result<(), LinkError> {
    for section in &input.sections {
        for (offset, relocation) in input.file.section_by_index(section.index)?.relocations() {
            apply_one(input, placement, section, offset, &relocation)?;
        }
    }
    Ok(())
}

/// Applies the relocation at `offset` of `section`.
fn apply_one(
    input: &Input<'_>,
    placement: &mut Placement,
    section: &Section<'_>,
    offset: u64,
    relocation: &object::Relocation,
) -> Result<(), LinkError> {
    let name = || section.name.to_owned();
    let unresolved = || LinkError::Relocation { section: name(), offset };
    let RelocationFlags::Elf { r_type } = relocation.flags() else { return Err(unresolved()) };
    let Some(row) = input.machine.relocation(r_type) else {
        return Err(LinkError::UnsupportedRelocation { section: name(), r_type });
    };
    if row.base == Base::Absolute {
        return Err(LinkError::DynamicRelocation { section: name(), offset });
    }
    let end = offset.checked_add(row.bytes as u64).ok_or_else(unresolved)?;
    if end > section.data.len() as u64 || relocation.has_implicit_addend() {
        return Err(unresolved());
    }
    let start = placement.address(section.index).ok_or_else(unresolved)?;
    let target = target_address(input, placement, relocation)?.ok_or_else(unresolved)?;
    let place = start + offset;
    let value = target.wrapping_add_signed(relocation.addend()).wrapping_sub(place) as i64;
    match row.bytes {
        8 => placement.image.patch(place, &value.to_le_bytes()),
        _ => {
            let value = i32::try_from(value).map_err(|_| unresolved())?;
            placement.image.patch(place, &value.to_le_bytes());
        }
    }
    Ok(())
}

/// Address of what a relocation refers to, or `None` where that is not linked.
fn target_address(
    input: &Input<'_>,
    placement: &Placement,
    relocation: &object::Relocation,
) -> Result<Option<u64>, LinkError> {
    let RelocationTarget::Symbol(index) = relocation.target() else { return Ok(None) };
    let symbol = input.file.symbol_by_index(index)?;
    let SymbolSection::Section(section) = symbol.section() else { return Ok(None) };
    Ok(placement.address(section).and_then(|start| start.checked_add(symbol.address())))
}
