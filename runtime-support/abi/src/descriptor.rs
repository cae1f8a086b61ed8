//! The artifact descriptor: what an artifact says about itself.
//!
//! An artifact is an ELF shared object with one exported symbol, [`SYMBOL`], where a [`Descriptor`]
//! lies. The layout is fixed and little-endian; every table is a [`Span`] of the file. Artifacts
//! keep file offset and address equal, so a span is also an offset from where the file is mapped.
//!
//! The checksum is BLAKE3 over the whole file with the checksum field itself taken as zeros. It
//! finds damage, not malice: whoever can write an artifact can seal it again, so a reader checks
//! everything else as well.
//!
//! This module only encodes and decodes. What is a valid descriptor, the reader decides.

use core::mem::{offset_of, size_of};

use crate::cpu::CpuFeatures;
use crate::stretch::{OpRow, StretchRange};

/// Name of the one exported symbol.
pub const SYMBOL: &str = "evmc_descriptor";

/// First bytes of every descriptor.
pub const MAGIC: [u8; 8] = *b"EVMCART\0";

/// EVM fork numbers below this are known; the compiler's table of forks gives them their names.
pub const EVM_FORKS: u16 = 15;

/// Highest optimisation level that an artifact can name.
pub const MAX_OPT_LEVEL: u8 = 3;

/// Entry points are aligned to this many bytes.
pub const ENTRY_ALIGN: u32 = 16;

/// Tables and the descriptor itself are aligned to this many bytes.
pub const TABLE_ALIGN: u32 = 8;

/// [`Descriptor::flags`]: the code keeps EVM stack items in [`crate::Frame::stack`].
pub const FLAG_MEMORY_STACK: u32 = 1;

/// [`Descriptor::flags`]: the code counts gas. WebAssembly alone can be compiled without.
pub const FLAG_METERED: u32 = 2;

/// All bits of [`Descriptor::flags`] that have a meaning.
pub const KNOWN_FLAGS: u32 = FLAG_MEMORY_STACK | FLAG_METERED;

/// A value with a fixed little-endian layout.
pub trait Layout: Sized {
    /// Encoded length, in bytes.
    const SIZE: usize;

    /// Writes the value to the first [`Self::SIZE`] bytes of `to`, which must be at least that long.
    fn write(&self, to: &mut [u8]);

    /// Reads a value from the first [`Self::SIZE`] bytes of `from`, which must be at least that long.
    fn read(from: &[u8]) -> Self;
}

macro_rules! integer_layout {
    ($($ty:ty)*) => {$(
        impl Layout for $ty {
            const SIZE: usize = size_of::<Self>();
            fn write(&self, to: &mut [u8]) {
                to[..Self::SIZE].copy_from_slice(&self.to_le_bytes());
            }
            fn read(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(&from[..Self::SIZE]);
                Self::from_le_bytes(bytes)
            }
        }
    )*};
}

integer_layout! { u8 u16 u32 u64 }

impl<const N: usize> Layout for [u8; N] {
    const SIZE: usize = N;
    fn write(&self, to: &mut [u8]) {
        to[..N].copy_from_slice(self);
    }
    fn read(from: &[u8]) -> Self {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&from[..N]);
        bytes
    }
}

/// Implements [`Layout`] for a structure whose fields lie one behind the other without padding.
macro_rules! struct_layout {
    ($name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        impl Layout for $name {
            const SIZE: usize = size_of::<Self>();
            fn write(&self, to: &mut [u8]) {
                $(self.$field.write(&mut to[offset_of!(Self, $field)..]);)*
            }
            fn read(from: &[u8]) -> Self {
                Self { $($field: <$ty>::read(&from[offset_of!(Self, $field)..]),)* }
            }
        }

        const _: () = assert!(size_of::<$name>() == 0 $(+ <$ty as Layout>::SIZE)*, "no padding");
    };
}

/// A range of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    /// Offset of the first byte from the start of the file.
    pub offset: u32,
    /// Length, in bytes.
    pub len: u32,
}

impl Span {
    /// Offset behind the last byte.
    pub const fn end(self) -> u64 {
        self.offset as u64 + self.len as u64
    }

    /// The bytes of `file` in this range, or `None` where the file is too short.
    pub fn of(self, file: &[u8]) -> Option<&[u8]> {
        file.get(self.offset as usize..usize::try_from(self.end()).ok()?)
    }
}

/// A row of the entry table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry {
    /// Offset of the entry point from the start of the code, in bytes.
    pub offset: u32,
    /// Which function it is: 0 for the entry of an EVM contract, else a [`crate::wasm::EntryId`].
    pub id: u32,
}

