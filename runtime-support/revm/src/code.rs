//! Code that can run a frame, and where it comes from.

use std::sync::Arc;

use evmc_abi::{ExitCode, OpRow, StretchRange};
use revm::{
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId},
};

use crate::view::HostView;

/// A contract in a form that can run a frame: compiled machine code, or an interpreter of the IR.
///
/// It was made for one bytecode and one fork; the runtime runs it only for these.
pub trait FrameCode: Send + Sync {
    /// Runs the frame to its end and says why it ended.
    ///
    /// Static gas is charged here, dynamic gas by the host functions. When a host function asks
    /// for the end ([`HostView::call`] gives an error), that code must be returned at once.
    fn run(&self, view: &mut HostView<'_>) -> ExitCode;

    /// Whether the frame needs a memory stack ([`evmc_abi::Frame::stack`]).
    fn uses_memory_stack(&self) -> bool;

    /// Bytes of native stack that [`Self::run`] may use, without what host functions use.
    fn native_stack_bytes(&self) -> usize;

    /// One row per opcode under the fork that the code was made for.
    fn op_rows(&self) -> &[OpRow; 256];

    /// The stretch with this number, or `None` where there is none.
    fn stretch(&self, number: u32) -> Option<StretchRange>;
}

/// Where the runtime looks for code: for each frame, unless it was given that code before.
pub trait CodeSource: Send + Sync {
    /// Code for the bytecode with this hash under this fork; `None` has the frame interpreted.
    ///
    /// `code` is what runs: for an account that delegates (EIP-7702) the target's code, and
    /// `code_hash` is the hash of that. `is_initcode` tells code that creates a contract.
    fn lookup(
        &self,
        code_hash: B256,
        code: &Bytecode,
        spec: SpecId,
        is_initcode: bool,
    ) -> Option<Arc<dyn FrameCode>>;

    /// A number that changes when the source has let go of code that it had given out, or has got code that it
    /// had said for good ([`Self::absence_lasts`]) that it lacks.
    ///
    /// An EVM keeps code and does not ask for it again until this number has changed, which it looks
    /// at once per transaction.
    fn epoch(&self) -> u64 {
        0
    }

    /// Whether code that a lookup did not find stays missing until [`Self::epoch`] changes, so that an EVM need
    /// not ask for every frame. A source that counts lookups, or compiles in the background and does not
    /// change its epoch then, says no.
    fn absence_lasts(&self) -> bool {
        false
    }

    /// Whether there may be code for what creates a contract. Where not, initcode is not even hashed, which can
    /// take longer than to run it.
    fn serves_initcode(&self) -> bool {
        true
    }

    /// Whether to be told what interpreted code uses in gas ([`Self::interpreted`]). An EVM asks once, when it is made.
    fn counts_gas(&self) -> bool {
        false
    }

    /// Says that the interpreter has spent `gas` on the code with this hash since it was last told: on its own operations,
    /// without what it called, before refunds; of a frame that ran out of gas, all that was left.
    ///
    /// Called between transactions, once for each code that the last one had interpreted, on the thread that executes: it must
    /// not take long. Asked for by [`Self::counts_gas`].
    fn interpreted(&self, code_hash: B256, code: &Bytecode, spec: SpecId, gas: u64) {
        let _ = (code_hash, code, spec, gas);
    }

    /// Says that the code given for this bytecode and fork has failed, and how ([`crate::fault`]).
    ///
    /// The EVM that has found out asks for that code no more. A source that others use too, or that lasts longer, should give it
    /// out no more and change its [`Self::epoch`].
    fn quarantine(&self, code_hash: B256, spec: SpecId, reason: &str) {
        let _ = (code_hash, spec, reason);
    }
}

/// A source without any code: everything is interpreted.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCode;

impl CodeSource for NoCode {
    fn lookup(&self, _: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        None
    }

    fn absence_lasts(&self) -> bool {
        true
    }

    fn serves_initcode(&self) -> bool {
        false
    }
}
