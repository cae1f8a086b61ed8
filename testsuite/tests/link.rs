//! The linker: what it accepts, what it refuses, and that the usual tools read what it writes.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::Command;

use evmc_abi::descriptor::{Language, TrapSite};
use evmc_abi::wasm::{EntryId, EntryKind};
use evmc_artifact::{Artifact, CheckError};
use evmc_compiler::link::{LinkError, link, link_instance};
use evmc_loader::LoadedCode;
use evmc_testsuite::objects::{self, ENTRY, metadata, module_metadata};
use object::{SectionKind, elf};

/// An artifact of two functions.
fn artifact() -> Vec<u8> {
    link(&objects::bytes(&objects::two_functions(1)), ENTRY, &metadata()).expect("a closed object")
}

/// Why an object is refused.
fn refused(object: &object::write::Object<'_>) -> String {
    link(&objects::bytes(object), ENTRY, &metadata()).expect_err("a refusal").to_string()
}

#[test]
fn linked_object_passes_every_check() {
    let file = artifact();
    let checked = Artifact::check(&file).expect("an intact artifact");
    let descriptor = checked.descriptor();
    assert_eq!(descriptor.code_hash, [0x11; 32]);
    assert_eq!(descriptor.compiler(), "evmc test");
    assert!(descriptor.uses_memory_stack());
    assert_eq!(checked.code().len(), 16 + 7, "functions are aligned to 16 bytes");
    assert!(checked.clone().expect(&[0x11; 32], 13).is_ok());
}

#[test]
fn two_links_are_byte_identical() {
    assert_eq!(artifact(), artifact());
}

#[test]
fn undefined_symbol_is_named() {
    let mut object = objects::two_functions(1);
    objects::add_undefined(&mut object, "__udivti3");
    assert_eq!(refused(&object), "undefined symbol `__udivti3`");
}

#[test]
fn writable_data_is_refused() {
    let mut object = objects::two_functions(1);
    objects::add_constant(&mut object, "data", SectionKind::Data, &[0; 4]);
    assert_eq!(
        refused(&object),
        "section `.data` is writable or thread-local: artifacts hold no mutable data"
    );
}

#[test]
fn absolute_address_is_refused() {
    let mut object = objects::two_functions(1);
    let table = objects::add_constant(&mut object, "rodata.table", SectionKind::ReadOnlyData, &[0; 16]);
    objects::relocate(&mut object, table, 8, elf::R_X86_64_64, table, 0);
    assert_eq!(
        refused(&object),
        "section `.rodata.table` at 0x8 holds an absolute address, which needs a dynamic relocation"
    );
}

#[test]
fn unknown_relocation_is_refused() {
    let mut object = objects::two_functions(1);
    let function = objects::add_function(&mut object, "got", &[0; 16]);
    objects::relocate(&mut object, function, 4, elf::R_X86_64_GOTPCREL, function, -4);
    assert_eq!(refused(&object), "relocation type 9 in section `.text.got` is not supported");
}

#[test]
fn relocation_behind_its_section_is_refused() {
    let mut object = objects::two_functions(1);
    let function = objects::add_function(&mut object, "short", &[0; 6]);
    objects::relocate(&mut object, function, 4, elf::R_X86_64_PC32, function, -4);
    assert_eq!(refused(&object), "relocation in section `.text.short` at 0x4 cannot be resolved");
}

#[test]
fn pc_relative_64_bit_reference_is_resolved() {
    let mut object = objects::two_functions(1);
    let table = objects::add_constant(&mut object, "rodata.offsets", SectionKind::ReadOnlyData, &[0; 8]);
    objects::relocate(&mut object, table, 0, elf::R_X86_64_PC64, table, 0x1234);
    let file = link(&objects::bytes(&object), ENTRY, &metadata()).expect("a closed object");
    let read_only = Artifact::check(&file).expect("an intact artifact").read_only();
    assert!(read_only.windows(8).any(|bytes| bytes == 0x1234u64.to_le_bytes()));
}

#[test]
fn entry_must_exist_and_be_aligned() {
    let mut object = objects::empty();
    let section = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    object.append_section_data(section, &[0x90; 8], 1);
    assert_eq!(refused(&object), "entry function `evm_entry` is not defined");
    let entry = objects::add_function(&mut object, ENTRY, &[0xc3]);
    object.set_symbol_data(entry, section, 8, 1);
    assert_eq!(
        refused(&object),
        "entry function `evm_entry` is at offset 0x8 of the code, which is misaligned"
    );
}

#[test]
fn damaged_objects_are_errors() {
    let object = objects::bytes(&objects::two_functions(1));
    assert!(matches!(link(&[], ENTRY, &metadata()), Err(LinkError::Object(_))));
    assert_eq!(link(&artifact(), ENTRY, &metadata()), Err(LinkError::NotRelocatable));
    for len in 0..object.len() {
        assert!(link(&object[..len], ENTRY, &metadata()).is_err(), "cut to {len} bytes");
    }
}

/// An artifact of a module whose functions lie in `.text`, behind another section of code.
fn module(entries: &[(EntryId, String)], sites: &[TrapSite]) -> Result<Vec<u8>, LinkError> {
    let mut object = objects::two_functions(1);
    objects::add_text(&mut object, &["f", "enter.0", "host.0"]);
    link_instance(&objects::bytes(&object), entries, sites, &module_metadata(b"what is not code"))
}

/// Three entries in no order.
fn entries() -> Vec<(EntryId, String)> {
    let named = [(EntryKind::Function, "f"), (EntryKind::CallHost, "host.0"), (EntryKind::Enter, "enter.0")];
    named.map(|(kind, name)| (EntryId { kind, number: 0 }, name.to_owned())).into()
}

