//! The frame: the one structure that compiled code can see.

use core::ffi::c_void;

use crate::host::HostTable;
use crate::wasm::{RuntimeTable, Slot};

/// A 256-bit word as compiled code holds it in memory: four 64-bit limbs, least significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Word(pub [u64; 4]);

impl Word {
    /// A word whose value is `low`.
    pub const fn from_u64(low: u64) -> Self {
        Self([low, 0, 0, 0])
    }
}

/// Words in the memory stack of a frame: the EVM's limit of 1,024 items.
pub const STACK_WORDS: usize = 1024;

/// What kind of value a [`Field`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A pointer.
    Pointer,
    /// A 32-bit number.
    U32,
    /// A 64-bit number.
    U64,
    /// A 256-bit [`Word`].
    Word,
}

/// Defines [`Frame`] and, from the same rows, the table of its fields.
macro_rules! frame {
    ($($(#[$doc:meta])* $field:ident: $ty:ty, $variant:ident, $kind:ident, $initial:expr;)*) => {
        /// An executing frame as compiled code sees it. The layout is part of the ABI.
        ///
        /// The runtime fills it before the entry point is called and refreshes what a host function
        /// may have changed (memory base and length, gas, returndata length) before that returns.
        #[derive(Clone, Debug)]
        #[repr(C)]
        pub struct Frame {
            $($(#[$doc])* pub $field: $ty,)*
        }

        /// A field of [`Frame`]; prints as the text form of the IR writes it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// Every field, in layout order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form of the IR.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($field),)* }
            }

            /// Offset from the frame pointer, in bytes.
            pub const fn offset(self) -> usize {
                match self { $(Self::$variant => core::mem::offset_of!(Frame, $field),)* }
            }

            /// What the field holds.
            pub const fn kind(self) -> FieldKind {
                match self { $(Self::$variant => FieldKind::$kind,)* }
            }

            /// The field with this name, or `None` where no such field exists.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.name() == name)
            }
        }

        impl Frame {
            /// A frame of no contract: null pointers, zero lengths, no gas.
            pub const fn empty() -> Self {
                Self { $($field: $initial,)* }
            }
        }
    };
}

frame! {
    /// Host functions.
    host: *const HostTable, Host, Pointer, core::ptr::null();
    /// Gas left. Compiled code keeps it in a register and writes it here before every host function
    /// that may read it and at every exit.
    gas: u64, Gas, U64, 0;
    /// First byte of the frame's VM memory.
    memory: *mut u8, Memory, Pointer, core::ptr::null_mut();
    /// Length of the VM memory, in bytes; for EVM frames a multiple of 32.
    memory_len: u64, MemoryLen, U64, 0;
    /// The memory stack: [`STACK_WORDS`] words, bottom first. Null for code that does not need one.
    stack: *mut Word, Stack, Pointer, core::ptr::null_mut();
    /// First byte of the calldata.
    calldata: *const u8, Calldata, Pointer, core::ptr::null();
    /// Length of the calldata, in bytes.
    calldata_len: u64, CalldataLen, U64, 0;
    /// First byte of the contract's bytecode.
    code: *const u8, Code, Pointer, core::ptr::null();
    /// Length of the bytecode, in bytes.
    code_len: u64, CodeLen, U64, 0;
    /// Length of the returndata buffer, in bytes.
    returndata_len: u64, ReturndataLen, U64, 0;
    /// Stretch whose merged check failed, with [`crate::ExitCode::Stretch`].
    exit_stretch: u32, ExitStretch, U32, 0;
    /// Stack height at the start of that stretch, in items.
    exit_height: u32, ExitHeight, U32, 0;
    /// WebAssembly: functions of the runtime.
    runtime: *const RuntimeTable, Runtime, Pointer, core::ptr::null();
    /// WebAssembly: the instance area, see [`crate::wasm::InstanceShape`].
    instance: *mut u8, Instance, Pointer, core::ptr::null_mut();
    /// WebAssembly: slots of 16 bytes for arguments and results on their way between runtime and code.
    values: *mut Slot, Values, Pointer, core::ptr::null_mut();
    /// WebAssembly: the function to be called by an entry point, a [`crate::wasm::FuncRecord`].
    callee: u64, Callee, U64, 0;
    /// WebAssembly: logical depth that the call may still use.
    depth: u64, Depth, U64, 0;
    /// The runtime's own data; compiled code never follows it.
    context: *mut c_void, Context, Pointer, core::ptr::null_mut();
    /// Account whose storage the frame works on.
    address: Word, Address, Word, Word([0; 4]);
    /// Account that called.
    caller: Word, Caller, Word, Word([0; 4]);
    /// Value of the call, in wei.
    callvalue: Word, Callvalue, Word, Word([0; 4]);
}
