//! What an artifact says about itself.

use std::{fs::File, io::Read, path::Path};

use evmc_abi::descriptor::{Descriptor, Language};
use evmc_artifact::{Artifact, CheckedArtifact};
use serde::Serialize;

use crate::{error::CliError, fork::Fork, input};

/// First bytes of every ELF file.
const ELF_MAGIC: &[u8; 4] = b"\x7fELF";

/// An artifact's descriptor as it is told.
#[derive(Clone, Debug, Serialize)]
pub struct ArtifactReport {
    /// The file.
    pub path: String,
    /// Size of the file, in bytes.
    pub file_bytes: usize,
    /// Version of the contract between code and runtime.
    pub abi_version: u32,
    /// Name, version and sources of the compiler.
    pub compiler: String,
    /// What it was compiled from.
    pub language: &'static str,
    /// Fork whose rules the code runs under.
    pub fork: &'static str,
    /// Keccak-256 of the bytecode.
    pub code_hash: String,
    /// Size of the bytecode, in bytes.
    pub code_bytes: u32,
    /// Code generator.
    pub backend: &'static str,
    /// Optimisation level.
    pub opt_level: u8,
    /// Processor features that the code needs.
    pub cpu_features: String,
    /// BLAKE3 of the file, the checksum left out.
    pub checksum: String,
    /// Hash of the gas table.
    pub gas_table_hash: String,
    /// Size of the machine code, in bytes.
    pub machine_code_bytes: u32,
    /// Entry points.
    pub entries: usize,
    /// Stretches.
    pub stretches: usize,
    /// Native stack of a frame, in bytes.
    pub native_stack_bytes: u64,
    /// Whether it uses the memory stack.
    pub uses_memory_stack: bool,
    /// Functions whose stack slots are values.
    pub specialised_functions: u32,
    /// Functions with the stack in memory.
    pub generic_functions: u32,
    /// Reachable jumps.
    pub jumps: u32,
    /// Reachable jumps whose destinations are found at run time.
    pub open_jumps: u32,
    /// Functions that the code generator was given.
    pub native_functions: u32,
    /// Those that it compiled with less effort than the level asks, for their size or shape.
    pub quick_functions: u32,
}

/// The bytes of a file that means to be an artifact; `None` for every other kind of input.
///
/// # Errors
/// When there is such a file but it cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, CliError> {
    let mut start = [0; ELF_MAGIC.len()];
    let is_elf =
        File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *ELF_MAGIC;
    if !is_elf {
        return Ok(None);
    }
    Ok(Some(input::read_file(path)?))
}

/// Checks an artifact for this machine.
///
/// # Errors
/// [`CliError::BadArtifact`] with the first thing that is wrong with it.
pub fn check<'a>(path: &Path, bytes: &'a [u8]) -> Result<CheckedArtifact<'a>, CliError> {
    Artifact::check(bytes)
        .map_err(|error| CliError::BadArtifact { path: path.to_owned(), reason: error.to_string() })
}

/// Whether an artifact was made from WebAssembly. One that is damaged was not.
pub fn is_wasm(bytes: &[u8]) -> bool {
    Artifact::check(bytes).is_ok_and(|artifact| artifact.language() == Language::Wasm)
}

/// The fork that an artifact is for.
pub fn fork_of(artifact: &CheckedArtifact<'_>) -> Option<Fork> {
    Fork::from_number(u8::try_from(artifact.descriptor().fork).ok()?)
}

impl ArtifactReport {
    /// The report on a checked artifact.
    pub fn new(path: &Path, artifact: &CheckedArtifact<'_>) -> Self {
        let found: &Descriptor = artifact.descriptor();
        let counters = found.counters;
        Self {
            path: path.display().to_string(),
            file_bytes: artifact.file().len(),
            abi_version: found.abi_version,
            compiler: found.compiler().to_owned(),
            language: artifact.language().name(),
            fork: fork_of(artifact).map_or("none", Fork::name),
            code_hash: format!("0x{}", hex::encode(found.code_hash)),
            code_bytes: found.code_len,
            backend: artifact.backend().name(),
            opt_level: found.opt_level,
            cpu_features: found.required_features().to_string(),
            checksum: hex::encode(found.checksum),
            gas_table_hash: hex::encode(found.gas_table_hash),
            machine_code_bytes: found.text.len,
            entries: artifact.entries().count(),
            stretches: found.stretches.len as usize / size_of::<evmc_abi::StretchRange>(),
            native_stack_bytes: found.native_stack_bytes,
            uses_memory_stack: found.uses_memory_stack(),
            specialised_functions: counters.specialised_functions,
            generic_functions: counters.generic_functions,
            jumps: counters.jumps,
            open_jumps: counters.open_jumps,
            native_functions: counters.native_functions,
            quick_functions: counters.quick_functions,
        }
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let stack = if self.uses_memory_stack { "native and in memory" } else { "native" };
        [
            ("artifact", format!("{} ({} bytes)", self.path, self.file_bytes)),
            ("compiled by", format!("{}, ABI {}", self.compiler, self.abi_version)),
            ("for", format!("{} {}", self.language, self.fork)),
            ("code hash", self.code_hash.clone()),
            ("code", format!("{} bytes", self.code_bytes)),
            ("backend", format!("{} -O{}", self.backend, self.opt_level)),
            ("processor", self.cpu_features.clone()),
            ("machine code", format!("{} bytes, {} entry", self.machine_code_bytes, self.entries)),
            (
                "functions",
                format!("{} specialised, {} generic", self.specialised_functions, self.generic_functions),
            ),
            (
                "effort",
                format!(
                    "{} functions to the code generator, {} in a hurry for their size",
                    self.native_functions, self.quick_functions
                ),
            ),
            ("jumps", format!("{} reachable, {} open", self.jumps, self.open_jumps)),
            ("stretches", self.stretches.to_string()),
            ("EVM stack", stack.to_owned()),
            ("native stack", format!("{} bytes a frame", self.native_stack_bytes)),
            ("gas table", self.gas_table_hash.clone()),
            ("checksum", self.checksum.clone()),
        ]
        .map(|(name, value)| format!("{name:<13} {value}\n"))
        .concat()
    }
}
