//! What an artifact is for.

use evmc_abi::descriptor::Descriptor;
use evmc_abi::fork;

/// What distinguishes the artifacts of a store: no two have equal keys.
///
/// Keys are ordered by code hash first, so that all artifacts of a code lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey {
    /// Keccak-256 of the bytecode.
    pub code_hash: [u8; 32],
    /// Number of the language that it was compiled from.
    pub language: u8,
    /// The class of its fork ([`fork::ForkRules::class`]): forks with equal tables share artifacts.
    pub fork_class: u16,
    /// Hash of the gas table that the charges come from.
    pub gas_table_hash: [u8; 32],
    /// Version of the contract between code and runtime.
    pub abi_version: u32,
    /// Number of the backend.
    pub backend: u8,
    /// Optimisation level.
    pub opt_level: u8,
    /// Bits of the processor features that the code needs.
    pub cpu_features: u64,
    /// Name, version and sources of the compiler, padded with zeros. The last of the fields that keys are ordered by:
    /// those that differ in nothing else lie together.
    pub compiler_build: [u8; 32],
}

impl StoreKey {
    /// The key of an artifact.
    pub fn of(descriptor: &Descriptor) -> Self {
        Self {
            code_hash: descriptor.code_hash,
            language: descriptor.language,
            fork_class: fork::rules(descriptor.fork).map_or(descriptor.fork, |rules| rules.class),
            gas_table_hash: descriptor.gas_table_hash,
            abi_version: descriptor.abi_version,
            backend: descriptor.backend,
            opt_level: descriptor.opt_level,
            cpu_features: descriptor.cpu_features,
            compiler_build: descriptor.compiler_build,
        }
    }

    /// What decides between artifacts that could all run: the higher, the better. LLVM before Cranelift, then
    /// the level, then the processor features used; the rest only makes the choice the same everywhere.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        (self.backend, self.opt_level, self.cpu_features.count_ones(), self.compiler_build, *self)
    }
}
