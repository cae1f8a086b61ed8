//! Ways of running a transaction.
//!
//! An [`Engine`] is shared by all worker threads: it owns what may be shared, such as compiled code by
//! code hash and fork. A [`Worker`] belongs to one thread and owns what must not be shared, such as frame
//! memory. Both `evmc statetest` and `evmc run` know engines only through these two traits, and every
//! engine answers in revm's own result types, so any two can be compared field by field.

mod codes;
mod compiled;
mod interpreter;
mod ir_code;

use std::{collections::BTreeMap, convert::Infallible, io, sync::Arc};

use revm::{
    Context, Journal, MainContext,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, HaltReason, InvalidTransaction, ResultAndState},
    },
};

pub use codes::{CodeMaker, Codes};
pub use compiled::{ArtifactMaker, CompiledEngine, IrMaker, NativeMaker};
pub use interpreter::{InterpreterEngine, trace};

use crate::world::{World, WorldDb};

/// A transaction with everything that it can see.
#[derive(Clone, Debug)]
pub struct TxInput {
    /// The state before.
    pub world: Arc<World>,
    /// The block that it is in.
    pub block: BlockEnv,
    /// Fork and limits.
    pub cfg: CfgEnv,
    /// The transaction itself.
    pub tx: TxEnv,
}

/// revm's context over a [`World`].
pub type EvmContext = Context<BlockEnv, TxEnv, CfgEnv, WorldDb, Journal<WorldDb>, ()>;

impl TxInput {
    /// A fresh revm context for this transaction.
    pub fn context(&self) -> EvmContext {
        Context::mainnet()
            .with_db(self.world.database())
            .with_cfg(self.cfg.clone())
            .with_block(self.block.clone())
            .with_tx(self.tx.clone())
    }

    /// Puts this transaction into a context that has run another to its end.
    ///
    /// `false` where the context cannot take it, because fork or limits are others.
    fn renew(&self, context: &mut EvmContext) -> bool {
        if context.cfg != self.cfg {
            return false;
        }
        let database = &mut context.journaled_state.database.0;
        if !Arc::ptr_eq(database, &self.world) {
            *database = Arc::clone(&self.world);
        }
        if context.block != self.block {
            context.block = self.block.clone();
        }
        context.tx = self.tx.clone();
        true
    }
}

/// Why a transaction did not run: it is invalid, or an engine failed.
pub type TxError = EVMError<Infallible, InvalidTransaction>;

/// What a transaction came to.
pub type TxResult = Result<ResultAndState<HaltReason>, TxError>;

/// What an engine did so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Frames that ran as native code.
    pub frames_native: u64,
    /// Frames that were interpreted, by reason.
    pub frames_interpreted: BTreeMap<String, u64>,
    /// Codes that were compiled.
    pub codes_compiled: u64,
    /// Codes that the compiler refused, by reason.
    pub codes_refused: BTreeMap<String, u64>,
    /// CPU time spent on compiling, in seconds.
    pub compile_cpu_s: f64,
    /// Bytes of what was compiled: artifacts, or IR in memory.
    pub code_bytes: u64,
}

/// A way of running transactions, shared between threads.
pub trait Engine: Sync {
    /// The name by which the command line knows it.
    fn name(&self) -> &'static str;

    /// Runs `work` where the native stack is as large as this engine's workers need it.
    ///
    /// # Errors
    /// When the system refuses the thread that this may take.
    fn on_worker_stack(&self, work: Box<dyn FnOnce() + Send + '_>) -> io::Result<()> {
        work();
        Ok(())
    }

    /// A worker for the calling thread.
    fn worker(&self) -> Box<dyn Worker + '_>;

    /// What has been done since the engine was made.
    fn counters(&self) -> Counters;

    /// Whether this engine is the reference that others are compared with.
    fn is_reference(&self) -> bool {
        false
    }
}

/// A thread's handle on an engine. It keeps its EVM from one transaction to the next; one that has
/// panicked is of no more use.
pub trait Worker {
    /// Runs one transaction; the world in `input` stays as it is.
    fn transact(&mut self, input: &TxInput) -> TxResult;
}
