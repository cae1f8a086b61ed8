//! The host functions.
//!
//! One table per type of EVM, made at compile time: `math` depends on nothing, `hash` hashes words, `state` runs one of
//! revm's instructions, `direct` does without that where a function is called often, `calls` runs a
//! nested frame as well, `memory` grows VM memory and tells compiled code where it is. A function that can panic is wrapped: a panic must not cross into
//! compiled code, so it is kept as an error of the EVM and ends the frame.

mod calls;
mod direct;
mod hash;
mod math;
pub(crate) mod memory;
mod state;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use evmc_abi::{ExitCode, Frame, HostFn, HostTable, Word};
use revm::{context_interface::ContextTr, handler::PrecompileProvider, interpreter::InterpreterResult};
use ruint::aliases::U256;

use crate::{evm::AotEvm, fault::FaultKind};

/// What the body of a host function says: go on, or end the frame with this code.
pub(crate) type Outcome = Result<(), ExitCode>;

/// The word as a number.
#[inline(always)]
pub(crate) fn to_u256(word: Word) -> U256 {
    U256::from_limbs(word.0)
}

/// The number as a word.
#[inline(always)]
pub(crate) fn to_word(value: U256) -> Word {
    Word(value.into_limbs())
}

/// The host function with this number.
const fn function(number: u16) -> HostFn {
    HostFn::ALL[number as usize]
}