fn site(offset: u32, source: u32) -> TrapSite {
    TrapSite { offset, source }
}

#[test]
fn entries_of_a_module_are_found_by_number() {
    let file = module(&entries(), &[site(0, 70), site(17, 80)]).expect("a closed object");
    let checked = Artifact::check(&file).expect("an intact artifact");
    assert_eq!(checked.module(), b"what is not code");
    assert!(checked.descriptor().is_metered());
    let code = LoadedCode::load(&checked).expect("memory");
    let entry =
        |kind| code.entry_at(EntryId { kind, number: 0 }).map(|at| at.addr().get() - code.code().start);
    // Two functions of 14 and 7 bytes lie before them.
    assert_eq!(entry(EntryKind::Function), Some(32));
    assert_eq!(entry(EntryKind::Enter), Some(48));
    assert_eq!(entry(EntryKind::CallHost), Some(64));
    assert_eq!(code.entry_at(EntryId { kind: EntryKind::Enter, number: 1 }), None);
    assert!(code.entries().map(|(id, _)| id).is_sorted());
    assert_eq!(code.trap_sites(), [site(32, 70), site(49, 80)]);
    assert_eq!([32, 48, 49].map(|offset| code.source_at(offset)), [Some(70), Some(70), Some(80)]);
    assert_eq!(code.module(), b"what is not code");
}

#[test]
fn modules_and_contracts_are_told_apart() {
    let file = module(&entries(), &[]).expect("a closed object");
    let checked = Artifact::check(&file).expect("an intact artifact");
    let expect = |hash: [u8; 32], table: Option<[u8; 32]>| {
        checked.clone().expect_module(&hash, table.as_ref()).map(drop).err()
    };
    assert_eq!(expect([0x11; 32], Some([0x33; 32])), None);
    assert_eq!(expect([0x12; 32], Some([0x33; 32])), Some(CheckError::CodeHash));
    assert_eq!(expect([0x11; 32], Some([0x34; 32])), Some(CheckError::GasTable));
    assert_eq!(expect([0x11; 32], None), Some(CheckError::Metering { metered: true }));
    let refused = checked.clone().expect(&[0x11; 32], 0).map(drop).err();
    assert_eq!(refused, Some(CheckError::Language { expected: Language::Evm }));
    let contract = artifact();
    let contract = Artifact::check(&contract).expect("an intact artifact");
    let refused = contract.expect_module(&[0x11; 32], None).map(drop).err();
    assert_eq!(refused, Some(CheckError::Language { expected: Language::Wasm }));
}

#[test]
fn a_module_may_have_no_function() {
    let object = objects::bytes(&objects::empty());
    let file = link_instance(&object, &[], &[], &module_metadata(&[1])).expect("a closed object");
    let code = LoadedCode::load(&Artifact::check(&file).expect("an intact artifact")).expect("memory");
    assert_eq!(code.entries().len(), 0);
    assert_eq!(code.module(), [1]);
}

#[test]
fn entries_and_trap_sites_are_checked() {
    let twice = [entries(), entries()].concat();
    assert_eq!(module(&twice, &[]), Err(LinkError::EntryTwice { id: 0 }));
    let mut other = entries();
    other[1].1 = "missing".into();
    assert_eq!(module(&other, &[]), Err(LinkError::EntryMissing { name: "missing".into() }));
    for sites in [[site(3, 1), site(3, 1)], [site(4, 1), site(3, 1)], [site(4, 1), site(48, 1)]] {
        assert_eq!(module(&entries(), &sites), Err(LinkError::TrapSite { index: 1 }));
    }
    assert!(module(&entries(), &[site(47, 1)]).is_ok());
}

/// Output and error output of a tool on an artifact, or `None` where the tool is not installed.
fn tool(command: &str, arguments: &[&str]) -> Option<(String, String)> {
    let mut file = tempfile::Builder::new().suffix(".so").tempfile().expect("a temporary file");
    file.write_all(&artifact()).expect("a written file");
    let Ok(output) = Command::new(command).args(arguments).arg(file.path()).output() else {
        eprintln!("{command} is not installed: not tested");
        return None;
    };
    assert!(output.status.success(), "{command}: {output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Some((text(output.stdout), text(output.stderr)))
}

#[test]
fn readelf_has_no_complaint() {
    let Some((output, errors)) = tool("readelf", &["--wide", "--all", "--debug-dump=frames"]) else { return };
    assert!(!errors.contains("arning") && !errors.contains("rror"), "{errors}");
    assert!(output.contains("evmc_descriptor") && output.contains("helper"), "{output}");
    assert!(output.contains("There are no relocations in this file."), "{output}");
}

#[test]
fn nm_shows_one_exported_symbol() {
    let Some((output, _)) = tool("nm", &["-D"]) else { return };
    assert_eq!(output.lines().count(), 1, "{output}");
    assert!(output.contains("R evmc_descriptor"), "{output}");
}

#[test]
fn objdump_disassembles_by_function() {
    let Some((output, _)) = tool("objdump", &["-d"]) else { return };
    assert!(
        output.contains("<evm_entry>:") && output.contains("call") && output.contains("<helper>"),
        "{output}"
    );
}

#[test]
fn the_system_loader_accepts_it() {
    const PROGRAM: &str = "import ctypes, sys\n\
        library = ctypes.CDLL(sys.argv[1])\n\
        print((ctypes.c_char * 7).in_dll(library, 'evmc_descriptor').value.decode())";
    let Some((output, _)) = tool("python3", &["-c", PROGRAM]) else { return };
    assert_eq!(output.trim(), "EVMCART");
}
