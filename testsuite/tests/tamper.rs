//! A tampered artifact never runs.
//!
//! Every row of [`CASES`] corrupts an intact artifact in one way and names the message with which it
//! must be refused. Where the row says so, the checksum is made right again afterwards, so that it
//! is the check of the thing itself that finds it.

#![forbid(unsafe_code)]

use std::collections::HashSet;

use evmc_abi::descriptor::{Descriptor, Layout, MAGIC, Span, TrapSite};
use evmc_abi::wasm::{EntryId, EntryKind};
use evmc_abi::{ABI_VERSION, CpuFeatures};
use evmc_artifact::{Artifact, CheckError};
use evmc_compiler::link::{link, link_instance, seal};
use evmc_loader::LoadedCode;
use evmc_testsuite::objects::{self, ENTRY, metadata};
use object::elf;

/// Length of a program header, in bytes.
const PROGRAM_HEADER: usize = 56;
/// Indices of the program headers that the linker writes.
const READ_ONLY: usize = 0;
const CODE: usize = 1;
const DYNAMIC: usize = 2;
const STACK: usize = 3;
const UNWIND: usize = 4;
/// Offsets in a program header, in bytes.
const KIND: usize = 0;
const FLAGS: usize = 4;
const OFFSET: usize = 8;
const ADDRESS: usize = 16;
const FILE_SIZE: usize = 32;
const MEMORY_SIZE: usize = 40;

/// An artifact and where things lie in it.
struct Victim {
    file: Vec<u8>,
    /// Offset of the descriptor, in bytes.
    descriptor: usize,
}

impl Victim {
    /// An intact artifact.
    fn intact() -> Self {
        let object = objects::bytes(&objects::two_functions(1));
        Self::of(link(&object, ENTRY, &metadata()).expect("a closed object"))
    }

    /// An intact artifact of a module.
    fn module() -> Self {
        let mut object = objects::empty();
        objects::add_text(&mut object, &["f", "enter.0"]);
        let entries = [(EntryKind::Enter, "enter.0"), (EntryKind::Function, "f")];
        let entries = entries.map(|(kind, name)| (EntryId { kind, number: 0 }, name.to_owned()));
        let sites = [3, 20].map(|offset| TrapSite { offset, source: 7 });
        let metadata = objects::module_metadata(b"what is not code");
        Self::of(
            link_instance(&objects::bytes(&object), &entries, &sites, &metadata).expect("a closed object"),
        )
    }

    fn of(file: Vec<u8>) -> Self {
        let descriptor = file.windows(8).position(|bytes| *bytes == MAGIC).expect("a descriptor");
        Self { file, descriptor }
    }

    /// Overwrites the value at `offset`.
    fn put<T: Layout>(&mut self, offset: usize, value: T) {
        value.write(&mut self.file[offset..]);
    }

    /// The value at `offset`.
    fn get<T: Layout>(&self, offset: usize) -> T {
        T::read(&self.file[offset..])
    }

    /// Offset of a field of a program header.
    fn header(&self, index: usize, field: usize) -> usize {
        64 + index * PROGRAM_HEADER + field
    }

    /// Changes the descriptor.
    fn edit(&mut self, change: impl FnOnce(&mut Descriptor)) {
        let mut descriptor = self.get(self.descriptor);
        change(&mut descriptor);
        self.put(self.descriptor, descriptor);
    }

    /// Replaces a tag of the dynamic section by another.
    fn retag(&mut self, from: i64, to: i64) {
        let start = self.get::<u64>(self.header(DYNAMIC, OFFSET)) as usize;
        let row = (start..).step_by(16).find(|&row| self.get::<u64>(row) == from as u64).expect("the tag");
        self.put(row, to as u64);
    }

    /// Offset of the dynamic symbol of the descriptor.
    fn symbol(&self) -> usize {
        let start = self.get::<u64>(self.header(DYNAMIC, OFFSET)) as usize;
        let row = (start..)
            .step_by(16)
            .find(|&row| self.get::<u64>(row) == elf::DT_SYMTAB as u64)
            .expect("the tag");
        self.get::<u64>(row + 8) as usize + 24
    }

