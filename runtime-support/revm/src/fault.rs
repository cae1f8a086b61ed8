//! Native code that fails, and the transaction that goes on without it.
//!
//! Code fails when the processor faults in it ([`evmc_loader::Fault`]), when a host function that it has called panics, or
//! when it leaves in a way that makes no sense. What it has done to the state until then may be anything. So all frames of
//! the transaction end; the journal goes back to where it was before the outermost frame began, as for a call
//! that reverts; the code is put in quarantine ([`CodeSource::quarantine`](crate::CodeSource::quarantine)); and the outermost
//! frame begins again, with all frames of the transaction interpreted. What precedes that frame, such as the payment for
//! gas, no code has a part in, and it is not repeated.
//!
//! This takes place between a handler's call of [`frame_run`](revm::handler::EvmTr::frame_run) and its return, so it holds for
//! whatever handler runs transactions or system calls on [`AotEvm`], and none of them sees it. If the interpreter
//! panics as well, then so does the handler, as with revm's own EVM.
//!
//! As after a call that reverts, accounts and slots that the failed attempt has loaded stay in the journal, cold and as they
//! were. A fault in code that is right up to there adds none that the interpreter does not load; see also
//! [`AotEvm::interpret_next`].
//!
//! What this does not cover: memory that the code has overwritten before it failed; and signals in host functions, in precompiles
//! or in the database, which end the process. Generated code holds nothing and can be left anywhere. Those are
//! ordinary Rust, and leaving them without unwinding is not sound, though the transaction begins again from its start. They may be
//! inside the allocator or behind another lock, which then stays locked for all threads; in the middle of
//! changing the journal, whose tables the revert itself walks through; or of changing a cache of the database, which belongs to the
//! node and outlives the transaction. A panic in them unwinds, so it is survived.

use std::ops::AddAssign;

use revm::{
    context_interface::{ContextTr, JournalTr, context::ContextError, journaled_state::JournalCheckpoint},
    handler::{EvmTr, FrameInitOrResult, ItemOrResult, PrecompileProvider, evm::ContextDbError},
    interpreter::{FrameInput, InterpreterResult, SharedMemory, interpreter_action::FrameInit},
};

use crate::{
    cache::Runnable,
    evm::{AotEvm, EthFrame},
};

/// Defines [`FaultKind`] and its names.
macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// How native code has failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $variant,)*
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What it is called in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    /// An instruction that does not exist or is not allowed (`SIGILL`).
    Instruction = "illegal instruction";
    /// A division by zero or whose quotient does not fit (`SIGFPE`).
    Arithmetic = "division fault";
    /// An access that the bus refuses (`SIGBUS`).
    Bus = "bus error";
    /// An access to memory that is not there, or not for this (`SIGSEGV`).
    Memory = "invalid memory access";
    /// An instruction that stands where none is meant to be reached (`SIGTRAP`).
    Trap = "trap instruction";
    /// More native stack than there is.
    Stack = "native stack exhausted";
    /// A panic in a host function.
    Panic = "panic in a host function";
    /// An exit that makes no sense.
    Exit = "impossible exit";
}

impl From<evmc_loader::FaultKind> for FaultKind {
    fn from(kind: evmc_loader::FaultKind) -> Self {
        match kind {
            evmc_loader::FaultKind::Instruction => Self::Instruction,
            evmc_loader::FaultKind::Arithmetic => Self::Arithmetic,
            evmc_loader::FaultKind::Bus => Self::Bus,
            evmc_loader::FaultKind::Memory => Self::Memory,
            evmc_loader::FaultKind::Trap => Self::Trap,
            evmc_loader::FaultKind::Stack => Self::Stack,
        }
    }
}

/// Faults by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; FaultKind::ALL.len()]);

impl FaultCounts {
    /// Faults of a kind.
    pub const fn of(&self, kind: FaultKind) -> u64 {
        self.0[kind as usize]
    }

    /// Faults of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Faults since there were `earlier` ones.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|kind| self.0[kind] - earlier.0[kind]))
    }
}

impl AddAssign for FaultCounts {
    fn add_assign(&mut self, more: Self) {
        for (count, more) in self.0.iter_mut().zip(more.0) {
            *count += more;
        }
    }
}

/// What is kept for the case that code fails.
pub(crate) struct Recovery {
    /// Whether the transaction goes on interpreted, or ends with an error.
    pub(crate) is_enabled: bool,
    /// Whether all frames of the running transaction are interpreted, since its code has failed.
    pub(crate) interprets: bool,
    /// Whether all frames of the next are.
    interprets_next: bool,
    /// The journal before the outermost frame, and its depth.
    start: (JournalCheckpoint, usize),
    /// How code has failed, on the way to where the transaction begins again.
    fault: Option<(FaultKind, String)>,
}

