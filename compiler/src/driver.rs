//! From bytecode to artifact, in the order of the pipeline:
//!
//! `bytes → (frontend) → IR → (passes) → IR → (backend) → object → (link) → artifact`
//!
//! Each step is a function, so that the command line can stop after any of them. Nothing here depends
//! on anything but its arguments: equal requests give equal bytes.

use evmc_abi::descriptor::{self, Backend as BackendId, Counters, Language};
use evmc_backend::{Backend, BackendError, Object, Options};
use evmc_ir::Module;
use evmc_ir::verify::{VerifyError, verify};
use evmc_wasm_module::ModuleInfo;
use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::frontend::evm::opcode::{self, Fork};
use crate::frontend::evm::{self, Statistics};
use crate::frontend::wasm::{self, WasmConfig, WasmError};
use crate::link::{self, LinkError, Metadata};
use crate::passes::stretches;
use crate::pipeline::{self, PassReport};

/// Longest bytecode that is compiled, in bytes. Deployed code has at most 24,576 (EIP-170) and initcode
/// at most 49,152 (EIP-3860); before those limits longer code could run as initcode.
pub const MAX_CODE_BYTES: usize = 1 << 24;

/// Most bytes of a code that basic blocks may cover: what is compiled, as against data behind it.
pub const MAX_COVERED_BYTES: usize = 1 << 20;

/// How to compile.
#[derive(Clone, Debug)]
pub struct Config {
    /// Rules that the code runs under.
    pub fork: Fork,
    /// What the backend is told.
    pub backend: Options,
    /// Whether functions are recovered and specialised; without it everything is generic.
    pub specialise: bool,
    /// Whether the IR is verified after the frontend and after each pass.
    pub verify: bool,
}

impl Default for Config {
    fn default() -> Self {
        let verify = cfg!(debug_assertions);
        Self { fork: Fork::default(), backend: Options::default(), specialise: true, verify }
    }
}

/// Why a code was not compiled.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The bytecode is longer than [`MAX_CODE_BYTES`].
    #[error("the code has {0} bytes; at most {MAX_CODE_BYTES} are compiled")]
    TooLong(usize),
    /// Basic blocks cover more than [`MAX_COVERED_BYTES`].
    #[error("basic blocks cover {0} bytes of the code; at most {MAX_COVERED_BYTES} are compiled")]
    TooManyOperations(usize),
    /// The backend gave no object.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The object could not be linked: a defect of the compiler.
    #[error("linking failed: {0}")]
    Link(#[from] LinkError),
    /// The IR was not valid: a defect of the compiler.
    #[error("invalid IR after {step}: {error}")]
    InvalidIr {
        /// The frontend (`lower`) or pass after which it was not.
        step: &'static str,
        /// The first error.
        error: VerifyError,
    },
    /// The WebAssembly module is not one that is supported.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// The backend is not one that artifacts know.
    #[error("artifacts know no backend named `{0}`")]
    UnknownBackend(&'static str),
}

/// IR that is ready for a backend.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The program.
    pub module: Module,
    /// What the frontend found.
    pub statistics: Statistics,
    /// What the passes did.
    pub passes: Vec<PassReport>,
}

/// A compiled contract.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The artifact: an ELF shared object with its descriptor.
    pub artifact: Vec<u8>,
    /// What the frontend found.
    pub statistics: Statistics,
    /// What the passes did.
    pub passes: Vec<PassReport>,
}

/// Keccak-256 of a bytecode: its code hash.
pub fn code_hash(code: &[u8]) -> [u8; 32] {
    Keccak256::digest(code).into()
}

/// Name and version of this compiler with a hash of its sources, as artifacts hold it: compilers that make
/// different code have different names.
pub fn compiler_build() -> [u8; 32] {
    descriptor::compiler_build(concat!("evmc ", env!("CARGO_PKG_VERSION"), "+", env!("EVMC_SOURCES")))
}

/// Compiles EVM bytecode to an artifact.
///
/// # Errors
/// See [`CompileError`]; no bytecode of up to [`MAX_CODE_BYTES`] is refused for what it contains.
pub fn compile(code: &[u8], config: &Config, backend: &dyn Backend) -> Result<Compiled, CompileError> {
    let Lowered { module, statistics, passes } = lower(code, config)?;
    let object = backend.compile(&module, &pipeline::with_legal_passes(&config.backend))?;
    let artifact = link(code, config, &module, &statistics, &object)?;
    Ok(Compiled { artifact, statistics, passes })
}

/// The frontend and the passes.
///
/// # Errors
/// The code is too long, or the IR is found invalid.
pub fn lower(code: &[u8], config: &Config) -> Result<Lowered, CompileError> {
    if code.len() > MAX_CODE_BYTES {
        return Err(CompileError::TooLong(code.len()));
    }
    if code.len() > MAX_COVERED_BYTES {
        let covered = evm::covered_bytes(code, config.fork);
        if covered > MAX_COVERED_BYTES {
            return Err(CompileError::TooManyOperations(covered));
        }
    }
    let (mut module, statistics) = evm::lower(code, config.fork, config.specialise);
    let passes = pipeline::run(&mut module, config.backend.level, checker(config.verify))?;
    Ok(Lowered { module, statistics, passes })
}

