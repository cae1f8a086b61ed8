//! Reading and checking compiled artifacts.
//!
//! An artifact comes from a disk or a network and is about to be run inside a node, so nothing of
//! it runs before everything about it was checked: that it is whole, that it is for this machine and
//! this ABI, that a loader would neither patch it nor run anything of it nor look for another
//! library, that memory is never writable and executable, and that every table and entry point lies
//! where it must. [`Artifact::check`] does that and gives a [`CheckedArtifact`], the only thing that
//! the loader accepts; the type is the proof.
//!
//! Any bytes may be given: a check never panics and allocates nothing but error messages. It takes
//! one pass of BLAKE3 over the file and one over the tables.
//!
//! The machine code itself is not verified. Whoever can write a well-formed artifact can write code
//! that does anything, so a store has to be as trustworthy as the program that reads it.

#![forbid(unsafe_code)]

mod bytes;
pub mod cpu;
mod dynamic;
mod elf;
mod error;
mod tables;

use evmc_abi::descriptor::{Backend, Descriptor, Entry, Language, Span, Table};
use evmc_abi::{CpuFeatures, fork};

pub use error::CheckError;

/// The bytes of a file that claims to be an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Artifact;

impl Artifact {
    /// Checks `file` for this machine.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(file: &[u8]) -> Result<CheckedArtifact<'_>, CheckError> {
        Self::check_for(file, cpu::detect())
    }

    /// Checks `file` for a machine like this one that has `features`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check_for(file: &[u8], features: CpuFeatures) -> Result<CheckedArtifact<'_>, CheckError> {
        if u32::try_from(file.len()).is_err() {
            return Err(CheckError::TooLong { len: file.len() as u64 });
        }
        let segments = elf::check(file)?;
        let address = dynamic::descriptor_address(file, &segments)?;
        let descriptor = tables::read_descriptor(file, &segments, address)?;
        tables::check_content(file, &descriptor, address)?;
        let (language, backend) = tables::check_fields(&descriptor, features)?;
        tables::check_tables(file, &segments, &descriptor, language)?;
        Ok(CheckedArtifact { file, descriptor, language, backend, read_only: segments.read_only })
    }
}

/// An artifact that passed every check.
#[derive(Clone, Debug)]
pub struct CheckedArtifact<'a> {
    file: &'a [u8],
    descriptor: Descriptor,
    language: Language,
    backend: Backend,
    read_only: Span,
}

impl<'a> CheckedArtifact<'a> {
    /// Checks that the artifact is of the EVM bytecode with this Keccak-256 hash, and can run under this fork:
    /// that it was compiled for it or one that shares its code, from the gas table that is known here.
    ///
    /// # Errors
    /// [`CheckError::Language`], [`CheckError::CodeHash`], [`CheckError::Fork`], [`CheckError::GasTable`].
    pub fn expect(self, code_hash: &[u8; 32], fork: u16) -> Result<Self, CheckError> {
        let found = self.descriptor.fork;
        self.expect_code(Language::Evm, code_hash)?;
        if !fork::share_code(found, fork) {
            return Err(CheckError::Fork { found, expected: fork });
        }
        if fork::rules(fork).is_none_or(|rules| rules.gas_table_hash != self.descriptor.gas_table_hash) {
            return Err(CheckError::GasTable);
        }
        Ok(self)
    }

    /// Checks that the artifact is of the WebAssembly module with this Keccak-256 hash, and that it counts gas by the table
    /// with this hash, or does not where there is none.
    ///
    /// # Errors
    /// [`CheckError::Language`], [`CheckError::CodeHash`], [`CheckError::Metering`], [`CheckError::GasTable`].
    pub fn expect_module(
        self,
        code_hash: &[u8; 32],
        gas_table_hash: Option<&[u8; 32]>,
    ) -> Result<Self, CheckError> {
        self.expect_code(Language::Wasm, code_hash)?;
        let metered = self.descriptor.is_metered();
        match gas_table_hash {
            _ if metered != gas_table_hash.is_some() => Err(CheckError::Metering { metered }),
            Some(hash) if *hash != self.descriptor.gas_table_hash => Err(CheckError::GasTable),
            _ => Ok(self),
        }
    }

    fn expect_code(&self, expected: Language, code_hash: &[u8; 32]) -> Result<(), CheckError> {
        if self.language != expected {
            return Err(CheckError::Language { expected });
        }
        if self.descriptor.code_hash != *code_hash { Err(CheckError::CodeHash) } else { Ok(()) }
    }

    /// What the artifact says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What it was compiled from.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Which code generator made it.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The whole file.
    pub fn file(&self) -> &'a [u8] {
        self.file
    }

    /// Bytes to map read-only, from offset 0.
    pub fn read_only(&self) -> &'a [u8] {
        self.read_only.of(self.file).unwrap_or_default()
    }

    /// Where the code lies: a page-aligned offset behind the read-only bytes.
    pub fn code_span(&self) -> Span {
        self.descriptor.text
    }

    /// The machine code.
    pub fn code(&self) -> &'a [u8] {
        self.descriptor.text.of(self.file).unwrap_or_default()
    }

    /// The bytes of a table.
    pub fn table(&self, table: Table) -> &'a [u8] {
        table.span(&self.descriptor).of(self.file).unwrap_or_default()
    }

    /// What of a WebAssembly module is not code, as its reader understands it; nothing for the EVM.
    pub fn module(&self) -> &'a [u8] {
        self.descriptor.module.of(self.file).unwrap_or_default()
    }

    /// The entry points, ascending by number.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + 'a {
        bytes::rows(self.table(Table::Entries))
    }
}
