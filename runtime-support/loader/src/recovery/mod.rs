//! Calls into generated code that come back even where the code faults.
//!
//! Generated code has no destructors and holds nothing, so it can be left at any instruction: what it was called by goes on
//! as if it had returned. A call through [`call`] leaves a *recovery point* on the native stack, and the points of a
//! thread form a chain, innermost first. When the processor reports a fault, a signal handler looks at the innermost point:
//! if the instruction is that call's own code, execution goes on behind the call, which then gives a [`Fault`].
//! Everything else is not ours, and goes to the handler that was there before. The same happens to an
//! instruction of the runtime or of a host function, which may hold locks and have destructors to run, and to signals that
//! a process sends.
//!
//! The handler runs on a stack of its own (one per thread, made at its first call), so an exhausted native stack is a fault
//! like others. It reads one thread-local cell and the point, calls nothing and allocates nothing.
//!
//! A call costs a dozen stores. The handlers are installed with the first artifact that is
//! loaded; a handler installed later by somebody else must pass on what is not its own. Calls of one thread nest: a
//! host function must not switch to another native stack of the same thread on which generated code runs as well.
//!
//! Generated code itself can leave the innermost call in the same way ([`leave`]): what a trap of WebAssembly
//! does, from any depth of calls. Such a call may run code of several artifacts that call one another: the point then
//! knows the addresses of them all.
//!
//! All of this is for x86-64 under Linux. Elsewhere a fault in generated code ends the process, and WebAssembly, which
//! lives on it, is not loaded.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod alt_stack;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "elsewhere.rs"]
mod system;

use std::fmt;

use evmc_abi::Frame;

pub use system::leave;
pub(crate) use system::{call, install};

/// Whether code can be left other than by its return.
pub(crate) const IS_SUPPORTED: bool = cfg!(all(target_arch = "x86_64", target_os = "linux"));

/// How a call ended that did not fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Number of the exit code.
    pub number: u32,
    /// Where the code left its caller: offset of the operation in its source, in bytes. 0 where it returned.
    pub source: u32,
    /// The frame of the code that left; of the code that was called where it returned.
    pub frame: *mut Frame,
}

/// What a processor reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// An instruction that does not exist or is not allowed (`SIGILL`).
    Instruction,
    /// A division by zero or whose quotient does not fit (`SIGFPE`).
    Arithmetic,
    /// An access that the bus refuses (`SIGBUS`).
    Bus,
    /// An access to memory that is not there, or not for this (`SIGSEGV`).
    Memory,
    /// An instruction that stands where none is meant to be reached (`SIGTRAP`).
    Trap,
    /// An access to memory beneath the native stack.
    Stack,
}

impl FaultKind {
    /// What it is called in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instruction => "illegal instruction",
            Self::Arithmetic => "division fault",
            Self::Bus => "bus error",
            Self::Memory => "invalid memory access",
            Self::Trap => "trap instruction",
            Self::Stack => "native stack exhausted",
        }
    }
}

/// A fault in generated code, which ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the processor reported.
    pub kind: FaultKind,
    /// Which of the codes of the call it was, by the order in which they were given; 0 where `offset` is `None`.
    pub code: usize,
    /// Offset of the instruction from the start of the artifact's code, in bytes; `None` where the code had called an
    /// address that holds no code.
    pub offset: Option<usize>,
    /// The address that was accessed; for faults without one, that of the instruction.
    pub address: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match self.offset {
            Some(offset) => write!(f, " at code offset {offset:#x}, address {:#x}", self.address),
            None => write!(f, " in a call of {:#x}", self.address),
        }
    }
}
