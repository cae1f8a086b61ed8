//! Why an object file cannot be linked.

use object::Architecture;
use thiserror::Error;

/// Why an object file cannot be linked. All but [`LinkError::TooLarge`] are defects of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// The object file cannot be read.
    #[error("damaged object file: {0}")]
    Object(#[from] object::Error),
    /// Not a relocatable 64-bit little-endian ELF file.
    #[error("not a relocatable 64-bit little-endian ELF object")]
    NotRelocatable,
    /// The linker has no relocation table for this machine.
    #[error("artifacts are linked for x86-64, not for {0:?}; an object can be written (--emit obj)")]
    UnsupportedMachine(Architecture),
    /// A symbol that nothing defines; artifacts may not need anything from the process.
    #[error("undefined symbol `{name}`")]
    UndefinedSymbol {
        /// The symbol.
        name: String,
    },
    /// A section that would be writable or initialised at run time.
    #[error("section `{name}` is writable or thread-local: artifacts hold no mutable data")]
    MutableSection {
        /// The section.
        name: String,
    },
    /// More than one unwind section.
    #[error("more than one .eh_frame section")]
    ManyUnwindSections,
    /// A relocation that this linker does not know.
    #[error("relocation type {r_type} in section `{section}` is not supported")]
    UnsupportedRelocation {
        /// Section that is relocated.
        section: String,
        /// ELF relocation type.
        r_type: u32,
    },
    /// An absolute address, which only a loader could fill in.
    #[error("section `{section}` at {offset:#x} holds an absolute address, which needs a dynamic relocation")]
    DynamicRelocation {
        /// Section that is relocated.
        section: String,
        /// Offset in the section, in bytes.
        offset: u64,
    },
    /// A relocation without a symbol in a linked section, outside its section, or too far away.
    #[error("relocation in section `{section}` at {offset:#x} cannot be resolved")]
    Relocation {
        /// Section that is relocated.
        section: String,
        /// Offset in the section, in bytes.
        offset: u64,
    },
    /// The entry function is not defined in a code section.
    #[error("entry function `{name}` is not defined")]
    EntryMissing {
        /// Its name.
        name: String,
    },
    /// The entry function is misaligned: it needs its own section or an aligned place in one.
    #[error("entry function `{name}` is at offset {offset:#x} of the code, which is misaligned")]
    EntryMisaligned {
        /// Its name.
        name: String,
        /// Offset from the start of the code, in bytes.
        offset: u64,
    },
    /// Two functions are one entry.
    #[error("the entry {id:#x} stands twice")]
    EntryTwice {
        /// Its number.
        id: u32,
    },
    /// An instruction that may trap is not in the section `.text`, or not behind the one before.
    #[error("trap site {index} is outside .text or out of order")]
    TrapSite {
        /// Its place in the list.
        index: usize,
    },
    /// The unwind section cannot be read.
    #[error("damaged .eh_frame section: {0}")]
    Unwind(#[from] gimli::Error),
    /// The linked file would be longer than 2 GiB.
    #[error("the artifact would be {bytes} bytes long")]
    TooLarge {
        /// Length, in bytes.
        bytes: u64,
    },
}
