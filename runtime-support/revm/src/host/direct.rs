//! Host functions that do without revm's interpreter where it matters: those that are called often
//! and do little.
//!
//! Each does what revm's instruction does in the usual case, with revm's gas parameters, and has
//! [`state::run`] run the instruction itself in any other: where memory grows, gas is short, or the
//! fork's rules are older.

use evmc_abi::{Frame, HostFn, Word};
use revm::{
    context::Evm,
    context_interface::{Cfg, ContextTr, Host},
    interpreter::{
        InstructionResult,
        interpreter_types::{InputsTr, RuntimeFlag},
    },
    primitives::hardfork::SpecId,
};

use super::{Outcome, function, state, to_u256, to_word};
use crate::evm::AotEvm;

/// Runs host function number `F`, which is an instruction and no more: here, or as revm's instruction.
#[inline(always)]
pub(super) fn run<CTX: ContextTr, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome {
    let context = &evm.inner.ctx;
    words[0] = match const { function(F) } {
        HostFn::Keccak256 => return keccak256(evm, frame, words),
        HostFn::Sload => return sload(evm, frame, words),
        HostFn::Sstore => return sstore(evm, frame, words),
        HostFn::CalldataCopy | HostFn::CodeCopy => return copy::<CTX, P, F>(evm, frame, words),
        // What the environment says costs no more than the static gas.
        HostFn::Origin => to_word(Host::caller(context).into_word().into()),
        HostFn::Gasprice => to_word(Host::effective_gas_price(context)),
        HostFn::Coinbase => to_word(Host::beneficiary(context).into_word().into()),
        HostFn::Timestamp => to_word(Host::timestamp(context)),
        HostFn::Number => to_word(Host::block_number(context)),
        HostFn::Gaslimit => to_word(Host::gas_limit(context)),
        _ => return state::run::<CTX, P, F>(evm, frame, words),
    };
    Ok(())
}

/// `KECCAK256` of a part of memory that is there already.
#[inline(always)]
fn keccak256<CTX: ContextTr, P>(evm: &mut AotEvm<CTX, P>, frame: &mut Frame, words: &mut [Word]) -> Outcome {
    if let Some(input) = in_memory(frame, words[0], words[1]) {
        let cost = evm.inner.ctx.cfg().gas_params().keccak256_cost(input.len());
        if let Some(gas) = frame.gas.checked_sub(cost) {
            words[0] = to_word(evm.hashes.keccak256(input));
            frame.gas = gas;
            return Ok(());
        }
    }
    state::run::<CTX, P, { HostFn::Keccak256 as u16 }>(evm, frame, words)
}

/// The bytes of VM memory from `offset` on; `None` where there are none or memory would have to grow.
#[inline(always)]
fn in_memory(frame: &Frame, offset: Word, len: Word) -> Option<&[u8]> {
    let (start, count) = (offset.0[0] as usize, len.0[0] as usize);
    // SAFETY: the frame's memory is `memory_len` bytes long, and nothing else uses it while a host
    // function runs; the range ends inside.
    is_inside(frame, offset, len)
        .then(|| unsafe { std::slice::from_raw_parts(frame.memory.add(start), count) })
}

/// Whether there are bytes in the range, and all of them in VM memory as it is.
#[inline(always)]
pub(super) fn is_inside(frame: &Frame, offset: Word, len: Word) -> bool {
    let (Word([offset, offset_high @ ..]), Word([len, len_high @ ..])) = (offset, len);
    len != 0
        && len_high == [0; 3]
        && offset_high == [0; 3]
        && offset.checked_add(len).is_some_and(|end| end <= frame.memory_len)
}

