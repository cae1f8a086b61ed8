//! VM memory and calldata: growth, and where they are.
//!
//! All frames of a transaction share one buffer of revm's. It is reserved large enough that it does
//! not move in practice, but nothing relies on that: whatever may grow it tells the frame anew
//! where its memory is, and a nested call does so when it comes back, in every frame that waits.

use evmc_abi::{Frame, Word};
use revm::{
    context::Evm,
    context_interface::{Cfg, ContextTr},
    interpreter::{CallInput, Interpreter, interpreter::resize_memory, interpreter_types::MemoryTr},
};

use super::{Outcome, state};
use crate::evm::AotEvm;

/// Tells the frame where its memory and its calldata are.
#[inline(always)]
pub(crate) fn refresh(frame: &mut Frame, interpreter: &mut Interpreter) {
    let (start, len) = {
        let mut memory = interpreter.memory.context_memory_mut();
        (memory.as_mut_ptr(), memory.len() as u64)
    };
    frame.memory_len = len;
    if frame.memory != start {
        frame.memory = start;
        locate_calldata(frame, interpreter);
    }
}

/// Tells the frame where its calldata is: in the caller's memory, or in a buffer of its own.
fn locate_calldata(frame: &mut Frame, interpreter: &Interpreter) {
    let input = &interpreter.input.input;
    frame.calldata_len = input.len() as u64;
    frame.calldata = match input {
        CallInput::Bytes(bytes) => bytes.as_ptr(),
        CallInput::SharedBuffer(range) if range.is_empty() => std::ptr::null(),
        CallInput::SharedBuffer(range) => interpreter.memory.global_slice(range.clone()).as_ptr(),
    };
}

/// Grows memory to hold `end` bytes and charges for it, as revm does for an instruction whose
/// operand ends there; an end that saturated at 2^64 − 1 is one that nobody can pay for.
pub(super) fn grow<CTX: ContextTr, P>(evm: &mut AotEvm<CTX, P>, frame: &mut Frame, end: u64) -> Outcome {
    let Evm { ctx, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    interpreter.gas.set_remaining(frame.gas);
    let params = ctx.cfg().gas_params();
    resize_memory(&mut interpreter.gas, &mut interpreter.memory, params, end as usize, 0)
        .map_err(|reason| state::end(interpreter, reason))?;
    frame.gas = interpreter.gas.remaining();
    refresh(frame, interpreter);
    Ok(())
}

/// `CALLDATALOAD`: 32 bytes from any offset, big-endian, zero-padded behind the end. Does not look
/// at gas, which compiled code need not have written back.
///
/// # Safety
/// `frame` is a frame whose calldata pointer is valid for its length, `words` points to a word;
/// nothing else is using either.
pub(super) unsafe extern "C" fn calldata_load(frame: *mut Frame, words: *mut Word) -> u32 {
    // SAFETY: the caller's promise.
    let (frame, word) = unsafe { (&*frame, &mut *words) };
    let [offset, high @ ..] = word.0;
    let mut bytes = [0; 32];
    if high == [0; 3] && offset < frame.calldata_len {
        let count = (frame.calldata_len - offset).min(32) as usize;
        // SAFETY: `offset + count` is at most the length of the calldata.
        let data = unsafe { std::slice::from_raw_parts(frame.calldata.add(offset as usize), count) };
        bytes[..count].copy_from_slice(data);
    }
    *word = super::to_word(ruint::aliases::U256::from_be_bytes(bytes));
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(calldata: &[u8], word: Word) -> Word {
        let mut frame =
            Frame { calldata: calldata.as_ptr(), calldata_len: calldata.len() as u64, ..Frame::empty() };
        let mut words = [word];
        // SAFETY: the calldata is as long as the frame says.
        assert_eq!(unsafe { calldata_load(&mut frame, words.as_mut_ptr()) }, 0);
        words[0]
    }

    #[test]
    fn calldata_is_padded_behind_its_end() {
        let data: Vec<u8> = (1..=40).collect();
        assert_eq!(load(&data, Word::from_u64(39)), Word([0, 0, 0, 40 << 56]));
        assert_eq!(load(&data, Word::from_u64(8)).0[0], 0x2122_2324_2526_2728);
        assert_eq!(load(&data, Word::from_u64(40)), Word::default());
        assert_eq!(load(&data, Word::from_u64(u64::MAX)), Word::default());
        assert_eq!(load(&data, Word([0, 1, 0, 0])), Word::default());
        assert_eq!(load(&[], Word::default()), Word::default());
    }
}