impl Recovery {
    /// Nothing has failed.
    pub(crate) const fn new() -> Self {
        let start = (JournalCheckpoint { log_i: 0, journal_i: 0, selfdestructed_i: 0 }, 0);
        Self { is_enabled: true, interprets: false, interprets_next: false, start, fault: None }
    }

    /// Remembers how the journal is before the outermost frame of a transaction.
    #[inline(always)]
    pub(crate) fn begin(&mut self, journal: &mut impl JournalTr) {
        let depth = journal.depth();
        self.start = (journal.checkpoint(), depth);
        journal.checkpoint_commit();
        self.interprets = std::mem::take(&mut self.interprets_next);
        self.fault = None;
    }

    /// Whether code has failed, and the transaction is to begin again.
    #[inline(always)]
    pub(crate) const fn is_due(&self) -> bool {
        self.fault.is_some() && self.is_enabled
    }
}

impl<CTX: ContextTr, P> AotEvm<CTX, P> {
    /// Whether a transaction whose code fails goes on interpreted, which it does at first. If not, it ends with an
    /// error, and nothing is put in quarantine: for those who look for such code.
    pub const fn recover_from_faults(&mut self, recover: bool) {
        self.recovery.is_enabled = recover;
    }

    /// Has all frames of the next transaction interpreted.
    ///
    /// For those who ask which accounts and slots a transaction loads: after one whose code has failed
    /// ([`FrameCounts::faults`](crate::FrameCounts)), they empty the journal and run it again.
    pub const fn interpret_next(&mut self) {
        self.recovery.interprets_next = true;
    }

    /// Has all frames end since code has failed; whose code that is, [`Self::blame`] will tell.
    #[cold]
    pub(crate) fn fault(&mut self, kind: FaultKind, reason: String) {
        self.meter.counts.faults.0[kind as usize] += 1;
        self.fail(ContextError::Custom(reason.clone()));
        self.recovery.fault.get_or_insert((kind, reason));
    }

    /// The error that ends all frames, when `runnable` has ended with one. If the error is a fault that
    /// nobody was blamed for, `runnable` is what has failed.
    #[cold]
    pub(crate) fn blame(&mut self, runnable: &Runnable) -> ContextDbError<CTX> {
        if self.recovery.is_due() && !std::mem::replace(&mut self.recovery.interprets, true) {
            let reason = self.recovery.fault.as_ref().map_or("", |(_, reason)| reason);
            self.codes.quarantine(runnable, reason);
        }
        self.error.take().unwrap_or_else(|| ContextError::Custom("code has failed".to_owned()))
    }
}

impl<CTX, P> AotEvm<CTX, P>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    /// Begins the outermost frame again and interprets it up to its first call or its end.
    #[cold]
    pub(crate) fn start_over(&mut self) -> Result<FrameInitOrResult<EthFrame>, ContextDbError<CTX>> {
        self.recovery.fault = None;
        self.recovery.interprets = true;
        self.error = None;
        self.meter.forget_gas();
        *self.inner.ctx.error() = Ok(());
        self.revert_journal();
        let Some(init) = self.take_outermost() else {
            return Err(ContextError::Custom("a fault outside of a frame".to_owned()));
        };
        self.meter.counts.after_fault += 1;
        match self.inner.frame_init(init)? {
            ItemOrResult::Item(_) => self.interpret(),
            ItemOrResult::Result(_) => Err(ContextError::Custom("a frame does not start again".to_owned())),
        }
    }

    /// Takes back all that was done since the outermost frame was asked for.
    fn revert_journal(&mut self) {
        let (start, depth) = self.recovery.start;
        let journal = self.inner.ctx.journal_mut();
        for _ in depth..journal.depth() {
            journal.checkpoint_commit();
        }
        // One that is open is what a revert ends.
        journal.checkpoint();
        journal.checkpoint_revert(start);
    }

    /// Removes all frames and gives what the outermost was started with; `None` where there is none.
    fn take_outermost(&mut self) -> Option<FrameInit> {
        let frames = &mut self.inner.frame_stack;
        for _ in 0..frames.index()? {
            frames.pop();
        }
        let outermost = frames.get();
        let frame_input = std::mem::replace(&mut outermost.input, FrameInput::Empty);
        let mut memory = std::mem::replace(&mut outermost.interpreter.memory, SharedMemory::invalid());
        memory.free_child_context();
        memory.resize(0);
        let depth = outermost.depth;
        frames.clear();
        Some(FrameInit { depth, memory, frame_input })
    }
}
