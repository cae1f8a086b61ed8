//! The descriptor and the tables that it points to.

use evmc_abi::descriptor::{
    Backend, Descriptor, ENTRY_ALIGN, EVM_FORKS, Entry, KNOWN_FLAGS, Language, Layout, MAGIC, MAX_OPT_LEVEL,
    Span, TABLE_ALIGN, Table, TrapSite,
};
use evmc_abi::wasm::EntryId;
use evmc_abi::{ABI_VERSION, CpuFeatures, OpRow, StretchRange};

use crate::bytes::{read, rows};
use crate::elf::{Segments, contains};
use crate::error::CheckError;

/// Reads the descriptor at `address` and checks that it is one of this ABI version.
pub(crate) fn read_descriptor(
    file: &[u8],
    segments: &Segments,
    address: u64,
) -> Result<Descriptor, CheckError> {
    let misplaced = CheckError::DescriptorMisplaced { address };
    if !address.is_multiple_of(TABLE_ALIGN.into()) {
        return Err(misplaced);
    }
    let image = segments.read_only.of(file).unwrap_or_default();
    let descriptor: Descriptor = read(image, address).ok_or(misplaced)?;
    if descriptor.magic != MAGIC {
        return Err(CheckError::Magic);
    }
    if descriptor.abi_version != ABI_VERSION {
        return Err(CheckError::AbiVersion { found: descriptor.abi_version, expected: ABI_VERSION });
    }
    if descriptor.size as usize != Descriptor::SIZE {
        return Err(CheckError::DescriptorSize { found: descriptor.size, expected: Descriptor::SIZE as u32 });
    }
    Ok(descriptor)
}

/// Checks length and checksum of the file.
pub(crate) fn check_content(file: &[u8], descriptor: &Descriptor, address: u64) -> Result<(), CheckError> {
    let (needed, found) = (descriptor.file_len, file.len() as u64);
    if found < needed {
        return Err(CheckError::Truncated { needed, found });
    }
    if found > needed {
        return Err(CheckError::TrailingData { extra: found - needed });
    }
    let at = address as usize + std::mem::offset_of!(Descriptor, checksum);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..at]).update(&[0; 32]).update(&file[at + 32..]);
    if *hasher.finalize().as_bytes() == descriptor.checksum { Ok(()) } else { Err(CheckError::Checksum) }
}

/// Checks the fields that stand for themselves; `features` are those of the machine.
pub(crate) fn check_fields(
    descriptor: &Descriptor,
    features: CpuFeatures,
) -> Result<(Language, Backend), CheckError> {
    let language =
        Language::from_number(descriptor.language).ok_or(CheckError::UnknownLanguage(descriptor.language))?;
    let backend =
        Backend::from_number(descriptor.backend).ok_or(CheckError::UnknownBackend(descriptor.backend))?;
    let forks = match language {
        Language::Evm => EVM_FORKS,
        Language::Wasm => 1,
    };
    if descriptor.fork >= forks {
        return Err(CheckError::UnknownFork(descriptor.fork));
    }
    if descriptor.opt_level > MAX_OPT_LEVEL {
        return Err(CheckError::UnknownOptLevel(descriptor.opt_level));
    }
    if descriptor.flags & !KNOWN_FLAGS != 0 || descriptor.reserved != [0; 3] {
        return Err(CheckError::UnknownFlags(descriptor.flags));
    }
    let missing = descriptor.required_features().without(features);
    if missing.is_empty() { Ok((language, backend)) } else { Err(CheckError::CpuFeatures { missing }) }
}

/// Checks where the tables lie and what they hold.
pub(crate) fn check_tables(
    file: &[u8],
    segments: &Segments,
    descriptor: &Descriptor,
    language: Language,
) -> Result<(), CheckError> {
    if descriptor.text != segments.code {
        return Err(CheckError::CodeRange);
    }
    for &table in Table::ALL {
        check_place(segments.read_only, table, table.span(descriptor), language)?;
    }
    let bytes = |table: Table| table.span(descriptor).of(file).unwrap_or_default();
    check_entries(descriptor, bytes(Table::Entries))?;
    check_entry_ids(language, bytes(Table::Entries))?;
    check_module(segments.read_only, descriptor.module, language)?;
    check_op_rows_count(descriptor)?;
    check_op_rows(bytes(Table::OpRows))?;
    check_stretches(descriptor, bytes(Table::Stretches))?;
    check_trap_sites(descriptor, bytes(Table::TrapSites))
}

