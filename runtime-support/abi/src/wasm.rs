//! What compiled WebAssembly sees of its instance, and what it asks of its runtime.
//!
//! # Calls
//!
//! Every function of a module takes the frame of its instance, the gas counter (in modules that are metered), the logical
//! depth that is left, and its WebAssembly parameters; it gives the gas counter and its results. Which registers
//! hold them is the backend's business, so only modules of one backend call one another. What a reference to a
//! function points to is a [`FuncRecord`]: whoever calls passes the record's frame.
//!
//! The runtime enters code through entry points, one for each signature ([`EntryKind::Enter`]): C functions
//! that take the frame, call the function of [`crate::Frame::callee`] with the arguments in
//! [`crate::Frame::values`], and leave the results there. The other way, [`EntryKind::CallHost`] is a function of each
//! signature in the module's own convention that hands its arguments to [`RuntimeFn::CallHost`]: what a
//! record of a host function points to.
//!
//! # Ends
//!
//! A trap never returns through the callers: code calls [`RuntimeTable::leave`], which ends the innermost entry
//! at once with the exit code. Of a frame that is left that way all gas is gone.
//!
//! # Instance area
//!
//! [`crate::Frame::instance`] points to an area whose layout follows from the [`InstanceShape`] alone.

use crate::frame::Frame;
use crate::host::Effects;

/// A slot for an argument or result: its bits, zero-extended.
pub type Slot = u128;

/// Most parameters, and most results, of a function: [`crate::Frame::values`] has this many slots.
pub const MAX_SLOTS: u32 = 1000;

/// Bytes of a page of linear memory.
pub const PAGE_BYTES: u64 = 1 << 16;

/// Most pages of a linear memory.
pub const MAX_PAGES: u64 = 1 << 16;

/// Bytes of address space that belong to a linear memory of 32-bit addresses: every address, every static offset
/// and the longest access lie inside. What is not memory faults.
pub const RESERVED_BYTES: u64 = (1 << 33) + PAGE_BYTES;

/// A linear memory; instances that share it point to one of these.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemoryDef {
    /// First byte; never moves.
    pub base: *mut u8,
    /// Length, in bytes: a multiple of [`PAGE_BYTES`].
    pub len: u64,
}

/// A table; instances that share it point to one of these.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TableDef {
    /// The elements: references, 0 for null.
    pub elements: *mut u64,
    /// Number of elements.
    pub len: u64,
}

/// What a reference to a function points to.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FuncRecord {
    /// The code, in the convention of the backend.
    pub code: *const u8,
    /// The frame that it takes.
    pub frame: *mut Frame,
    /// Number of its type, the same for equal types throughout a process.
    pub type_id: u64,
    /// The runtime's own number of the function.
    pub number: u64,
}

/// What a module declares that has a place in the instance area, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstanceShape {
    /// Linear memories, imported ones first.
    pub memories: u32,
    /// Tables, imported ones first.
    pub tables: u32,
    /// Imported functions.
    pub imported_functions: u32,
    /// Imported globals.
    pub imported_globals: u32,
    /// Globals of the module's own; they follow the imported ones.
    pub own_globals: u32,
    /// Signatures.
    pub signatures: u32,
    /// Functions of the module's own that a reference may point to: exported, in element segments, named by
    /// `ref.func`, or run at instantiation. They have numbers of their own, in the order of their indices.
    pub referenced_functions: u32,
}

/// Length of a pointer or number in the area, in bytes.
const WORD: u32 = 8;

impl InstanceShape {
    /// Where the base of a memory lies: a `*mut u8`, equal to that of its [`MemoryDef`]. All of these give offsets in bytes.
    pub const fn memory_base(self, memory: u32) -> u32 {
        WORD * memory
    }

    /// Where the pointer to a [`MemoryDef`] lies.
    pub const fn memory(self, memory: u32) -> u32 {
        WORD * (self.memories + memory)
    }

    /// Where the pointer to a [`TableDef`] lies.
    pub const fn table(self, table: u32) -> u32 {
        WORD * (2 * self.memories + table)
    }

    /// Where the pointer to the [`FuncRecord`] of an imported function lies.
    pub const fn imported_function(self, function: u32) -> u32 {
        self.table(self.tables) + WORD * function
    }

    /// Where the pointer to the [`Slot`] of an imported global lies.
    pub const fn imported_global(self, global: u32) -> u32 {
        self.imported_function(self.imported_functions) + WORD * global
    }

    /// Where the number of a signature's type lies, see [`FuncRecord::type_id`].
    pub const fn type_id(self, signature: u32) -> u32 {
        self.imported_global(self.imported_globals) + WORD * signature
    }

    /// Where the [`FuncRecord`] of a referenced function lies.
    pub const fn referenced_function(self, function: u32) -> u32 {
        self.type_id(self.signatures) + core::mem::size_of::<FuncRecord>() as u32 * function
    }

    /// Where the [`Slot`] of a global of the module's own lies; they are counted without the imported ones.
    pub const fn own_global(self, global: u32) -> u32 {
        self.referenced_function(self.referenced_functions).next_multiple_of(16) + 16 * global
    }

