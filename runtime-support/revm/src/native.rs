//! The one place that calls compiled machine code.

use evmc_abi::descriptor::Language;
use evmc_abi::{ExitCode, OpRow, StretchRange};
use evmc_loader::LoadedCode;

use crate::{code::FrameCode, view::HostView};

/// A loaded artifact of EVM code, trusted to run.
#[derive(Debug)]
pub struct NativeCode {
    loaded: LoadedCode,
    op_rows: Box<[OpRow; 256]>,
}

impl NativeCode {
    /// Trusts a loaded artifact, or gives `None` where it is not EVM code.
    ///
    /// The artifact's checks find damage, not malice: machine code can do whatever this process
    /// can. What is handed in here must come from a compiler that the user trusts.
    pub fn trust(loaded: LoadedCode) -> Option<Self> {
        if loaded.descriptor().language != Language::Evm as u8 {
            return None;
        }
        let op_rows = Box::new(loaded.op_rows().copied().unwrap_or([OpRow::default(); 256]));
        Some(Self { loaded, op_rows })
    }

    /// What was trusted.
    pub const fn loaded(&self) -> &LoadedCode {
        &self.loaded
    }
}

impl FrameCode for NativeCode {
    fn run(&self, view: &mut HostView<'_>) -> ExitCode {
        // SAFETY: the view stands for a frame whose pointers are what compiled code needs, and is
        // borrowed exclusively; `trust` has vouched for the code.
        let outcome = unsafe { self.loaded.call(view.as_ptr()) };
        outcome.unwrap_or_else(|fault| view.set_fault(fault))
    }

    fn uses_memory_stack(&self) -> bool {
        self.loaded.uses_memory_stack()
    }

    fn native_stack_bytes(&self) -> usize {
        usize::try_from(self.loaded.native_stack_bytes()).unwrap_or(usize::MAX)
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        &self.op_rows
    }

    fn stretch(&self, number: u32) -> Option<StretchRange> {
        self.loaded.stretches().get(number as usize).copied()
    }
}