/// What looks at a module after each step: the verifier, where it is asked for.
fn checker(verified: bool) -> impl FnMut(&'static str, &Module) -> Result<(), CompileError> {
    move |step, module| match verified {
        true => check(step, module),
        false => Ok(()),
    }
}

fn check(step: &'static str, module: &Module) -> Result<(), CompileError> {
    verify(module).map_err(|errors| {
        let error = errors.into_iter().next().expect("a failed verification has an error");
        CompileError::InvalidIr { step, error }
    })
}

/// The backend of this name as artifacts know it.
fn backend_id(name: &'static str) -> Result<BackendId, CompileError> {
    let found = BackendId::ALL.iter().copied().find(|id| id.name() == name);
    found.ok_or(CompileError::UnknownBackend(name))
}

fn link(
    code: &[u8],
    config: &Config,
    module: &Module,
    statistics: &Statistics,
    object: &Object,
) -> Result<Vec<u8>, CompileError> {
    let stretches = &module.stretches.values().as_slice()[..stretches::told(module)];
    let op_rows = opcode::rows(config.fork);
    let metadata = Metadata {
        language: Language::Evm,
        fork: config.fork as u16,
        code_hash: code_hash(code),
        code_len: code.len() as u32,
        gas_table_hash: opcode::gas_table_hash(config.fork),
        backend: backend_id(object.backend)?,
        opt_level: config.backend.level as u8,
        cpu_features: object.cpu_features,
        compiler_build: compiler_build(),
        uses_memory_stack: module.uses_memory_stack,
        metered: true,
        native_stack_bytes: object.native_stack_bytes,
        counters: Counters {
            native_functions: object.functions,
            quick_functions: object.quick_functions,
            ..statistics.counters()
        },
        op_rows: if stretches.is_empty() { &[] } else { &op_rows },
        stretches,
        module: &[],
    };
    Ok(link::link(&object.bytes, &object.entry_symbol, &metadata)?)
}

/// IR of a WebAssembly module that is ready for a backend.
#[derive(Clone, Debug)]
pub struct LoweredWasm {
    /// The program.
    pub module: Module,
    /// What of the module is not code.
    pub info: ModuleInfo,
    /// What the passes did.
    pub passes: Vec<PassReport>,
    /// What the limit on work was held against: the module, or values that are held across blocks, whichever is more.
    pub work: u64,
}

/// A compiled WebAssembly module.
#[derive(Clone, Debug)]
pub struct CompiledWasm {
    /// The artifact: an ELF shared object with its descriptor.
    pub artifact: Vec<u8>,
    /// What the passes did.
    pub passes: Vec<PassReport>,
}

/// The frontend of WebAssembly and the passes.
///
/// # Errors
/// The module is not supported, or the IR is found invalid.
pub fn lower_wasm(bytes: &[u8], config: &Config, wasm: &WasmConfig) -> Result<LoweredWasm, CompileError> {
    let limits = wasm.limits;
    let (mut module, info, work) = wasm::weigh(bytes, wasm)?;
    let passes = pipeline::run(&mut module, config.backend.level, checker(config.verify))?;
    let held = wasm::work::check_held(&module, &info, limits.work)?;
    Ok(LoweredWasm { module, info, passes, work: work.max(held) })
}

/// Compiles a WebAssembly module to an artifact.
///
/// # Errors
/// See [`CompileError`].
pub fn compile_wasm(
    bytes: &[u8],
    config: &Config,
    wasm: &WasmConfig,
    backend: &dyn Backend,
) -> Result<CompiledWasm, CompileError> {
    let LoweredWasm { module, info, passes, .. } = lower_wasm(bytes, config, wasm)?;
    let object = backend.compile(&module, &pipeline::with_legal_passes(&config.backend))?;
    let metadata = Metadata {
        language: Language::Wasm,
        fork: 0,
        code_hash: code_hash(bytes),
        code_len: bytes.len() as u32,
        gas_table_hash: if wasm.metered { wasm.costs.hash() } else { [0; 32] },
        backend: backend_id(object.backend)?,
        opt_level: config.backend.level as u8,
        cpu_features: object.cpu_features,
        compiler_build: compiler_build(),
        uses_memory_stack: false,
        metered: wasm.metered,
        native_stack_bytes: object.native_stack_bytes,
        counters: Counters {
            native_functions: object.functions,
            quick_functions: object.quick_functions,
            ..Counters::default()
        },
        op_rows: &[],
        stretches: &[],
        module: &info.to_bytes(),
    };
    let artifact = link::link_instance(&object.bytes, &object.entries, &object.trap_sites, &metadata)?;
    Ok(CompiledWasm { artifact, passes })
}
