//! From a relocatable object file to an artifact, without a system linker.
//!
//! Objects of our backends are closed: code, constants and unwind tables that refer only to each
//! other, position-independently. So linking is placing the sections, resolving pc-relative
//! references, and writing an ELF shared object around them, with the descriptor of `evmc-abi` as
//! its one exported symbol. The result has nothing writable, nothing to patch and nothing to run at
//! load time; `dlopen` accepts it as well as our own loader, and the usual tools read it.
//!
//! A contract of the EVM has one entry; of a WebAssembly module, many functions are found by number, instructions that may
//! trap by their place, and what is not code lies beside it.
//!
//! The output is a pure function of the arguments; the cost is n log n in their length.
//!
//! Not done here: more than one object, dynamic relocations, writable data, debug information.

mod error;
mod image;
mod input;
mod layout;
mod machine;
mod relocate;
mod unwind;

use evmc_abi::descriptor::{
    Backend, Counters, Descriptor, FLAG_MEMORY_STACK, FLAG_METERED, Language, Layout, TrapSite,
};
use evmc_abi::wasm::EntryId;
use evmc_abi::{CpuFeatures, OpRow, StretchRange};

pub use error::LinkError;

/// What the artifact says about itself, apart from what the linker knows.
#[derive(Clone, Debug)]
pub struct Metadata<'a> {
    /// What was compiled.
    pub language: Language,
    /// Number of the fork, as `Fork as u16`; 0 for WebAssembly.
    pub fork: u16,
    /// Keccak-256 of the bytecode.
    pub code_hash: [u8; 32],
    /// Length of the bytecode, in bytes.
    pub code_len: u32,
    /// Hash of the gas table that the charges come from.
    pub gas_table_hash: [u8; 32],
    /// Which code generator made the object.
    pub backend: Backend,
    /// Optimisation level, 0 to 3.
    pub opt_level: u8,
    /// Processor features that the code needs.
    pub cpu_features: CpuFeatures,
    /// Name, version and sources of the compiler, see [`evmc_abi::descriptor::compiler_build`].
    pub compiler_build: [u8; 32],
    /// Whether the code keeps EVM stack items in the frame's memory stack.
    pub uses_memory_stack: bool,
    /// Whether the code counts gas.
    pub metered: bool,
    /// Upper bound of the native stack of one frame, host functions excluded, in bytes.
    pub native_stack_bytes: u64,
    /// How the input was compiled.
    pub counters: Counters,
    /// One row per opcode byte for the EVM, none for WebAssembly.
    pub op_rows: &'a [OpRow],
    /// Stretches by number.
    pub stretches: &'a [StretchRange],
    /// What of a WebAssembly module is not code; nothing for the EVM.
    pub module: &'a [u8],
}

impl Metadata<'_> {
    /// The flags of the descriptor.
    fn flags(&self) -> u32 {
        let flag = |holds, flag| if holds { flag } else { 0 };
        flag(self.uses_memory_stack, FLAG_MEMORY_STACK) | flag(self.metered, FLAG_METERED)
    }

    /// The descriptor with everything that does not depend on where things lie.
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            code_hash: self.code_hash,
            gas_table_hash: self.gas_table_hash,
            compiler_build: self.compiler_build,
            cpu_features: self.cpu_features.bits(),
            native_stack_bytes: self.native_stack_bytes,
            code_len: self.code_len,
            flags: self.flags(),
            fork: self.fork,
            language: self.language as u8,
            backend: self.backend as u8,
            opt_level: self.opt_level,
            counters: self.counters,
            ..Descriptor::empty()
        }
    }
}

/// Links `object` into an artifact whose entry point is the function `entry`.
///
/// # Errors
/// The object is not closed or not position-independent, refers to something in a way that is not
/// known here, does not define `entry` at an aligned place, or is damaged.
pub fn link(object: &[u8], entry: &str, metadata: &Metadata<'_>) -> Result<Vec<u8>, LinkError> {
    link_named(object, &[(0, entry)], &[], metadata)
}

/// Links the `object` of a WebAssembly module, whose functions the runtime finds by number. The places of `trap_sites` are
/// counted from the start of the section `.text` of the object.
///
/// # Errors
/// As [`link`]; also where an entry stands twice, or trap sites are out of order or outside that section.
pub fn link_instance(
    object: &[u8],
    entries: &[(EntryId, String)],
    trap_sites: &[TrapSite],
    metadata: &Metadata<'_>,
) -> Result<Vec<u8>, LinkError> {
    let mut entries: Vec<_> = entries.iter().map(|(id, name)| (id.to_bits(), name.as_str())).collect();
    entries.sort_unstable();
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(LinkError::EntryTwice { id: pair[0].0 });
    }
    link_named(object, &entries, trap_sites, metadata)
}

/// Links `object` with these entries, in the order of their numbers.
fn link_named(
    object: &[u8],
    entries: &[(u32, &str)],
    trap_sites: &[TrapSite],
    metadata: &Metadata<'_>,
) -> Result<Vec<u8>, LinkError> {
    let input = input::Input::parse(object)?;
    let mut placement = layout::place(&input, entries, trap_sites, metadata)?;
    relocate::apply(&input, &mut placement)?;
    write_unwind_index(&mut placement)?;
    let segments = placement.segments(input.machine.page);
    let layout::Placement { image, mut descriptor, descriptor_at, .. } = placement;
    let mut file = image.finish(input.machine.number, &segments);
    descriptor.file_len = file.len() as u64;
    descriptor.write(&mut file[descriptor_at as usize..]);
    seal(&mut file, descriptor_at as usize);
    Ok(file)
}

/// Fills in the unwind index from the relocated unwind section.
fn write_unwind_index(placement: &mut layout::Placement) -> Result<(), LinkError> {
    let Some((index, section)) = placement.unwind else { return Ok(()) };
    let data = section.of(&placement.image.bytes).unwrap_or_default();
    let contents = unwind::Unwind { data, address: section.offset.into() }.index(index.offset.into())?;
    placement.image.patch(index.offset.into(), &contents);
    Ok(())
}

/// Writes the checksum of `file`, whose descriptor lies at `descriptor_at`, into that descriptor.
///
/// # Panics
/// Where the file ends before the descriptor does.
pub fn seal(file: &mut [u8], descriptor_at: usize) {
    let at = descriptor_at + std::mem::offset_of!(Descriptor, checksum);
    file[at..at + 32].fill(0);
    let checksum = blake3::hash(file);
    file[at..at + 32].copy_from_slice(checksum.as_bytes());
}