/// Turns the words of a call into what `body` works on, and keeps panics from compiled code.
///
/// # Safety
/// `frame` is a frame that an `AotEvm<CTX, P>` opened and whose code runs now, and `words` points
/// to `word_count` words; nothing else is using either.
#[inline(always)]
unsafe fn guarded<CTX: ContextTr, P>(
    function: HostFn,
    word_count: usize,
    frame: *mut Frame,
    words: *mut Word,
    body: impl FnOnce(&mut AotEvm<CTX, P>, &mut Frame, &mut [Word]) -> Outcome,
) -> u32 {
    // SAFETY: the caller's promise.
    let frame = unsafe { &mut *frame };
    // SAFETY: the context of such a frame is its EVM, which waits for the code to end.
    let evm = unsafe { &mut *frame.context.cast::<AotEvm<CTX, P>>() };
    // SAFETY: the caller's promise.
    let words = unsafe { std::slice::from_raw_parts_mut(words, word_count) };
    match catch_unwind(AssertUnwindSafe(|| body(evm, frame, words))) {
        Ok(Ok(())) => 0,
        Ok(Err(exit)) => exit as u32,
        Err(panic) => {
            let what = message(&*panic);
            let text = format!("panic in the host function {}: {what}", function.name());
            evm.fault(FaultKind::Panic, text);
            ExitCode::Host as u32
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// A host function that runs one of revm's instructions.
///
/// # Safety
/// See [`guarded`].
unsafe extern "C" fn plain<CTX, P, const F: u16>(frame: *mut Frame, words: *mut Word) -> u32
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    let word_count = const { function(F).words() };
    // SAFETY: the caller's promise.
    unsafe { guarded(function(F), word_count, frame, words, direct::run::<CTX, P, F>) }
}

/// A host function that runs a nested frame.
///
/// # Safety
/// See [`guarded`].
unsafe extern "C" fn nested<CTX, P, const F: u16>(frame: *mut Frame, words: *mut Word) -> u32
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    let word_count = const { function(F).words() };
    // SAFETY: the caller's promise.
    unsafe { guarded(function(F), word_count, frame, words, calls::run::<CTX, P, F>) }
}

/// Grows VM memory.
///
/// # Safety
/// See [`guarded`].
unsafe extern "C" fn grow<CTX: ContextTr, P>(frame: *mut Frame, words: *mut Word) -> u32 {
    // SAFETY: the caller's promise.
    unsafe {
        guarded::<CTX, P>(HostFn::MemoryGrow, 1, frame, words, |evm, frame, words| {
            memory::grow(evm, frame, words[0].0[0])
        })
    }
}

/// Ends the frame in an operation that lacks operands.
///
/// # Safety
/// See [`guarded`].
unsafe extern "C" fn underflow<CTX: ContextTr, P>(frame: *mut Frame, words: *mut Word) -> u32 {
    let word_count = HostFn::Underflow.words();
    // SAFETY: the caller's promise.
    unsafe { guarded(HostFn::Underflow, word_count, frame, words, state::underflow::<CTX, P>) }
}

impl<CTX, P> AotEvm<CTX, P>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    /// The host functions for frames of this type of EVM.
    pub(crate) const HOST: &'static HostTable = &HostTable {
        udiv: math::udiv,
        sdiv: math::sdiv,
        urem: math::urem,
        srem: math::srem,
        addmod: math::addmod,
        mulmod: math::mulmod,
        exp: math::exp,
        keccak_word: hash::keccak_word::<CTX, P>,
        keccak_pair: hash::keccak_pair::<CTX, P>,
        memory_grow: grow::<CTX, P>,
        calldata_load: memory::calldata_load,
        keccak256: plain::<CTX, P, { HostFn::Keccak256 as u16 }>,
        calldata_copy: plain::<CTX, P, { HostFn::CalldataCopy as u16 }>,
        code_copy: plain::<CTX, P, { HostFn::CodeCopy as u16 }>,
        returndata_copy: plain::<CTX, P, { HostFn::ReturndataCopy as u16 }>,
        memory_copy: plain::<CTX, P, { HostFn::MemoryCopy as u16 }>,
        extcode_copy: plain::<CTX, P, { HostFn::ExtcodeCopy as u16 }>,
        balance: plain::<CTX, P, { HostFn::Balance as u16 }>,
        selfbalance: plain::<CTX, P, { HostFn::Selfbalance as u16 }>,
        extcode_size: plain::<CTX, P, { HostFn::ExtcodeSize as u16 }>,
        extcode_hash: plain::<CTX, P, { HostFn::ExtcodeHash as u16 }>,
        blockhash: plain::<CTX, P, { HostFn::Blockhash as u16 }>,
        origin: plain::<CTX, P, { HostFn::Origin as u16 }>,
        gasprice: plain::<CTX, P, { HostFn::Gasprice as u16 }>,
        coinbase: plain::<CTX, P, { HostFn::Coinbase as u16 }>,
        timestamp: plain::<CTX, P, { HostFn::Timestamp as u16 }>,
        number: plain::<CTX, P, { HostFn::Number as u16 }>,
        prevrandao: plain::<CTX, P, { HostFn::Prevrandao as u16 }>,
        gaslimit: plain::<CTX, P, { HostFn::Gaslimit as u16 }>,
        chainid: plain::<CTX, P, { HostFn::Chainid as u16 }>,
        basefee: plain::<CTX, P, { HostFn::Basefee as u16 }>,
        blobhash: plain::<CTX, P, { HostFn::Blobhash as u16 }>,
        blobbasefee: plain::<CTX, P, { HostFn::Blobbasefee as u16 }>,
        slotnum: plain::<CTX, P, { HostFn::Slotnum as u16 }>,
        sload: plain::<CTX, P, { HostFn::Sload as u16 }>,
        sstore: plain::<CTX, P, { HostFn::Sstore as u16 }>,
        tload: plain::<CTX, P, { HostFn::Tload as u16 }>,
        tstore: plain::<CTX, P, { HostFn::Tstore as u16 }>,
        log0: plain::<CTX, P, { HostFn::Log0 as u16 }>,
        log1: plain::<CTX, P, { HostFn::Log1 as u16 }>,
        log2: plain::<CTX, P, { HostFn::Log2 as u16 }>,
        log3: plain::<CTX, P, { HostFn::Log3 as u16 }>,
        log4: plain::<CTX, P, { HostFn::Log4 as u16 }>,
        create: nested::<CTX, P, { HostFn::Create as u16 }>,
        create2: nested::<CTX, P, { HostFn::Create2 as u16 }>,
        call: nested::<CTX, P, { HostFn::Call as u16 }>,
        callcode: nested::<CTX, P, { HostFn::Callcode as u16 }>,
        delegatecall: nested::<CTX, P, { HostFn::Delegatecall as u16 }>,
        staticcall: nested::<CTX, P, { HostFn::Staticcall as u16 }>,
        return_data: plain::<CTX, P, { HostFn::Return as u16 }>,
        revert: plain::<CTX, P, { HostFn::Revert as u16 }>,
        selfdestruct: plain::<CTX, P, { HostFn::Selfdestruct as u16 }>,
        underflow: underflow::<CTX, P>,
    };
}
