//! Mapping verified artifacts into memory, and calling them.
//!
//! There is no `dlopen` here: an artifact that passed [`evmc_artifact::Artifact::check`] needs no
//! symbol looked up, nothing patched and nothing run, so loading it is one anonymous mapping, two
//! copies and two changes of protection, and neither the system loader's lock nor a file name is
//! involved. Memory is first writable, then either readable or executable, never both writable and
//! executable.
//!
//! A loaded artifact takes two entries of the kernel's table of mappings, which by default has room
//! for about 65,000 per process.
//!
//! Unwind tables are mapped but not registered with the unwinder of this process.
//!
//! A call comes back also where the code faults; see [`Fault`].

mod mapping;
pub mod native_stack;
mod recovery;

use std::ops::Range;
use std::ptr::NonNull;

use evmc_abi::descriptor::{Descriptor, Entry, Language, Span, Table, TrapSite};
use evmc_abi::wasm::EntryId;
use evmc_abi::{EntryPoint, ExitCode, Frame, OpRow, StretchRange};
use evmc_artifact::CheckedArtifact;
use thiserror::Error;

use mapping::Mapping;
pub use recovery::{End, Fault, FaultKind, leave};

/// Why a checked artifact could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The system gave no memory or refused to make it executable; also where pages of this system
    /// are larger than those that the artifact was laid out for.
    #[error("cannot map the artifact: {0}")]
    Map(#[from] rustix::io::Errno),
    /// WebAssembly needs more of the system than is made use of here.
    #[error("WebAssembly cannot be run on this system")]
    Unsupported,
}

/// Code in memory, ready to be called; unmapped when dropped.
#[derive(Debug)]
pub struct LoadedCode {
    mapping: Mapping,
    descriptor: Descriptor,
    /// Offset of the first entry point in the mapping, in bytes.
    entry: usize,
    /// Addresses of the code.
    code: Range<usize>,
}

impl LoadedCode {
    /// Maps an artifact.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(artifact: &CheckedArtifact<'_>) -> Result<Self, LoadError> {
        let Span { offset, .. } = artifact.code_span();
        if artifact.language() == Language::Wasm && !recovery::IS_SUPPORTED {
            return Err(LoadError::Unsupported);
        }
        let entry = artifact.entries().next().unwrap_or_default();
        let mapping = Mapping::new(artifact.read_only(), offset as usize, artifact.code())?;
        let descriptor = *artifact.descriptor();
        let start = mapping.at(offset as usize).addr().get();
        let code = start..start + artifact.code().len();
        recovery::install();
        Ok(Self { mapping, descriptor, entry: offset as usize + entry.offset as usize, code })
    }

    /// The entry point of EVM code. It may be called as long as `self` lives. Where the code is of a WebAssembly module, this
    /// is its first entry, which need not be of this type.
    pub fn entry(&self) -> EntryPoint {
        // SAFETY: the address lies in the executable part of the mapping. Whoever calls it vouches for its type: the
        // artifact names an entry of EVM code as a function of this type.
        unsafe { std::mem::transmute::<*mut u8, EntryPoint>(self.mapping.at(self.entry).as_ptr()) }
    }

    /// What the artifact says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The entry points by their numbers, ascending: 0 for the one of EVM code, else those of [`EntryId`]s. The addresses
    /// hold as long as `self` lives.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (u32, NonNull<u8>)> + '_ {
        self.rows::<Entry>(Table::Entries).iter().map(|entry| (entry.id, self.code_at(entry.offset)))
    }

    /// The entry point with this number.
    pub fn entry_at(&self, id: EntryId) -> Option<NonNull<u8>> {
        let rows = self.rows::<Entry>(Table::Entries);
        let at = rows.binary_search_by_key(&id.to_bits(), |entry| entry.id).ok()?;
        Some(self.code_at(rows[at].offset))
    }

    /// The instructions whose fault on a linear memory is a trap, ascending by their offset in the code.
    pub fn trap_sites(&self) -> &[TrapSite] {
        self.rows(Table::TrapSites)
    }

    /// What of a WebAssembly module is not code; nothing for the EVM.
    pub fn module(&self) -> &[u8] {
        let Span { offset, len } = self.descriptor.module;
        self.mapping.slice(offset as usize, len as usize)
    }

    /// The address at this offset in the code.
    fn code_at(&self, offset: u32) -> NonNull<u8> {
        self.mapping.at(self.descriptor.text.offset as usize + offset as usize)
    }

    /// One row for each opcode byte; `None` where there are no stretches that would ask for them.
    pub fn op_rows(&self) -> Option<&[OpRow; 256]> {
        self.rows(Table::OpRows).try_into().ok()
    }

    /// The stretches, by number.
    pub fn stretches(&self) -> &[StretchRange] {
        self.rows(Table::Stretches)
    }

    /// Upper bound of the native stack of one frame, host functions excluded, in bytes; of WebAssembly, of each unit of logical
    /// depth.
    pub fn native_stack_bytes(&self) -> u64 {
        self.descriptor.native_stack_bytes
    }

    /// Whether frames need the memory stack.
    pub fn uses_memory_stack(&self) -> bool {
        self.descriptor.uses_memory_stack()
    }

    /// Where in a module of WebAssembly an instruction comes from, in bytes: what the last site says that lies at
    /// `offset` in the code or before.
    pub fn source_at(&self, offset: usize) -> Option<u32> {
        let sites: &[TrapSite] = self.rows(Table::TrapSites);
        let behind = sites.partition_point(|site| site.offset as usize <= offset);
        Some(sites[behind.checked_sub(1)?].source)
    }

    /// The addresses of the code.
    pub fn code(&self) -> Range<usize> {
        self.code.clone()
    }

    /// Runs the code on a frame. Numbers that no exit has count as [`ExitCode::Unreachable`].
    ///
    /// # Errors
    /// When the code itself faults. What it did before is done, and the frame may hold anything.
    ///
    /// # Safety
    /// `frame` points to a frame whose pointers are what the compiled code needs: a complete host
    /// table, VM memory, memory stack, calldata and bytecode of the stated lengths, and a context
    /// that the host functions accept, all valid until the call returns and borrowed by nobody who
    /// does not go through `frame`. The code is of the EVM. The artifact came from a trusted compiler: machine code is not
    /// verified.
    #[inline]
    pub unsafe fn call(&self, frame: *mut Frame) -> Result<ExitCode, Fault> {
        // SAFETY: the mapping lives as long as `self`; the rest is the caller's promise.
        let end = unsafe { recovery::call(self.entry(), frame, std::slice::from_ref(&self.code)) }?;
        Ok(ExitCode::from_number(end.number).unwrap_or(ExitCode::Unreachable))
    }

    /// The rows of a table, whose place was checked with the artifact.
    fn rows<T: mapping::Plain>(&self, table: Table) -> &[T] {
        let span = table.span(&self.descriptor);
        self.mapping.slice(span.offset as usize, span.len as usize / size_of::<T>())
    }
}

/// Runs an entry point whose code may call that of other artifacts, at the addresses `code`.
///
/// # Errors
/// When any of that code faults.
///
/// # Safety
/// `entry` is an entry point of a loaded artifact whose addresses are in `code`, and so are those of every artifact that it
/// calls code of. They stay loaded until the call is over. For `frame`, and every frame that the code comes to,
/// holds what [`LoadedCode::call`] asks for.
#[inline(always)]
pub unsafe fn call_within(entry: EntryPoint, frame: *mut Frame, code: &[Range<usize>]) -> Result<End, Fault> {
    // SAFETY: the caller's promise.
    unsafe { recovery::call(entry, frame, code) }
}
