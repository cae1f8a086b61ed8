//! The executable semantics: runs a module, one instruction at a time.
//!
//! Slow, obvious, complete. What a pure operation means is in [`crate::eval`]; this module adds
//! state: the gas counter, VM memory and the world (through [`Host`]), the memory stack, control
//! flow and calls. Backends are tested against it, frontends are tested through it.
//!
//! The module must have passed the verifier; an invalid one may panic. A valid module cannot: what
//! the IR leaves to the program (access to memory that was not ensured, for instance) is a
//! [`Fault`], a defect in whoever made the module. Native code has no such checks.
//!
//! Calls within the module use an explicit stack, so that deep recursion in the program is no
//! recursion here, and values live in one dense array that grows with the calls: an instruction
//! allocates nothing.

mod instance;
mod machine;
mod simple_host;

use evmc_abi::{ExitCode, Field, HostFn, RuntimeFn};
use ruint::aliases::U256;

use crate::entities::{Func, Sig, Stretch};
use crate::function::Module;

pub use machine::Interpreter;
pub use simple_host::SimpleHost;

/// What a frame sees of the world.
pub trait Host {
    /// Calls a host function. The first [`HostFn::args`] words are its arguments, the first
    /// [`HostFn::results`] words become its results.
    ///
    /// `mem.ensure` arrives here as [`HostFn::MemoryGrow`], only where the memory is too short, and
    /// `calldata.load` as [`HostFn::CalldataLoad`].
    ///
    /// # Errors
    /// The code with which the function ends the frame.
    fn call(&mut self, function: HostFn, words: &mut [U256], gas: &mut u64) -> Result<(), ExitCode>;

    /// The VM memory.
    fn memory(&self) -> &[u8];

    /// The VM memory, to be written.
    fn memory_mut(&mut self) -> &mut [u8];

    /// A field of the frame as a number; pointers may read as 0. Never asked for the gas and the
    /// memory length, which the interpreter knows.
    fn field(&self, field: Field) -> U256;

    /// What belongs to the frame's instance, in modules of WebAssembly.
    fn instance(&mut self) -> Option<&mut dyn InstanceHost> {
        None
    }
}

/// What a function of WebAssembly sees of its instance. Indices are those of the module, which the verifier
/// holds against its [`evmc_abi::InstanceShape`].
pub trait InstanceHost {
    /// A linear memory.
    fn linear(&mut self, memory: u32) -> &mut [u8];

    /// The bits of a global.
    fn global(&self, index: u32) -> U256;

    /// Changes a global.
    fn set_global(&mut self, index: u32, bits: U256);

    /// Number of elements of a table.
    fn table_len(&self, table: u32) -> u64;

    /// An element that the table has: a reference, 0 for null.
    fn element(&self, table: u32, index: u64) -> u64;

    /// Changes an element that the table has.
    fn set_element(&mut self, table: u32, index: u64, reference: u64);

    /// A reference to an imported function.
    fn imported(&self, index: u32) -> u64;

    /// A reference to a function of the module's own, by its number among the referenced ones.
    fn own(&self, index: u32) -> u64;

    /// Whether the function that a reference points to has a signature of this module.
    fn has_signature(&self, reference: u64, signature: Sig) -> bool;

    /// The function of this module and this instance that a reference points to; `None` where it points elsewhere.
    fn local(&self, reference: u64) -> Option<Func>;

    /// Calls a function that is not [`InstanceHost::local`]: the values are logical depth and arguments, and become the results.
    ///
    /// # Errors
    /// The code with which it ended the frame, and where in its source.
    fn call(&mut self, reference: u64, values: &mut Vec<U256>, gas: &mut u64) -> Result<(), Trap>;

    /// The slots on the way between runtime and code.
    fn slots(&mut self) -> &mut [u128];

    /// Calls a function of the runtime: arguments in, the result in the place of the first.
    ///
    /// # Errors
    /// The code with which it ends the frame.
    fn runtime(&mut self, function: RuntimeFn, args: &mut [u64], gas: &mut u64) -> Result<(), ExitCode>;
}

/// The end of a frame of WebAssembly, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Why.
    pub code: ExitCode,
    /// Offset of the operation in its module, in bytes; 0 where that is not known.
    pub source: u32,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub code: ExitCode,
    /// Gas left; where a charge failed, what was left before it.
    pub gas: u64,
    /// Where a merged check failed ([`ExitCode::Stretch`]): the stretch, and the stack height at its
    /// start, in items.
    pub failed: Option<(Stretch, u32)>,
    /// In modules of WebAssembly: offset of the operation that ended it in its module, in bytes; 0 where that is not known.
    pub source: u32,
}

/// How the call of a single function ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It returned.
    Returned {
        /// The results.
        results: Vec<U256>,
        /// Gas left.
        gas: u64,
    },
    /// It ended the frame.
    Exited(Outcome),
}

/// Why the interpreter cannot go on: a defect of the module, or a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The fuel is spent.
    #[error("out of fuel")]
    OutOfFuel,
    /// Calls within the module are too deep.
    #[error("more than {} values in nested calls", machine::MAX_VALUES)]
    TooDeep,
    /// An access outside the VM memory.
    #[error("access to {bytes} bytes of memory at {offset}, which was not ensured")]
    Memory {
        /// First byte.
        offset: u64,
        /// Length in bytes.
        bytes: u32,
    },
    /// An access outside the memory stack.
    #[error("access to item {height} + {offset} of the memory stack")]
    Stack {
        /// The height operand.
        height: u64,
        /// The displacement.
        offset: i32,
    },
    /// The module is one of WebAssembly, and there is no instance.
    #[error("there is no instance")]
    NoInstance,
    /// The module has no entry.
    #[error("the module has no entry")]
    NoEntry,
    /// A function was called with the wrong number of arguments.
    #[error("the function does not take these arguments")]
    Arguments,
}

/// Runs a module's entry with `gas`, for at most `fuel` instructions.
///
/// # Errors
/// A [`Fault`] where the frame cannot come to its end.
pub fn run(module: &Module, host: &mut impl Host, gas: u64, fuel: u64) -> Result<Outcome, Fault> {
    Interpreter::new(module).run(host, gas, fuel)
}

/// Calls one function of a module with `gas`, for at most `fuel` instructions.
///
/// # Errors
/// A [`Fault`] where it cannot come to its end.
pub fn call(
    module: &Module,
    func: Func,
    args: &[U256],
    host: &mut impl Host,
    gas: u64,
    fuel: u64,
) -> Result<Completion, Fault> {
    Interpreter::new(module).call(func, args, host, gas, fuel)
}