    /// Offset of the name of that symbol.
    fn symbol_name(&self) -> usize {
        let name = b"evmc_descriptor\0";
        self.file.windows(name.len()).position(|bytes| bytes == name).expect("the name")
    }

    /// Makes the checksum right.
    fn seal(&mut self) {
        seal(&mut self.file, self.descriptor);
    }
}

/// Whether the checksum is made right after the corruption.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Seal,
    Leave,
}
use Then::{Leave, Seal};

/// Name, corruption, whether it is sealed, message.
type Case = (&'static str, fn(&mut Victim), Then, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("empty file", |v| v.file.clear(), Leave, "not an ELF file"),
    ("not ELF", |v| v.file[0] = b'M', Seal, "not an ELF file"),
    ("header cut", |v| v.file.truncate(63), Leave, "the file is truncated: 64 bytes expected, 63 found"),
    ("32-bit class", |v| v.file[4] = 1, Seal, "wrong ELF class 1: artifacts are 64-bit"),
    ("big-endian", |v| v.file[5] = 2, Seal, "wrong byte order 2: artifacts are little-endian"),
    ("ELF version", |v| v.file[6] = 9, Seal, "unknown ELF version 9"),
    ("executable instead of shared object", |v| v.put(16, elf::ET_EXEC), Seal, "wrong ELF type 2: artifacts are shared objects"),
    ("other machine", |v| v.put(18, elf::EM_RISCV), Seal, "wrong machine 243: this machine is 62 (ELF numbers)"),
    ("size of program headers", |v| v.put(54, 32u16), Seal, "malformed ELF header: size of a program header"),
    ("number of program headers", |v| v.put(56, u16::MAX), Seal, "malformed ELF header: too many program headers"),
    ("program headers outside", |v| v.put(32, u64::MAX - 8), Seal, "malformed ELF header: offset of the program headers"),
    ("size of section headers", |v| v.put(58, 40u16), Seal, "malformed ELF header: size of a section header"),
    ("interpreter", |v| v.put(v.header(UNWIND, KIND), elf::PT_INTERP), Seal, "segment 4 has the forbidden type 0x3"),
    ("thread-local data", |v| v.put(v.header(UNWIND, KIND), elf::PT_TLS), Seal, "segment 4 has the forbidden type 0x7"),
    ("code segment outside", |v| v.put(v.header(CODE, FILE_SIZE), u64::MAX), Seal, "segment 1 is out of range of the file"),
    ("zero-filled data", |v| v.put(v.header(READ_ONLY, MEMORY_SIZE), 1u64 << 40), Seal, "segment 0 is out of range of the file"),
    ("code at another address", |v| v.put(v.header(CODE, ADDRESS), 0x40_0000u64), Seal, "segment 1 is misplaced: address, file offset and page do not agree"),
    ("writable code", |v| v.put(v.header(CODE, FLAGS), 7u32), Seal, "segment 1 is writable and executable"),
    ("writable data", |v| v.put(v.header(READ_ONLY, FLAGS), 6u32), Seal, "segment 0 is writable: artifacts hold no writable data"),
    ("executable stack", |v| v.put(v.header(STACK, FLAGS), 7u32), Seal, "the artifact asks for an executable stack"),
    ("no code segment", |v| v.put(v.header(CODE, FLAGS), elf::PF_R), Seal, "2 read-only and 0 executable segments: artifacts have one of each"),
    ("overlapping segments", overlap_segments, Seal, "loaded segments overlap or are out of order"),
    ("unwind index outside", |v| move_segment(v, UNWIND, 0x1000), Seal, "segment 4 is out of range of the file"),
    ("no dynamic section", |v| v.put(v.header(DYNAMIC, KIND), elf::PT_GNU_EH_FRAME), Seal, "malformed dynamic section: there is none"),
    ("dynamic section outside", |v| move_segment(v, DYNAMIC, 0x1000), Seal, "malformed dynamic section: outside the read-only segment"),
    ("dynamic section without end", |v| v.retag(elf::DT_NULL, elf::DT_HASH), Seal, "malformed dynamic section: it has no end"),
    ("no symbol table", |v| v.retag(elf::DT_SYMTAB, elf::DT_HASH), Seal, "malformed dynamic section: no symbol table"),
    ("needed library", |v| v.retag(elf::DT_STRSZ, elf::DT_NEEDED), Seal, "the artifact needs another library (DT_NEEDED)"),
    ("initialiser", |v| v.retag(elf::DT_SYMENT, elf::DT_INIT), Seal, "the artifact has an initialiser or finaliser (dynamic tag 0xc)"),
    ("initialiser array", |v| v.retag(elf::DT_SYMENT, elf::DT_INIT_ARRAY), Seal, "the artifact has an initialiser or finaliser (dynamic tag 0x19)"),
    ("finaliser", |v| v.retag(elf::DT_SYMENT, elf::DT_FINI), Seal, "the artifact has an initialiser or finaliser (dynamic tag 0xd)"),
    ("relocations", |v| v.retag(elf::DT_SYMENT, elf::DT_RELA), Seal, "the artifact has dynamic relocations (dynamic tag 0x7)"),
    ("relocated code", |v| v.retag(elf::DT_SYMENT, elf::DT_TEXTREL), Seal, "the artifact relocates its code (DT_TEXTREL)"),
    ("unknown dynamic tag", |v| v.retag(elf::DT_SYMENT, 0x6fff_1234), Seal, "unexpected dynamic tag 0x6fff1234"),
    ("undefined symbol", |v| v.put(v.symbol() + 6, elf::SHN_UNDEF), Seal, "undefined symbol `evmc_descriptor`"),
    ("indirect function", |v| v.put(v.symbol() + 4, 0x1au8), Seal, "unexpected exported symbol `evmc_descriptor`"),
    ("other symbol", |v| v.put(v.symbol_name(), b'x'), Seal, "unexpected exported symbol `xvmc_descriptor`"),
    ("symbol name outside", |v| v.put(v.symbol(), u32::MAX), Seal, "malformed dynamic symbol table: name of a symbol"),
    ("no descriptor", hide_descriptor, Seal, "no descriptor: the file is not an evmc artifact"),
    ("descriptor misaligned", |v| v.put(v.symbol() + 8, 0x161u64), Seal, "the descriptor at 0x161 is out of range or misaligned"),
    ("descriptor in the code", |v| v.put(v.symbol() + 8, 0x1000u64), Seal, "the descriptor at 0x1000 is out of range or misaligned"),
    ("magic", |v| v.edit(|d| d.magic[0] ^= 1), Seal, "wrong magic bytes in the descriptor"),
    ("descriptor size", |v| v.edit(|d| d.size = 8), Seal, "descriptor of 8 bytes, 264 expected"),
    ("trailing data", |v| v.file.push(0), Seal, "1 bytes of trailing data behind the artifact"),
    ("checksum", |v| v.edit(|d| d.checksum[5] ^= 1), Leave, "checksum mismatch: the file is damaged"),
    ("code byte", |v| v.file[0x1000] ^= 1, Leave, "checksum mismatch: the file is damaged"),
    ("language", |v| v.edit(|d| d.language = 9), Seal, "unknown language 9"),
    ("backend", |v| v.edit(|d| d.backend = 0), Seal, "unknown backend 0"),
    ("fork", |v| v.edit(|d| d.fork = 999), Seal, "unknown fork 999"),
    ("optimisation level", |v| v.edit(|d| d.opt_level = 4), Seal, "unknown optimisation level 4"),
    ("flags", |v| v.edit(|d| d.flags |= 1 << 31), Seal, "unknown flags 0x80000003 in the descriptor"),
    ("CPU feature of the future", |v| v.edit(|d| d.cpu_features = 1 << 63), Seal, "this machine lacks CPU features that the code needs: bits 0x8000000000000000"),
    ("code range", |v| v.edit(|d| d.text.len -= 1), Seal, "the code range of the descriptor is not the executable segment"),
    ("entry table outside", |v| v.edit(|d| d.entries.offset = u32::MAX), Seal, "the entry table is out of range or misaligned"),
    ("entry table misaligned", |v| v.edit(|d| d.entries.offset += 4), Seal, "the entry table is out of range or misaligned"),
    ("two entries", |v| v.edit(|d| d.entries.len = 16), Seal, "the entry table has a wrong length of 16 bytes"),
    ("no entry", |v| v.edit(|d| d.entries.len = 0), Seal, "the entry table has a wrong length of 0 bytes"),
    ("opcode table cut", |v| v.edit(|d| d.op_rows.len -= 8), Seal, "the opcode table has a wrong length of 2040 bytes"),
    ("stretch table outside", |v| v.edit(|d| d.stretches.len = u32::MAX), Seal, "the stretch table is out of range or misaligned"),
    ("half a stretch", |v| v.edit(|d| d.stretches.len -= 4), Seal, "the stretch table has a wrong length of 12 bytes"),
    ("trap sites", |v| v.edit(|d| d.trap_sites = d.entries), Seal, "the trap-site table has a wrong length of 8 bytes"),
    ("access hints", |v| v.edit(|d| d.access_hints = d.entries), Seal, "the access-hint table has a wrong length of 8 bytes"),
    ("entry outside the code", |v| v.put(tables(v).0, 0x100u32), Seal, "entry point 0 at 0x100 is outside the code"),
    ("entry with a number", |v| v.put(tables(v).0 + 4, 1u32), Seal, "entry point 0 has the number 0x1, which is unknown or out of order"),
    ("contract with a module", |v| v.edit(|d| d.module = d.entries), Seal, "the description of the module is out of range or does not belong to the language"),
    ("entry misaligned", |v| v.put(tables(v).0, 4u32), Seal, "entry point 0 at 0x4 is misaligned"),
    ("reserved bytes of an opcode", |v| v.put(tables(v).1 + 0x60 * 8 + 7, 1u8), Seal, "row 0x60 of the opcode table has unknown flags or reserved bytes set"),
    ("stretch behind the bytecode", |v| v.put(tables(v).2 + 12, 11u32), Seal, "stretch 1 leaves the bytecode"),
    ("stretch backwards", |v| v.put(tables(v).2, 5u32), Seal, "stretch 0 leaves the bytecode"),
];

