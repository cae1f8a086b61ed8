//! VM memory and calldata: growth, and where they are.
//!
//! All frames of a transaction share one buffer of revm's. It is reserved large enough that it does
//! not move in practice, but nothing relies on that: whatever may grow it tells the frame anew
//! where its memory is, and a nested call does so when it comes back, in every frame that waits.
//!
//! The buffer may be longer than the memory that the frame has paid for: growing a word at a time
//! then moves a length and charges, and revm's buffer is touched once in many times. What has been
//! paid for is what revm's gas says; the bytes behind are zero, since nothing may write there.

use evmc_abi::{Frame, Word};
use revm::{
    context::Evm,
    context_interface::{
        Cfg, ContextTr,
        cfg::gas_params::{GasId, GasParams},
    },
    interpreter::{
        CallInput, InstructionResult, Interpreter, interpreter::resize_memory, interpreter_types::MemoryTr,
    },
};

use super::{Outcome, state};
use crate::evm::AotEvm;

/// Bytes by which the buffer is made longer than needed: as many as there are, within these bounds.
/// The upper one bounds what an operation that grows memory by a word can cost.
const LEAST_AHEAD_BYTES: usize = 512;
const MOST_AHEAD_BYTES: usize = 4096;

/// Tells the frame where its memory and its calldata are.
#[inline(always)]
pub(crate) fn refresh(frame: &mut Frame, interpreter: &mut Interpreter) {
    let start = interpreter.memory.context_memory_mut().as_mut_ptr();
    frame.memory_len = 32 * interpreter.gas.memory().words_num as u64;
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
    let params = ctx.cfg().gas_params();
    if end <= interpreter.memory.size() as u64 {
        return pay(frame, interpreter, params, end.div_ceil(32) as usize);
    }
    interpreter.gas.set_remaining(frame.gas);
    resize_memory(&mut interpreter.gas, &mut interpreter.memory, params, end as usize, 0)
        .map_err(|reason| state::end(interpreter, reason))?;
    frame.gas = interpreter.gas.remaining();
    let len = interpreter.memory.size();
    interpreter.memory.resize(len + len.clamp(LEAST_AHEAD_BYTES, MOST_AHEAD_BYTES));
    refresh(frame, interpreter);
    Ok(())
}

/// Charges for memory of `words` words, which the buffer holds already.
fn pay(frame: &mut Frame, interpreter: &mut Interpreter, params: &GasParams, words: usize) -> Outcome {
    let memory_gas = interpreter.gas.memory_mut();
    if words > memory_gas.words_num {
        let cost = memory_gas.set_words_num(words, memory_cost(params, words)).unwrap_or_default();
        let Some(left) = frame.gas.checked_sub(cost) else {
            interpreter.gas.set_remaining(frame.gas);
            return Err(state::end(interpreter, InstructionResult::MemoryOOG));
        };
        frame.gas = left;
        frame.memory_len = 32 * words as u64;
    }
    Ok(())
}

/// What `params.memory_cost(words)` is, by a shift where the divisor is the one of all forks so far.
/// Does not overflow: the words are in a buffer.
#[inline(always)]
fn memory_cost(params: &GasParams, words: usize) -> u64 {
    const USUAL_DIVISOR: u64 = 512;
    if params.get(GasId::memory_quadratic_reduction()) != USUAL_DIVISOR {
        return params.memory_cost(words);
    }
    let words = words as u64;
    params
        .get(GasId::memory_linear_cost())
        .saturating_mul(words)
        .saturating_add(words * words / USUAL_DIVISOR)
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
