//! Compiling contracts into a store: what `evmc build --store` does.

use std::{collections::HashSet, ops::AddAssign};

use evmc_abi::{Descriptor, descriptor::Backend as BackendId};
use evmc_backend::Backend;
use evmc_compiler::{
    driver::{self, Config},
    frontend::evm::opcode,
};
use evmc_store::{Inserted, Store, StoreKey, StoreWriter};
use rayon::prelude::*;

use super::Shard;
use crate::{
    build::{Part, Refusal, on_threads},
    error::CliError,
    input::Contract,
};

/// Contracts that are compiled between two changes of the store: what an interrupted build may lose.
const BATCH: usize = 256;

/// What became of the contracts.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What became of the artifacts.
    pub inserted: Inserted,
    /// Codes that were in the store already, and not compiled.
    pub skipped: usize,
    /// Contracts whose code is that of another one.
    pub same: usize,
    /// Contracts that belong to other shards.
    pub elsewhere: usize,
    /// Contracts that were not compiled.
    pub refused: Vec<Refusal>,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.skipped += other.skipped;
        self.same += other.same;
        self.elsewhere += other.elsewhere;
        self.refused.extend(other.refused);
    }
}

/// Compiles contracts into a store.
pub struct StoreBuild<'a> {
    /// What adds to the store.
    pub writer: &'a StoreWriter,
    /// The store as it was.
    pub store: &'a Store,
    /// How to compile.
    pub config: &'a Config,
    /// The code generator.
    pub backend: &'a dyn Backend,
    /// Which code of the contracts.
    pub part: Part,
    /// Which of the contracts.
    pub shard: Option<Shard>,
    /// Whether to compile also what is there.
    pub force: bool,
}

impl StoreBuild<'_> {
    /// Compiles on `threads` threads; `done` is called with the number of contracts dealt with.
    pub fn run(
        &self,
        contracts: &[Contract],
        threads: usize,
        done: impl Fn(u64) + Sync,
    ) -> Result<Outcome, CliError> {
        let mut outcome = Outcome::default();
        let codes = self.select(contracts, &mut outcome);
        done((contracts.len() - codes.len()) as u64);
        for batch in codes.chunks(BATCH) {
            let compiled: Vec<Result<Vec<u8>, Refusal>> = on_threads(threads, || {
                let one = |&(contract, code): &(&Contract, &[u8])| {
                    let compiled = driver::compile(code, self.config, self.backend);
                    done(1);
                    let refuse = |error| Refusal::Compiler { contract: contract.full_name(), error };
                    compiled.map(|compiled| compiled.artifact).map_err(refuse)
                };
                batch.par_iter().map(one).collect()
            })?;
            let mut artifacts = Vec::with_capacity(compiled.len());
            for one in compiled {
                match one {
                    Ok(artifact) => artifacts.push(artifact),
                    Err(refusal) => outcome.refused.push(refusal),
                }
            }
            outcome.inserted += self.writer.insert(&artifacts)?;
        }
        Ok(outcome)
    }

    /// The contracts to compile, each code once.
    fn select<'c>(&self, contracts: &'c [Contract], outcome: &mut Outcome) -> Vec<(&'c Contract, &'c [u8])> {
        let mut seen = HashSet::new();
        let mut codes = Vec::new();
        for contract in contracts {
            let code = match self.part.of(contract) {
                Ok(code) => code,
                Err(error) => {
                    outcome.refused.push(Refusal::Input(error));
                    continue;
                }
            };
            let hash = driver::code_hash(code);
            if self.shard.is_some_and(|shard| !shard.has(&hash)) {
                outcome.elsewhere += 1;
            } else if !seen.insert(hash) {
                outcome.same += 1;
            } else if !self.force && self.store.has(&self.key(hash)) {
                outcome.skipped += 1;
            } else {
                codes.push((contract, code));
            }
        }
        codes
    }

    /// The key that the artifact of a code will have, with all processor features that it may need.
    fn key(&self, code_hash: [u8; 32]) -> StoreKey {
        let fork = self.config.fork;
        let backend = BackendId::ALL.iter().find(|id| id.name() == self.backend.name());
        StoreKey::of(&Descriptor {
            code_hash,
            fork: fork as u16,
            gas_table_hash: opcode::gas_table_hash(fork),
            backend: backend.map_or(0, |id| *id as u8),
            opt_level: self.config.backend.level as u8,
            cpu_features: self.config.backend.cpu.features().bits(),
            compiler_build: driver::compiler_build(),
            ..Descriptor::empty()
        })
    }
}
