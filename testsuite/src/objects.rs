//! Object files made by hand, for tests of linker, artifact checks and loader.

use evmc_abi::descriptor::{Backend, Counters, Language, compiler_build};
use evmc_abi::{CpuFeatures, OpRow, StretchRange};
use evmc_compiler::link::Metadata;
use object::write::{Object, Relocation, StandardSegment, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

/// Name of the entry function of every object here.
pub const ENTRY: &str = "evm_entry";

/// `call helper` on an aligned stack, result passed on.
const ENTRY_CODE: &[u8] = &[0x48, 0x83, 0xec, 8, 0xe8, 0, 0, 0, 0, 0x48, 0x83, 0xc4, 8, 0xc3];
/// `mov eax, [rip + constant]; ret`.
const HELPER_CODE: &[u8] = &[0x8b, 0x05, 0, 0, 0, 0, 0xc3];

/// A common information entry: `zR`, pc-relative 32-bit addresses, CFA is `rsp + 8`.
const CIE: &[u8] =
    &[20, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0];
/// A frame description entry of 20 bytes: function start at offset 8, its length at offset 12.
const FDE_BYTES: u32 = 20;

/// An empty x86-64 object.
pub fn empty() -> Object<'static> {
    Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little)
}

/// Adds a function in a section of its own.
pub fn add_function(object: &mut Object<'_>, name: &str, code: &[u8]) -> SymbolId {
    let segment = object.segment_name(StandardSegment::Text).to_vec();
    let section = object.add_section(segment, format!(".text.{name}").into_bytes(), SectionKind::Text);
    let symbol = object.add_symbol(symbol(name, SymbolKind::Text, SymbolSection::Undefined));
    object.add_symbol_data(symbol, section, code, 16);
    symbol
}

/// Adds a section `.text` and functions in it, 16 bytes each.
pub fn add_text(object: &mut Object<'_>, names: &[&str]) {
    let section = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    for name in names {
        let symbol = object.add_symbol(symbol(name, SymbolKind::Text, SymbolSection::Undefined));
        object.add_symbol_data(symbol, section, &[0xc3; 16], 16);
    }
}

/// Metadata of a WebAssembly module of 40 bytes that is metered.
pub fn module_metadata(module: &[u8]) -> Metadata<'_> {
    Metadata {
        language: Language::Wasm,
        fork: 0,
        code_len: 40,
        gas_table_hash: [0x33; 32],
        uses_memory_stack: false,
        op_rows: &[],
        stretches: &[],
        module,
        ..metadata()
    }
}

/// Adds a constant in a section of its own, which is read-only data unless `kind` says otherwise.
pub fn add_constant(object: &mut Object<'_>, name: &str, kind: SectionKind, data: &[u8]) -> SymbolId {
    let section = object.add_section(Vec::new(), format!(".{name}").into_bytes(), kind);
    let symbol = object.add_symbol(symbol(name, SymbolKind::Data, SymbolSection::Undefined));
    object.add_symbol_data(symbol, section, data, 4);
    symbol
}

/// Adds a symbol that nothing defines.
pub fn add_undefined(object: &mut Object<'_>, name: &str) -> SymbolId {
    object.add_symbol(Symbol {
        scope: SymbolScope::Unknown,
        ..symbol(name, SymbolKind::Unknown, SymbolSection::Undefined)
    })
}

/// A symbol without a place.
fn symbol(name: &str, kind: SymbolKind, section: SymbolSection) -> Symbol {
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        kind,
        scope: SymbolScope::Compilation,
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

/// Adds a relocation of ELF type `r_type` at `offset` of the function or constant `place`.
///
/// # Panics
/// Where `place` is not defined.
pub fn relocate(
    object: &mut Object<'_>,
    place: SymbolId,
    offset: u64,
    r_type: u32,
    target: SymbolId,
    addend: i64,
) {
    let section = object.symbol(place).section.id().expect("a defined symbol");
    let offset = object.symbol(place).value + offset;
    let flags = RelocationFlags::Elf { r_type };
    object
        .add_relocation(section, Relocation { offset, symbol: target, addend, flags })
        .expect("a known relocation");
}

/// An entry function that calls a helper, which returns `result` from a constant. With unwind tables.
pub fn two_functions(result: u32) -> Object<'static> {
    let mut object = empty();
    let entry = add_function(&mut object, ENTRY, ENTRY_CODE);
    let helper = add_function(&mut object, "helper", HELPER_CODE);
    let constant = add_constant(&mut object, "rodata", SectionKind::ReadOnlyData, &result.to_le_bytes());
    relocate(&mut object, entry, 5, elf::R_X86_64_PLT32, helper, -4);
    relocate(&mut object, helper, 2, elf::R_X86_64_PC32, constant, -4);
    add_unwind(&mut object, &[(entry, ENTRY_CODE.len()), (helper, HELPER_CODE.len())]);
    object
}

/// Adds an unwind section for functions of these lengths, in bytes.
fn add_unwind(object: &mut Object<'_>, functions: &[(SymbolId, usize)]) {
    let section = object.add_section(Vec::new(), b".eh_frame".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(section, CIE, 8);
    for &(function, len) in functions {
        let at = object.section(section).data().len() as u32;
        let mut entry = Vec::new();
        for field in [FDE_BYTES - 4, at + 4, 0, len as u32, 0] {
            entry.extend(field.to_le_bytes());
        }
        object.append_section_data(section, &entry, 4);
        let flags = RelocationFlags::Elf { r_type: elf::R_X86_64_PC32 };
        let relocation = Relocation { offset: u64::from(at) + 8, symbol: function, addend: 0, flags };
        object.add_relocation(section, relocation).expect("a known relocation");
    }
}

/// The bytes of the object file.
///
/// # Panics
/// Where the object cannot be written.
pub fn bytes(object: &Object<'_>) -> Vec<u8> {
    object.write().expect("a writable object")
}

/// Rows of an instruction set in which every opcode costs 3 gas.
pub const OP_ROWS: [OpRow; 256] =
    [OpRow { static_gas: 3, inputs: 0, outputs: 0, immediate: 0, flags: 0, reserved: [0; 2] }; 256];

/// Two stretches of a code of 10 bytes.
pub const STRETCHES: [StretchRange; 2] =
    [StretchRange { start: 0, end: 4 }, StretchRange { start: 4, end: 10 }];

/// Metadata of a contract of 10 bytes for fork 13, with [`OP_ROWS`] and [`STRETCHES`].
pub fn metadata() -> Metadata<'static> {
    Metadata {
        language: Language::Evm,
        fork: 13,
        code_hash: [0x11; 32],
        code_len: 10,
        gas_table_hash: evmc_abi::fork::RULES[13].gas_table_hash,
        backend: Backend::Cranelift,
        opt_level: 2,
        cpu_features: CpuFeatures::BASELINE,
        compiler_build: compiler_build("evmc test"),
        uses_memory_stack: true,
        metered: true,
        native_stack_bytes: 64,
        counters: Counters { specialised_functions: 2, generic_functions: 0, jumps: 3, ..Counters::NONE },
        op_rows: &OP_ROWS,
        stretches: &STRETCHES,
        module: &[],
    }
}
