//! IR that runs a frame: the executable semantics in the place of machine code.

use evmc_abi::{ExitCode, Field, HostFn, OpRow, StretchRange, Word};
use evmc_compiler::frontend::evm::opcode;
use evmc_ir::{
    Module, Stretch,
    interp::{self, Host},
};
use evmc_revm::{FrameCode, HostView};
use ruint::aliases::U256;

use crate::fork::Fork;

/// Most words that a host function takes or gives.
const MAX_WORDS: usize = 8;

/// About what an instruction with its values takes in memory, in bytes.
const BYTES_PER_INSTRUCTION: usize = 64;

/// Native stack of a frame, in bytes; the interpreter keeps the values of the program on the heap.
const NATIVE_STACK_BYTES: usize = 64 << 10;

/// The IR of a code under a fork.
pub struct IrCode {
    module: Module,
    op_rows: Box<[OpRow; 256]>,
}

impl IrCode {
    /// Takes verified IR.
    pub fn new(module: Module, fork: Fork) -> Self {
        Self { module, op_rows: Box::new(opcode::rows(fork)) }
    }

    /// About how many bytes it takes in memory.
    pub fn estimated_bytes(&self) -> usize {
        let functions = self.module.functions.values();
        let instructions: usize = functions.map(|function| function.size()).sum();
        instructions * BYTES_PER_INSTRUCTION
    }
}

impl FrameCode for IrCode {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        let gas = view.gas();
        // A fault is a defect of the compiler, which the runtime reports as such.
        let Ok(outcome) = interp::run(&self.module, &mut FrameHost(view), gas, u64::MAX) else {
            return ExitCode::Unreachable;
        };
        view.set_gas(outcome.gas);
        if let Some((stretch, height)) = outcome.failed {
            view.set_failed_stretch(stretch.as_u32(), height);
        }
        outcome.code
    }

    /// The interpreter has a memory stack of its own.
    fn uses_memory_stack(&self) -> bool {
        false
    }

    fn native_stack_bytes(&self) -> usize {
        NATIVE_STACK_BYTES
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        &self.op_rows
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        self.module.stretches.get(Stretch::from_u32(number)).copied()
    }
}

/// A frame of the runtime as the IR's interpreter sees it.
struct FrameHost<'v, 'f>(&'v mut HostView<'f>);

impl Host for FrameHost<'_, '_> {
    fn call(&mut self, function: HostFn, words: &mut [U256], gas: &mut u64) -> Result<(), ExitCode> {
        let mut passed = [Word::default(); MAX_WORDS];
        for (word, value) in passed.iter_mut().zip(words.iter()) {
            *word = Word(*value.as_limbs());
        }
        self.0.set_gas(*gas);
        let result = self.0.call(function, &mut passed);
        *gas = self.0.gas();
        for (word, value) in passed.iter().zip(words.iter_mut()) {
            *value = U256::from_limbs(word.0);
        }
        result
    }

    fn memory(&self) -> &[u8] {
        self.0.memory()
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.0.memory_mut()
    }

    fn field(&self, field: Field) -> U256 {
        let frame = self.0.fields();
        let word = |word: Word| U256::from_limbs(word.0);
        match field {
            Field::Gas => U256::from(frame.gas),
            Field::MemoryLen => U256::from(frame.memory_len),
            Field::CalldataLen => U256::from(frame.calldata_len),
            Field::CodeLen => U256::from(frame.code_len),
            Field::ReturndataLen => U256::from(frame.returndata_len),
            Field::ExitStretch => U256::from(frame.exit_stretch),
            Field::ExitHeight => U256::from(frame.exit_height),
            Field::Address => word(frame.address),
            Field::Caller => word(frame.caller),
            Field::Callvalue => word(frame.callvalue),
            // Pointers, which the interpreter never follows.
            Field::Host | Field::Memory | Field::Stack | Field::Calldata | Field::Code | Field::Context => {
                U256::ZERO
            }
            // Of WebAssembly alone.
            Field::Runtime | Field::Instance | Field::Values | Field::Callee | Field::Depth => U256::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_every_host_function_have_room() {
        assert!(HostFn::ALL.iter().all(|function| function.words() <= MAX_WORDS));
    }
}
