//! Memory for the memory stacks, reused by all frames of a thread.
//!
//! Frames nest, so a thread needs at most as many as its deepest chain of calls; a few are kept.

use std::cell::RefCell;

use evmc_abi::{Word, frame::STACK_WORDS};

/// Memory stacks that a thread keeps for later: 2 MiB.
const KEPT: usize = 64;

type Words = Box<[Word]>;

thread_local! {
    static FREE: RefCell<Vec<Words>> = const { RefCell::new(Vec::new()) };
}

/// A memory stack for one frame; goes back to its thread when dropped.
pub(crate) struct MemoryStack(Words);

impl MemoryStack {
    /// Takes a memory stack. What it holds is left over from earlier frames.
    pub(crate) fn take() -> Self {
        let kept = FREE.with(|free| free.borrow_mut().pop());
        Self(kept.unwrap_or_else(|| vec![Word::default(); STACK_WORDS].into_boxed_slice()))
    }

    /// The first of its [`STACK_WORDS`] words; valid for as long as `self` lives.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut Word {
        self.0.as_mut_ptr()
    }
}

impl Drop for MemoryStack {
    fn drop(&mut self) {
        let words = std::mem::take(&mut self.0);
        // While the thread ends there is no list any more, and nothing to keep.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(words);
            }
        });
    }
}
