//! The one place that calls compiled machine code.

use std::{any::Any, sync::Arc};

use evmc_abi::{EntryPoint, ExitCode, OpRow, StretchRange};

use crate::{code::FrameCode, view::HostView};

/// What the runtime has to know of compiled code besides where it starts.
#[derive(Clone, Debug)]
pub struct CodeFacts {
    /// Whether the code uses the memory stack.
    pub uses_memory_stack: bool,
    /// Bytes of native stack that the code may use, without what host functions use.
    pub native_stack_bytes: usize,
    /// One row per opcode under the fork that the code was made for.
    pub op_rows: Box<[OpRow; 256]>,
    /// The stretches in the order of their numbers.
    pub stretches: Box<[StretchRange]>,
}

/// Compiled code in memory, ready to run.
pub struct NativeCode {
    entry: EntryPoint,
    facts: CodeFacts,
    _mapping: Arc<dyn Any + Send + Sync>,
}

impl NativeCode {
    /// Code that starts at `entry` and stays in memory as long as `mapping` lives.
    ///
    /// # Safety
    /// `entry` is the entry point of code that follows this version of the ABI, was compiled for
    /// this processor, and may run on any thread; `mapping` keeps it in memory; `facts` are its own.
    pub unsafe fn new(entry: EntryPoint, facts: CodeFacts, mapping: Arc<dyn Any + Send + Sync>) -> Self {
        Self { entry, facts, _mapping: mapping }
    }
}

impl FrameCode for NativeCode {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        // SAFETY: `new` vouches for the code, the view for the frame, and `self` keeps the mapping.
        let code = unsafe { (self.entry)(view.as_ptr()) };
        ExitCode::from_number(code).unwrap_or(ExitCode::Unreachable)
    }

    fn uses_memory_stack(&self) -> bool {
        self.facts.uses_memory_stack
    }

    fn native_stack_bytes(&self) -> usize {
        self.facts.native_stack_bytes
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        &self.facts.op_rows
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        self.facts.stretches.get(number as usize).copied()
    }
}
