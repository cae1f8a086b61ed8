//! Engines that run compiled code inside revm.
//!
//! Both get their code from a [`Codes`] store and differ in its maker: [`NativeMaker`] runs the whole
//! pipeline down to machine code in memory, [`IrMaker`] stops at the IR and interprets that.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use evmc_artifact::{Artifact, CheckedArtifact};
use evmc_backend::Backend;
use evmc_compiler::driver::{self, CompileError, Config};
use evmc_loader::LoadedCode;
use evmc_revm::{AotEvm, FrameCode, NativeCode, on_large_stack};
use revm::ExecuteEvm;

use super::{
    Counters, Engine, EvmContext, TxInput, TxResult, Worker,
    codes::{CodeMaker, Codes},
    ir_code::IrCode,
};
use crate::fork::Fork;

/// Reason under which frames are counted for which the native stack was too short.
const NO_STACK: &str = "native stack is too short";

/// Compiles to machine code.
pub struct NativeMaker {
    backend: Box<dyn Backend + Send>,
    config: Config,
}

impl NativeMaker {
    /// A maker with this code generator; the fork in `config` does not matter.
    pub fn new(backend: Box<dyn Backend + Send>, config: Config) -> Self {
        Self { backend, config }
    }
}

impl CodeMaker for NativeMaker {
    fn make(&self, code: &[u8], fork: Fork) -> Result<(Arc<dyn FrameCode>, usize), String> {
        let config = Config { fork, ..self.config.clone() };
        let artifact = driver::compile(code, &config, &*self.backend).map_err(refusal)?.artifact;
        let checked = Artifact::check(&artifact)
            .and_then(|found| found.expect(&driver::code_hash(code), fork as u16))
            .map_err(|error| format!("artifact is refused: {error}"))?;
        Ok((load(&checked)?, artifact.len()))
    }
}

/// Maps an artifact into memory.
fn load(artifact: &CheckedArtifact<'_>) -> Result<Arc<dyn FrameCode>, String> {
    let loaded = LoadedCode::load(artifact).map_err(|error| error.to_string())?;
    let code = NativeCode::trust(loaded).ok_or("artifact is not EVM code")?;
    Ok(Arc::new(code))
}

/// Runs one artifact for the code that it was made from, and compiles all other code.
pub struct ArtifactMaker {
    code: Arc<dyn FrameCode>,
    code_hash: [u8; 32],
    fork: Fork,
    others: NativeMaker,
}

impl ArtifactMaker {
    /// A maker with this artifact, which is for `fork`.
    ///
    /// # Errors
    /// Why the artifact cannot be mapped.
    pub fn new(artifact: &CheckedArtifact<'_>, fork: Fork, others: NativeMaker) -> Result<Self, String> {
        let code_hash = artifact.descriptor().code_hash;
        Ok(Self { code: load(artifact)?, code_hash, fork, others })
    }
}

impl CodeMaker for ArtifactMaker {
    fn make(&self, code: &[u8], fork: Fork) -> Result<(Arc<dyn FrameCode>, usize), String> {
        if fork == self.fork && driver::code_hash(code) == self.code_hash {
            return Ok((Arc::clone(&self.code), 0));
        }
        self.others.make(code, fork)
    }
}

/// Compiles to IR.
pub struct IrMaker {
    config: Config,
}

impl IrMaker {
    /// A maker; the fork in `config` does not matter.
    pub const fn new(config: Config) -> Self {
        Self { config }
    }
}

impl CodeMaker for IrMaker {
    fn make(&self, code: &[u8], fork: Fork) -> Result<(Arc<dyn FrameCode>, usize), String> {
        let config = Config { fork, ..self.config.clone() };
        let lowered = driver::lower(code, &config).map_err(refusal)?;
        let code = IrCode::new(lowered.module, fork);
        let bytes = code.estimated_bytes();
        Ok((Arc::new(code), bytes))
    }
}

/// A refusal in words that are the same for all codes that are refused for it.
fn refusal(error: CompileError) -> String {
    match error {
        CompileError::TooLong(_) | CompileError::TooManyOperations(_) => "code is too long".to_owned(),
        error => error.to_string(),
    }
}

/// Runs frames with code from a store, and interprets those for which it has none.
pub struct CompiledEngine<M> {
    name: &'static str,
    codes: Arc<Codes<M>>,
    keeps_hashes: bool,
    frames_native: AtomicU64,
    frames_without_stack: AtomicU64,
}

impl<M: CodeMaker + 'static> CompiledEngine<M> {
    /// An engine called `name` whose code `maker` makes; `initcode` tells whether code that creates
    /// contracts is compiled too.
    pub fn new(name: &'static str, maker: M, initcode: bool) -> Self {
        Self {
            name,
            codes: Arc::new(Codes::new(maker, initcode)),
            keeps_hashes: true,
            frames_native: AtomicU64::new(0),
            frames_without_stack: AtomicU64::new(0),
        }
    }

    /// The engine, in which the hashes that a transaction computes are kept for later ones, or are not.
    #[must_use]
    pub fn keeping_hashes(self, keeps_hashes: bool) -> Self {
        Self { keeps_hashes, ..self }
    }
}

impl<M: CodeMaker + 'static> Engine for CompiledEngine<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn on_worker_stack(&self, work: Box<dyn FnOnce() + Send + '_>) -> io::Result<()> {
        on_large_stack(work)
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(CompiledWorker { engine: self, evm: None })
    }

    fn counters(&self) -> Counters {
        let codes = self.codes.counters();
        let without_stack = self.frames_without_stack.load(Ordering::Relaxed);
        let without_stack = (without_stack > 0).then(|| (NO_STACK.to_owned(), without_stack));
        let mut frames_interpreted: BTreeMap<_, _> = codes.frames_without;
        frames_interpreted.extend(without_stack);
        Counters {
            frames_native: self.frames_native.load(Ordering::Relaxed),
            frames_interpreted,
            codes_compiled: codes.compiled,
            codes_refused: codes.refused,
            compile_cpu_s: codes.compile_cpu.as_secs_f64(),
            code_bytes: codes.code_bytes,
        }
    }
}

/// A worker of [`CompiledEngine`].
struct CompiledWorker<'a, M> {
    engine: &'a CompiledEngine<M>,
    /// The EVM, from the first transaction on.
    evm: Option<AotEvm<EvmContext>>,
}

impl<M: CodeMaker + 'static> Worker for CompiledWorker<'_, M> {
    fn transact(&mut self, input: &TxInput) -> TxResult {
        drop(self.evm.take_if(|evm| !input.renew(evm.context_mut())));
        let new = || {
            let mut evm = AotEvm::new(input.context(), Arc::clone(&self.engine.codes) as _);
            evm.keep_hashes(self.engine.keeps_hashes);
            // A fault is a defect of the compiler, which whoever uses this engine must see.
            evm.recover_from_faults(false);
            evm
        };
        let evm = self.evm.get_or_insert_with(new);
        let result = evm.replay();
        let counts = evm.take_counts();
        self.engine.frames_native.fetch_add(counts.native, Ordering::Relaxed);
        self.engine.frames_without_stack.fetch_add(counts.without_stack, Ordering::Relaxed);
        result
    }
}
