//! Why modules are refused.

use evmc_abi::wasm::EntryId;
use evmc_artifact::CheckError;
use evmc_loader::LoadError;
use evmc_wasm_module::InfoError;
use thiserror::Error;

use crate::trap::Trap;

/// Why there is no module.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModuleError {
    /// The artifact is damaged, or not for this machine.
    #[error(transparent)]
    Artifact(#[from] CheckError),
    /// The artifact cannot be mapped.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The artifact is not of WebAssembly.
    #[error("the artifact is not of WebAssembly")]
    Language,
    /// What it says about its module is damaged.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// Artifact and description disagree about whether gas is counted.
    #[error("artifact and module disagree about whether gas is counted")]
    Metering,
    /// Code of the module is missing.
    #[error("the artifact lacks code: entry {0:?}")]
    Entry(EntryId),
    /// A constant expression is not of the type that it must have.
    #[error("a constant expression has a wrong type")]
    Constant,
    /// A type is impossible.
    #[error("{0}")]
    Type(&'static str),
}

/// What there can be only so much of in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Instances.
    Instances,
    /// Linear memories.
    Memories,
    /// Pages of a linear memory.
    Pages,
    /// Tables.
    Tables,
    /// Elements of a table.
    Elements,
}

impl Resource {
    /// What messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Memories => "memories",
            Self::Pages => "pages of a memory",
            Self::Tables => "tables",
            Self::Elements => "elements of a table",
        }
    }
}

/// Why something could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateError {
    /// A limit of the store.
    #[error("more {} than the store allows", .0.name())]
    Limit(Resource),
    /// The system refused memory.
    #[error("the system refused memory: {0}")]
    System(rustix::io::Errno),
    /// The value is not of the type that it must have.
    #[error("a value of another type")]
    Type,
}

/// Why there is no instance.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InstantiateError {
    /// Nothing has the name of an import.
    #[error("unknown import: {module}.{name}")]
    UnknownImport {
        /// Name of the module that it should come from.
        module: String,
        /// Its name there.
        name: String,
    },
    /// What is given for an import is not what it must be.
    #[error("incompatible import type: {module}.{name}")]
    IncompatibleImport {
        /// Name of the module that it comes from.
        module: String,
        /// Its name there.
        name: String,
    },
    /// More or fewer things are given than there are imports.
    #[error("{found} imports are given, {expected} expected")]
    ImportCount {
        /// Imports of the module.
        expected: usize,
        /// Things given.
        found: usize,
    },
    /// Code of the module and code that is in the store cannot call one another: they come from different
    /// backends, or only one of them counts gas.
    #[error("the code of the module cannot be called by the code in the store")]
    Convention,
    /// A part of it could not be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// A segment does not fit, or the start function gave no results. What was done before remains.
    #[error(transparent)]
    Trap(#[from] Trap),
}