/// `SLOAD` as of Berlin (EIP-2929): the additional cost of a cold slot is asked for before it is loaded.
#[inline(always)]
fn sload<CTX: ContextTr, P>(evm: &mut AotEvm<CTX, P>, frame: &mut Frame, words: &mut [Word]) -> Outcome {
    let Evm { ctx, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    if !interpreter.runtime_flag.spec_id().is_enabled_in(SpecId::BERLIN) {
        return state::run::<CTX, P, { HostFn::Sload as u16 }>(evm, frame, words);
    }
    let cold_cost = ctx.gas_params().cold_storage_additional_cost();
    let after_cold = frame.gas.checked_sub(cold_cost);
    let target = interpreter.input.target_address();
    match (ctx.sload_skip_cold_load(target, to_u256(words[0]), after_cold.is_none()), after_cold) {
        (Ok(slot), Some(gas)) if slot.is_cold => {
            frame.gas = gas;
            words[0] = to_word(slot.data);
        }
        (Ok(slot), _) if !slot.is_cold => words[0] = to_word(slot.data),
        (outcome, _) => {
            interpreter.gas.set_remaining(frame.gas);
            let reason = outcome.map_or_else(Into::into, |_| InstructionResult::OutOfGas);
            return Err(state::end(interpreter, reason));
        }
    }
    Ok(())
}

/// `SSTORE` as of Berlin (EIP-2929) and up to EIP-8037, where it is allowed and not too little gas is left.
#[inline(always)]
fn sstore<CTX: ContextTr, P>(evm: &mut AotEvm<CTX, P>, frame: &mut Frame, words: &mut [Word]) -> Outcome {
    let Evm { ctx, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    let params = ctx.gas_params();
    let has_sentry = frame.gas <= params.call_stipend();
    let paid = frame.gas.checked_sub(params.sstore_static_gas());
    let is_usual = interpreter.runtime_flag.spec_id().is_enabled_in(SpecId::BERLIN)
        && !interpreter.runtime_flag.is_static()
        && !ctx.is_amsterdam_eip8037_enabled();
    let Some(gas) = paid.filter(|_| is_usual && !has_sentry) else {
        return state::run::<CTX, P, { HostFn::Sstore as u16 }>(evm, frame, words);
    };
    let skip_cold_load = gas < params.cold_storage_cost();
    let target = interpreter.input.target_address();
    let (key, value) = (to_u256(words[0]), to_u256(words[1]));
    let reason = match ctx.sstore_skip_cold_load(target, key, value, skip_cold_load) {
        Ok(slot) => {
            let params = ctx.gas_params();
            if let Some(left) = gas.checked_sub(params.sstore_dynamic_gas(true, &slot.data, slot.is_cold)) {
                interpreter.gas.record_refund(params.sstore_refund(true, &slot.data));
                frame.gas = left;
                return Ok(());
            }
            InstructionResult::OutOfGas
        }
        Err(error) => error.into(),
    };
    interpreter.gas.set_remaining(gas);
    Err(state::end(interpreter, reason))
}

/// `CALLDATACOPY` and `CODECOPY` to memory that is there already; zeros from behind the end.
#[inline(always)]
fn copy<CTX: ContextTr, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome {
    let [to, from, len] = [words[0], words[1], words[2]];
    let count = len.0[0] as usize;
    let cost = evm.inner.ctx.cfg().gas_params().copy_cost(count);
    let Some(gas) = frame.gas.checked_sub(cost).filter(|_| is_inside(frame, to, len)) else {
        return state::run::<CTX, P, F>(evm, frame, words);
    };
    let (data, data_len) = match const { function(F) } {
        HostFn::CodeCopy => (frame.code, frame.code_len),
        _ => (frame.calldata, frame.calldata_len),
    };
    let start = if from.0[1..] == [0; 3] { from.0[0].min(data_len) } else { data_len } as usize;
    let present = count.min(data_len as usize - start);
    // SAFETY: `count` bytes from there are inside the frame's memory, which nothing else uses; `data` is valid
    // for its length, and is other memory: the code, or an earlier frame's part of the buffer.
    unsafe {
        let memory = frame.memory.add(to.0[0] as usize);
        if present > 0 {
            memory.copy_from_nonoverlapping(data.add(start), present);
        }
        memory.add(present).write_bytes(0, count - present);
    }
    frame.gas = gas;
    Ok(())
}