/// A row of the trap-site table: an instruction whose fault on a linear memory is a trap of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TrapSite {
    /// Offset of the instruction from the start of the code, in bytes.
    pub offset: u32,
    /// Offset of the operation in the WebAssembly module, in bytes.
    pub source: u32,
}

struct_layout! { Span { offset: u32, len: u32 } }
struct_layout! { Entry { offset: u32, id: u32 } }
struct_layout! { TrapSite { offset: u32, source: u32 } }
struct_layout! { StretchRange { start: u32, end: u32 } }
struct_layout! { OpRow { static_gas: u16, inputs: u8, outputs: u8, immediate: u8, flags: u8, reserved: [u8; 2] } }

/// Defines an enumeration with a number and a name for each variant.
macro_rules! numbered {
    ($(#[$doc:meta])* $enum:ident { $($(#[$row:meta])* $variant:ident = $number:literal, $name:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$row])* $variant = $number,)*
        }

        impl $enum {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that the command line and messages use.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one with this number, or `None`.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// What the artifact was compiled from.
    Language {
        /// EVM bytecode.
        Evm = 1, "evm";
        /// WebAssembly.
        Wasm = 2, "wasm";
    }
}

numbered! {
    /// Which code generator made the artifact.
    Backend {
        /// Cranelift.
        Cranelift = 1, "cranelift";
        /// LLVM.
        Llvm = 2, "llvm";
    }
}

/// How much of the input was compiled in which way; for people, nothing depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counters {
    /// Functions compiled with their stack slots as values.
    pub specialised_functions: u32,
    /// Functions compiled with the EVM stack in memory.
    pub generic_functions: u32,
    /// Reachable jumps.
    pub jumps: u32,
    /// Reachable jumps whose destination is found at run time.
    pub open_jumps: u32,
    /// Functions of the IR that were given to the code generator.
    pub native_functions: u32,
    /// Those of them that were compiled with less effort than the level asks, for their size or shape.
    pub quick_functions: u32,
}

impl Counters {
    /// Nothing of anything.
    pub const NONE: Self = Self {
        specialised_functions: 0,
        generic_functions: 0,
        jumps: 0,
        open_jumps: 0,
        native_functions: 0,
        quick_functions: 0,
    };
}

struct_layout! {
    Counters {
        specialised_functions: u32, generic_functions: u32, jumps: u32, open_jumps: u32,
        native_functions: u32, quick_functions: u32,
    }
}

/// Defines [`Descriptor`] and its layout from the same rows.
macro_rules! descriptor {
    ($($(#[$doc:meta])* $field:ident: $ty:ty,)*) => {
        /// What an artifact says about itself, as stored: numbers are not yet checked for a meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct Descriptor {
            $($(#[$doc])* pub $field: $ty,)*
        }

        struct_layout! { Descriptor { $($field: $ty,)* } }
    };
}

descriptor! {
    /// [`MAGIC`].
    magic: [u8; 8],
    /// [`crate::ABI_VERSION`] of the compiler.
    abi_version: u32,
    /// Length of this structure, in bytes.
    size: u32,
    /// Length of the file, in bytes.
    file_len: u64,
    /// BLAKE3 of the file with this field as zeros.
    checksum: [u8; 32],
    /// Keccak-256 of the bytecode.
    code_hash: [u8; 32],
    /// Hash of the gas table that the charges come from.
    gas_table_hash: [u8; 32],
    /// Name, version and sources of the compiler, padded with zeros.
    compiler_build: [u8; 32],
    /// Bits of the [`CpuFeatures`] that the code needs.
    cpu_features: u64,
    /// Upper bound of the native stack that one frame of the code uses, host functions excluded, in bytes; of WebAssembly,
    /// that each unit of logical depth uses.
    native_stack_bytes: u64,
    /// Length of the bytecode, in bytes.
    code_len: u32,
    /// [`FLAG_MEMORY_STACK`], [`FLAG_METERED`]; other bits are 0.
    flags: u32,
    /// Number of the fork, below [`EVM_FORKS`]; 0 for WebAssembly.
    fork: u16,
    /// Number of the [`Language`].
    language: u8,
    /// Number of the [`Backend`].
    backend: u8,
    /// Optimisation level, at most [`MAX_OPT_LEVEL`].
    opt_level: u8,
    /// Always 0.
    reserved: [u8; 3],
    /// How the input was compiled.
    counters: Counters,
    /// The executable code.
    text: Span,
    /// Rows of [`Entry`].
    entries: Span,
    /// 256 rows of [`OpRow`], one for each opcode byte; empty where there are no stretches.
    op_rows: Span,
    /// Rows of [`StretchRange`]; compiled code names a stretch by its index.
    stretches: Span,
    /// Rows of [`TrapSite`], sorted by offset; empty for the EVM. Where an instruction comes from, the last row at its offset or
    /// before it says.
    trap_sites: Span,
    /// What of a WebAssembly module is not code, as the runtime reads it; empty for the EVM.
    module: Span,
    /// Access hints; empty in this version.
    access_hints: Span,
}

impl Descriptor {
    /// A descriptor of nothing, with magic, version and size filled in.
    pub const fn empty() -> Self {
        const NONE: Span = Span { offset: 0, len: 0 };
        Self {
            magic: MAGIC,
            abi_version: crate::ABI_VERSION,
            size: size_of::<Self>() as u32,
            file_len: 0,
            checksum: [0; 32],
            code_hash: [0; 32],
            gas_table_hash: [0; 32],
            compiler_build: [0; 32],
            cpu_features: 0,
            native_stack_bytes: 0,
            code_len: 0,
            flags: 0,
            fork: 0,
            language: Language::Evm as u8,
            backend: Backend::Cranelift as u8,
            opt_level: 0,
            reserved: [0; 3],
            counters: Counters::NONE,
            text: NONE,
            entries: NONE,
            op_rows: NONE,
            stretches: NONE,
            trap_sites: NONE,
            module: NONE,
            access_hints: NONE,
        }
    }

    /// Whether the code keeps EVM stack items in [`crate::Frame::stack`].
    pub const fn uses_memory_stack(&self) -> bool {
        self.flags & FLAG_MEMORY_STACK != 0
    }

    /// Whether the code counts gas.
    pub const fn is_metered(&self) -> bool {
        self.flags & FLAG_METERED != 0
    }

    /// The processor features that the code needs.
    pub const fn required_features(&self) -> CpuFeatures {
        CpuFeatures::from_bits(self.cpu_features)
    }

    /// [`Self::compiler_build`] as text; empty where it is not UTF-8.
    pub fn compiler(&self) -> &str {
        let len = self.compiler_build.iter().position(|&byte| byte == 0).unwrap_or(self.compiler_build.len());
        core::str::from_utf8(&self.compiler_build[..len]).unwrap_or_default()
    }
}

/// `text` as [`Descriptor::compiler_build`] stores it: cut to 32 bytes, padded with zeros.
pub fn compiler_build(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    let len = text.len().min(bytes.len());
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    bytes
}

/// A table that the descriptor points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// [`Descriptor::entries`].
    Entries,
    /// [`Descriptor::op_rows`].
    OpRows,
    /// [`Descriptor::stretches`].
    Stretches,
    /// [`Descriptor::trap_sites`].
    TrapSites,
    /// [`Descriptor::access_hints`].
    AccessHints,
}

impl Table {
    /// All tables, in the order in which the descriptor names them.
    pub const ALL: &'static [Self] =
        &[Self::Entries, Self::OpRows, Self::Stretches, Self::TrapSites, Self::AccessHints];

    /// The name that messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entries => "entry",
            Self::OpRows => "opcode",
            Self::Stretches => "stretch",
            Self::TrapSites => "trap-site",
            Self::AccessHints => "access-hint",
        }
    }

    /// Where the table lies.
    pub const fn span(self, descriptor: &Descriptor) -> Span {
        match self {
            Self::Entries => descriptor.entries,
            Self::OpRows => descriptor.op_rows,
            Self::Stretches => descriptor.stretches,
            Self::TrapSites => descriptor.trap_sites,
            Self::AccessHints => descriptor.access_hints,
        }
    }

    /// Numbers of rows that the table may have in an artifact of this language.
    pub const fn allowed_rows(self, language: Language) -> core::ops::RangeInclusive<u32> {
        match (self, language) {
            (Self::Entries, Language::Evm) => 1..=1,
            (Self::Entries, Language::Wasm) => 0..=u32::MAX,
            (Self::OpRows, Language::Evm) => 0..=256,
            (Self::TrapSites, Language::Wasm) | (Self::Stretches, _) => 0..=u32::MAX,
            (Self::OpRows, Language::Wasm) | (Self::TrapSites, Language::Evm) | (Self::AccessHints, _) => {
                0..=0
            }
        }
    }

    /// Length of a row, in bytes. All tables have rows of the same length.
    pub const ROW_BYTES: u32 = 8;
}

const _: () = {
    assert!(Entry::SIZE == Table::ROW_BYTES as usize);
    assert!(OpRow::SIZE == Table::ROW_BYTES as usize);
    assert!(StretchRange::SIZE == Table::ROW_BYTES as usize);
    assert!(TrapSite::SIZE == Table::ROW_BYTES as usize);
};
