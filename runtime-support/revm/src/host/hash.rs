//! Hashes of words that compiled code has at hand. They cost no gas here: compiled code pays for them.

use evmc_abi::{Frame, Word};
use revm::context_interface::ContextTr;

use super::{math::arguments, to_word};
use crate::evm::AotEvm;

/// Keccak-256 of the bytes of one word.
///
/// # Safety
/// `frame` is a frame that an `AotEvm<CTX, P>` opened and whose code runs now, and `words` points to one
/// word; nothing else is using either.
pub(super) unsafe extern "C" fn keccak_word<CTX: ContextTr, P>(frame: *mut Frame, words: *mut Word) -> u32 {
    // SAFETY: the caller's promise.
    let (evm, [word]) = unsafe { (evm::<CTX, P>(frame), arguments::<1>(words)) };
    let hash = evm.hashes.keccak256(&word.to_be_bytes::<32>());
    // SAFETY: the caller's promise.
    unsafe { *words = to_word(hash) };
    0
}

/// Keccak-256 of the bytes of two words.
///
/// # Safety
/// As of [`keccak_word`], with two words.
pub(super) unsafe extern "C" fn keccak_pair<CTX: ContextTr, P>(frame: *mut Frame, words: *mut Word) -> u32 {
    // SAFETY: the caller's promise.
    let (evm, [first, second]) = unsafe { (evm::<CTX, P>(frame), arguments::<2>(words)) };
    let hash = evm.hashes.pair(first, second);
    // SAFETY: the caller's promise.
    unsafe { *words = to_word(hash) };
    0
}

/// The EVM whose frame this is.
///
/// # Safety
/// As of [`keccak_word`].
unsafe fn evm<'a, CTX: ContextTr, P>(frame: *mut Frame) -> &'a mut AotEvm<CTX, P> {
    // SAFETY: the context of such a frame is its EVM, which waits for the code to end.
    unsafe { &mut *(*frame).context.cast::<AotEvm<CTX, P>>() }
}