    /// Length of the area; it is aligned to 16 bytes.
    pub const fn bytes(self) -> u32 {
        self.own_global(self.own_globals)
    }
}

/// What an entry of an artifact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum EntryKind {
    /// An [`crate::EntryPoint`] that calls a function of a signature.
    Enter = 0,
    /// A function of a signature, in the module's convention, that calls the host function of its frame.
    CallHost = 1,
    /// A function of the module's own, in the module's convention.
    Function = 2,
}

/// Which function of an artifact an entry is: the kind, and the number of the signature or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    /// What it is for.
    pub kind: EntryKind,
    /// Number of the signature, or of the function counted without the imported ones; below 2^30.
    pub number: u32,
}

impl EntryId {
    /// The number that the artifact holds.
    pub const fn to_bits(self) -> u32 {
        (self.kind as u32) << 30 | self.number
    }

    /// The entry with this number, or `None` where there is no such kind.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        let kind = match bits >> 30 {
            0 => EntryKind::Enter,
            1 => EntryKind::CallHost,
            2 => EntryKind::Function,
            _ => return None,
        };
        Some(Self { kind, number: bits & ((1 << 30) - 1) })
    }
}

/// Type of the runtime's functions: arguments in, overwritten by the result; 0, or the [`crate::ExitCode`] with which the
/// code leaves.
pub type RuntimeCall = unsafe extern "C" fn(frame: *mut Frame, args: *mut u64) -> u32;

/// Type of [`RuntimeTable::leave`]: frame, number of the exit code, offset of the operation in the WebAssembly module.
pub type LeaveCall = unsafe extern "C" fn(frame: *mut Frame, code: u32, source: u32) -> !;

/// Defines the runtime's functions and their table.
macro_rules! runtime_functions {
    ($($(#[$doc:meta])* $variant:ident $name:ident($args:literal) -> $results:literal, [$($effect:ident)*];)*) => {
        /// A function of the runtime. Arguments and results are numbers of 64 bits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum RuntimeFn {
            $($(#[$doc])* $variant,)*
        }

        impl RuntimeFn {
            /// Every function, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form of the IR.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name),)* }
            }

            /// Number of arguments.
            pub const fn args(self) -> usize {
                match self { $(Self::$variant => $args,)* }
            }

            /// Number of results, 0 or 1.
            pub const fn results(self) -> usize {
                match self { $(Self::$variant => $results,)* }
            }

            /// What the function may touch.
            pub const fn effects(self) -> Effects {
                match self { $(Self::$variant => const { Effects::all(&[$(Effects::$effect),*]) },)* }
            }

            /// The function with this name, or `None` where no such function exists.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|function| function.name() == name)
            }
        }

        /// The runtime's functions as the frame points to them. The layout is part of the ABI.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct RuntimeTable {
            /// Ends the innermost entry; never comes back.
            pub leave: LeaveCall,
            $($(#[$doc])* pub $name: RuntimeCall,)*
        }
    };
}

impl RuntimeFn {
    /// Offset of the function's pointer in [`RuntimeTable`], in bytes.
    pub const fn table_offset(self) -> usize {
        core::mem::size_of::<LeaveCall>() + self as usize * core::mem::size_of::<RuntimeCall>()
    }
}

runtime_functions! {
    /// `(memory, pages)`: grows a memory; its pages before, or 2^64 − 1 where it cannot grow.
    MemoryGrow memory_grow(2) -> 1, [READS_HOST WRITES_HOST GROWS_MEMORY];
    /// `(memory, offset, byte, length)`.
    MemoryFill memory_fill(4) -> 0, [WRITES_MEMORY READS_HOST MAY_EXIT];
    /// `(to memory, from memory, to, from, length)`.
    MemoryCopy memory_copy(5) -> 0, [READS_MEMORY WRITES_MEMORY READS_HOST MAY_EXIT];
    /// `(memory, segment, to, from, length)`: copies from a data segment.
    MemoryInit memory_init(5) -> 0, [WRITES_MEMORY READS_HOST MAY_EXIT];
    /// `(segment)`: empties a data segment.
    DataDrop data_drop(1) -> 0, [WRITES_HOST];
    /// `(table, reference, count)`: grows a table; its elements before, or 2^64 − 1 where it cannot grow.
    TableGrow table_grow(3) -> 1, [READS_HOST WRITES_HOST];
    /// `(table, index, reference, count)`.
    TableFill table_fill(4) -> 0, [READS_HOST WRITES_HOST MAY_EXIT];
    /// `(to table, from table, to, from, count)`.
    TableCopy table_copy(5) -> 0, [READS_HOST WRITES_HOST MAY_EXIT];
    /// `(table, segment, to, from, count)`: copies from an element segment.
    TableInit table_init(5) -> 0, [READS_HOST WRITES_HOST MAY_EXIT];
    /// `(segment)`: empties an element segment.
    ElemDrop elem_drop(1) -> 0, [WRITES_HOST];
    /// `(depth)`: calls the host function of the frame with the arguments in `values`, where it leaves its results.
    CallHost call_host(1) -> 0,
        [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
}