/// Lets the read-only segment reach into the code.
fn overlap_segments(victim: &mut Victim) {
    for field in [FILE_SIZE, MEMORY_SIZE] {
        victim.put(victim.header(READ_ONLY, field), 0x1001u64);
    }
}

/// Moves a segment that is not loaded.
fn move_segment(victim: &mut Victim, index: usize, to: u64) {
    for field in [OFFSET, ADDRESS] {
        victim.put(victim.header(index, field), to);
    }
    for field in [FILE_SIZE, MEMORY_SIZE] {
        victim.put(victim.header(index, field), 16u64);
    }
}

/// Lets the hash table state that there is only the empty symbol.
fn hide_descriptor(victim: &mut Victim) {
    let hash: Vec<u8> = [1u32, 2, 1, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    let at = victim.file.windows(hash.len()).position(|bytes| bytes == hash).expect("the hash table");
    victim.put(at + 4, 1u32);
}

/// Offsets of the tables of entries, opcodes and stretches.
fn tables(victim: &Victim) -> (usize, usize, usize) {
    let Descriptor { entries, op_rows, stretches, .. } = victim.get(victim.descriptor);
    let offset = |span: Span| span.offset as usize;
    (offset(entries), offset(op_rows), offset(stretches))
}

/// The same for the artifact of a module of two entries and two trap sites.
#[rustfmt::skip]
const MODULE_CASES: &[Case] = &[
    ("module outside", |v| v.edit(|d| d.module.len = 1 << 20), Seal, "the description of the module is out of range or does not belong to the language"),
    ("module in the code", |v| v.edit(|d| d.module = d.text), Seal, "the description of the module is out of range or does not belong to the language"),
    ("no module", |v| v.edit(|d| d.module.len = 0), Seal, "the description of the module is out of range or does not belong to the language"),
    ("language", |v| v.edit(|d| d.language = 1), Seal, "the entry table has a wrong length of 16 bytes"),
    ("fork", |v| v.edit(|d| d.fork = 1), Seal, "unknown fork 1"),
    ("opcode table", |v| v.edit(|d| d.op_rows = d.entries), Seal, "the opcode table has a wrong length of 16 bytes"),
    ("kind of entry", |v| v.put(tables(v).0 + 12, 0xc000_0000u32), Seal, "entry point 1 has the number 0xc0000000, which is unknown or out of order"),
    ("entries not in order", |v| v.put(tables(v).0 + 4, 0x8000_0000u32), Seal, "entry point 1 has the number 0x80000000, which is unknown or out of order"),
    ("entry outside the code", |v| v.put(tables(v).0 + 8, 1u32 << 20), Seal, "entry point 1 at 0x100000 is outside the code"),
    ("trap sites not in order", |v| v.put(trap_sites(v), 40u32), Seal, "trap site 0 is outside the code or out of order"),
    ("trap site outside the code", |v| v.put(trap_sites(v) + 8, 1u32 << 20), Seal, "trap site 1 is outside the code or out of order"),
    ("half a trap site", |v| v.edit(|d| d.trap_sites.len -= 4), Seal, "the trap-site table has a wrong length of 12 bytes"),
];

/// Offset of the table of trap sites.
fn trap_sites(victim: &Victim) -> usize {
    victim.get::<Descriptor>(victim.descriptor).trap_sites.offset as usize
}

/// Why the corrupted artifact is refused.
fn refused(corrupt: fn(&mut Victim), then: Then) -> Option<CheckError> {
    refused_of(Victim::intact(), corrupt, then)
}

fn refused_of(mut victim: Victim, corrupt: fn(&mut Victim), then: Then) -> Option<CheckError> {
    corrupt(&mut victim);
    if then == Seal {
        victim.seal();
    }
    Artifact::check(&victim.file).err()
}

#[test]
fn every_corruption_has_its_own_message() {
    for &(name, corrupt, then, message) in CASES {
        let found = refused(corrupt, then).map(|error| error.to_string());
        assert_eq!(found.as_deref(), Some(message), "{name}");
    }
}

#[test]
fn every_corruption_of_a_module_has_its_message() {
    assert!(Artifact::check(&Victim::module().file).is_ok());
    for &(name, corrupt, then, message) in MODULE_CASES {
        let found = refused_of(Victim::module(), corrupt, then).map(|error| error.to_string());
        assert_eq!(found.as_deref(), Some(message), "{name}");
    }
}

#[test]
fn the_corruptions_are_of_many_kinds() {
    let kind =
        |error: CheckError| format!("{error:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
    let refusals = CASES.iter().filter_map(|&(_, corrupt, then, _)| refused(corrupt, then));
    let kinds: HashSet<String> = refusals.map(kind).collect();
    assert!(kinds.len() >= 40, "{} kinds of refusal are tested", kinds.len());
}

#[test]
fn other_abi_versions_are_refused() {
    let error = refused(|victim| victim.edit(|descriptor| descriptor.abi_version += 1), Seal);
    let expected = ABI_VERSION;
    assert_eq!(error, Some(CheckError::AbiVersion { found: expected + 1, expected }));
}

#[test]
fn truncation_anywhere_is_refused() {
    let intact = Victim::intact().file;
    for len in 0..intact.len() {
        let error = Artifact::check(&intact[..len]).expect_err("a cut file");
        let expected =
            matches!(error, CheckError::Truncated { .. }) || len < 4 && error == CheckError::NotElf;
        assert!(expected, "cut to {len} bytes: {error}");
    }
}

#[test]
fn every_byte_is_covered_by_the_checksum() {
    let mut victim = Victim::intact();
    for at in 0..victim.file.len() {
        victim.file[at] ^= 0x10;
        assert!(Artifact::check(&victim.file).is_err(), "byte {at:#x}");
        victim.file[at] ^= 0x10;
    }
}

#[test]
fn other_bytecode_and_other_fork_are_refused() {
    let file = Victim::intact().file;
    let checked = Artifact::check(&file).expect("an intact artifact");
    let code_hash = checked.descriptor().code_hash;
    assert_eq!(checked.clone().expect(&[0; 32], 13).err(), Some(CheckError::CodeHash));
    assert_eq!(
        checked.clone().expect(&code_hash, 12).err(),
        Some(CheckError::Fork { found: 13, expected: 12 })
    );
    assert!(checked.expect(&code_hash, 13).is_ok());
}

#[test]
fn missing_cpu_features_are_named() {
    let mut victim = Victim::intact();
    victim.edit(|descriptor| descriptor.cpu_features = CpuFeatures::X86_64_V3.bits());
    victim.seal();
    let without = CpuFeatures::X86_64_V3.without(CpuFeatures::AVX2 | CpuFeatures::BMI2);
    let error = Artifact::check_for(&victim.file, without).expect_err("features are missing");
    assert_eq!(error.to_string(), "this machine lacks CPU features that the code needs: avx2, bmi2");
    assert!(Artifact::check_for(&victim.file, CpuFeatures::X86_64_V4).is_ok());
}

/// Changes some bytes, with a liking for values at the edges and for the headers.
fn mutate(random: &mut fastrand::Rng, file: &mut Vec<u8>) {
    const EDGES: [u8; 6] = [0, 1, 7, 0x7f, 0x80, 0xff];
    for _ in 0..random.usize(1..5) {
        let end = if random.bool() { 0x400 } else { file.len() };
        let at = random.usize(0..end);
        let len = 1 << random.usize(0..4);
        for byte in file.iter_mut().skip(at).take(len) {
            *byte = if random.bool() { EDGES[random.usize(0..EDGES.len())] } else { random.u8(..) };
        }
    }
    if random.u8(..) < 8 {
        file.truncate(random.usize(0x400..file.len()));
    }
}

#[test]
fn random_damage_is_refused_or_harmless() {
    let intact = Victim::intact();
    let mut random = fastrand::Rng::with_seed(7);
    let mut accepted = 0u32;
    for round in 0..300_000 {
        let mut victim = Victim { file: intact.file.clone(), ..intact };
        mutate(&mut random, &mut victim.file);
        let sealed = round % 2 == 0;
        if sealed {
            victim.seal();
        }
        let Ok(checked) = Artifact::check(&victim.file) else { continue };
        assert!(sealed || victim.file == intact.file, "unsealed damage was accepted");
        // What was accepted must map and show its tables; it is not called.
        accepted += 1;
        if accepted.is_multiple_of(16) {
            let code = LoadedCode::load(&checked).expect("memory");
            assert!(code.op_rows().is_some());
            assert!(code.stretches().iter().all(|stretch| stretch.end <= code.descriptor().code_len));
        }
    }
    assert!(accepted > 1000, "sealed damage in unchecked places (gas, code, names) is accepted: {accepted}");
}

#[test]
fn random_damage_of_a_module_is_refused_or_harmless() {
    let intact = Victim::module();
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..100_000 {
        let mut victim = Victim { file: intact.file.clone(), ..intact };
        mutate(&mut random, &mut victim.file);
        victim.seal();
        let Ok(checked) = Artifact::check(&victim.file) else { continue };
        if random.u8(..) < 16 {
            let code = LoadedCode::load(&checked).expect("memory");
            let range = code.code();
            assert!(code.entries().all(|(_, at)| range.contains(&at.addr().get())));
            assert!(code.trap_sites().iter().all(|site| (site.offset as usize) < range.len()));
            assert!(!code.module().is_empty());
        }
    }
}
