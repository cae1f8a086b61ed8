//! The backend trait, its options, its product and its errors.

use evmc_abi::CpuFeatures;
use evmc_abi::descriptor::TrapSite;
use evmc_abi::wasm::EntryId;
use evmc_ir::{Module, Opcode, Type};

/// How much time a backend may spend on better code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OptLevel {
    /// Compile as fast as possible.
    None,
    /// Cheap optimisations.
    Less,
    /// The usual level.
    #[default]
    Default,
    /// Everything the backend has.
    Aggressive,
}

impl OptLevel {
    /// The level of the command line's `-O` argument, or `None` where no such level exists.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Less),
            2 => Some(Self::Default),
            3 => Some(Self::Aggressive),
            _ => None,
        }
    }
}

/// Processor features that generated code may use; never those of the machine that compiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CpuLevel {
    /// x86-64 without extensions (SSE2).
    Baseline,
    /// x86-64-v3 of the psABI: AVX2, BMI1, BMI2, LZCNT, POPCNT, FMA and what they imply.
    #[default]
    V3,
}

impl CpuLevel {
    /// Name of the level in the psABI.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "x86-64",
            Self::V3 => "x86-64-v3",
        }
    }

    /// The level with this name, or `None` where no such level exists.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Baseline, Self::V3].into_iter().find(|level| level.name() == name)
    }

    /// The features of the level.
    pub const fn features(self) -> CpuFeatures {
        match self {
            Self::Baseline => CpuFeatures::BASELINE,
            Self::V3 => CpuFeatures::X86_64_V3,
        }
    }
}

/// The target where none is named, in LLVM's notation.
pub const DEFAULT_TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Passes that the compiler runs on the legal form of a module, in backends that have one: splitting
/// words shows what is known of their halves. They change the form of the code and not what it does,
/// so all of them count as equal.
#[derive(Clone, Copy, Debug)]
pub struct LegalPasses(pub fn(&mut Module));

impl Default for LegalPasses {
    /// None.
    fn default() -> Self {
        Self(|_| {})
    }
}

impl PartialEq for LegalPasses {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LegalPasses {}

/// What a module is compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Optimisation level.
    pub level: OptLevel,
    /// Processor features.
    pub cpu: CpuLevel,
    /// Target triple in LLVM's notation.
    pub triple: String,
    /// Symbol of the entry point.
    pub entry_symbol: String,
    /// What is done to the legal form.
    pub legal_passes: LegalPasses,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: OptLevel::default(),
            cpu: CpuLevel::default(),
            triple: DEFAULT_TRIPLE.into(),
            entry_symbol: "evmc_entry".into(),
            legal_passes: LegalPasses::default(),
        }
    }
}

/// A compiled module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// A relocatable ELF object.
    pub bytes: Vec<u8>,
    /// Symbol of the entry point (an `evmc_abi::EntryPoint`); the only global one.
    pub entry_symbol: String,
    /// Upper bound of the native stack that one activation of the entry point uses, in bytes,
    /// without what host functions use; of WebAssembly, how much one unit of logical depth uses at most. A cycle in the call graph counts 1,024 activations of
    /// its largest frame, since each level of recursion holds at least one item of the EVM stack.
    pub native_stack_bytes: u64,
    /// Symbols of the functions that an instance's entries name, in their order.
    pub entries: Vec<(EntryId, String)>,
    /// Instructions whose fault on a linear memory is a trap, in the order of their offsets from the start of `.text`.
    pub trap_sites: Vec<TrapSite>,
    /// Processor features that the code may use.
    pub cpu_features: CpuFeatures,
    /// Name of the backend that made it: a backend may leave a module to another one.
    pub backend: &'static str,
    /// Functions of the module.
    pub functions: u32,
    /// Functions that were compiled with less effort than the level asks, for their size or shape.
    pub quick_functions: u32,
}

/// Why a backend gave no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The module has no entry function, or one with parameters or results.
    #[error("the module has no entry function without parameters and results")]
    NoEntry,
    /// The target is not one that this backend can compile for.
    #[error("target {triple}: {reason}")]
    Target {
        /// The triple that was asked for.
        triple: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An operation that the backend or the processor level lacks.
    #[error("%{function}: {} is not available {reason}", operation_name(*.opcode, *.ty))]
    Unsupported {
        /// The function.
        function: String,
        /// The operation.
        opcode: Opcode,
        /// Its controlling type.
        ty: Option<Type>,
        /// Under which circumstances, as the end of a sentence.
        reason: &'static str,
    },
    /// A function is too large for the code generator.
    #[error("%{function} is too large: {reason}")]
    TooLarge {
        /// The function.
        function: String,
        /// The limit.
        reason: String,
    },
    /// The module breaks a rule of the IR: a defect of the compiler, not of its input.
    #[error("%{function} is not valid: {reason}")]
    Invalid {
        /// The function.
        function: String,
        /// The rule.
        reason: String,
    },
    /// The code generator failed: a defect of the compiler, not of its input.
    #[error("%{function}: code generation failed: {reason}")]
    Internal {
        /// The function, or the empty string where it was not about one.
        function: String,
        /// What the code generator said.
        reason: String,
    },
}

/// An operation as the text form writes it.
fn operation_name(opcode: Opcode, ty: Option<Type>) -> String {
    match ty {
        Some(ty) => format!("{}.{ty}", opcode.row().name),
        None => opcode.row().name.into(),
    }
}

/// A code generator.
pub trait Backend: Sync {
    /// The name on the command line and in artifacts.
    fn name(&self) -> &'static str;

    /// Compiles a verified module.
    ///
    /// # Errors
    /// Where the module asks for something that the backend or the target lacks, or is not valid.
    fn compile(&self, module: &Module, options: &Options) -> Result<Object, BackendError>;

    /// The machine code of every function as text, for people.
    ///
    /// # Errors
    /// As [`Backend::compile`].
    fn assembly(&self, module: &Module, options: &Options) -> Result<String, BackendError>;
}