/// A table lies in the read-only segment, is aligned, and has a length that its language allows.
fn check_place(read_only: Span, table: Table, span: Span, language: Language) -> Result<(), CheckError> {
    if !contains(read_only, span) || !span.offset.is_multiple_of(TABLE_ALIGN) {
        return Err(CheckError::TableOutOfRange(table));
    }
    let whole_rows = span.len.is_multiple_of(Table::ROW_BYTES);
    if !whole_rows || !table.allowed_rows(language).contains(&(span.len / Table::ROW_BYTES)) {
        return Err(CheckError::TableLength { table, bytes: span.len });
    }
    Ok(())
}

/// Entry points lie in the code and are aligned.
fn check_entries(descriptor: &Descriptor, bytes: &[u8]) -> Result<(), CheckError> {
    for (index, Entry { offset, .. }) in rows(bytes).enumerate() {
        if offset >= descriptor.text.len {
            return Err(CheckError::EntryOutOfRange { index, offset });
        }
        if !offset.is_multiple_of(ENTRY_ALIGN) {
            return Err(CheckError::EntryMisaligned { index, offset });
        }
    }
    Ok(())
}

/// Entry points have numbers of the language, ascending.
fn check_entry_ids(language: Language, bytes: &[u8]) -> Result<(), CheckError> {
    let mut before = None;
    for (index, Entry { id, .. }) in rows(bytes).enumerate() {
        let known = match language {
            Language::Evm => id == 0,
            Language::Wasm => EntryId::from_bits(id).is_some(),
        };
        if !known || before.is_some_and(|before| before >= id) {
            return Err(CheckError::EntryId { index, id });
        }
        before = Some(id);
    }
    Ok(())
}

/// The description of a module lies in the read-only segment; contracts of the EVM have none.
fn check_module(read_only: Span, module: Span, language: Language) -> Result<(), CheckError> {
    let holds = match language {
        Language::Evm => module == Span::default(),
        Language::Wasm => module.len > 0 && contains(read_only, module),
    };
    if holds { Ok(()) } else { Err(CheckError::Module) }
}

/// The opcode table is whole, or there is none and no stretch asks for it.
fn check_op_rows_count(descriptor: &Descriptor) -> Result<(), CheckError> {
    let bytes = descriptor.op_rows.len;
    let is_needed = descriptor.stretches.len > 0;
    if bytes == 256 * Table::ROW_BYTES || (bytes == 0 && !is_needed) {
        return Ok(());
    }
    Err(CheckError::TableLength { table: Table::OpRows, bytes })
}

/// Flags of the opcode table are known and its reserved bytes zero.
fn check_op_rows(bytes: &[u8]) -> Result<(), CheckError> {
    const FLAGS: u8 = OpRow::UNDERFLOW_IS_OVERFLOW | OpRow::REFUSES_STATIC;
    match rows(bytes).position(|row: OpRow| row.flags & !FLAGS != 0 || row.reserved != [0; 2]) {
        Some(opcode) => Err(CheckError::OpRow { opcode: opcode as u8 }),
        None => Ok(()),
    }
}

/// Stretches lie in the bytecode.
fn check_stretches(descriptor: &Descriptor, bytes: &[u8]) -> Result<(), CheckError> {
    match rows(bytes)
        .position(|range: StretchRange| range.start > range.end || range.end > descriptor.code_len)
    {
        Some(index) => Err(CheckError::StretchOutOfRange { index }),
        None => Ok(()),
    }
}

/// Trap sites lie in the code, in the order of their offsets.
fn check_trap_sites(descriptor: &Descriptor, bytes: &[u8]) -> Result<(), CheckError> {
    let wrong = |(site, next): (TrapSite, Option<TrapSite>)| {
        site.offset >= descriptor.text.len || next.is_some_and(|next| next.offset <= site.offset)
    };
    let following = rows(bytes).skip(1).map(Some).chain([None]);
    match rows(bytes).zip(following).position(wrong) {
        Some(index) => Err(CheckError::TrapSite { index }),
        None => Ok(()),
    }
}
