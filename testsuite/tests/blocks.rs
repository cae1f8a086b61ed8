//! Blocks come to the same under every schedule, on any number of threads, however these are disturbed.
//!
//! Real blocks are compared with what mainnet made of them, made-up ones with plain revm.

use std::{path::PathBuf, sync::Arc};

use evmc::replay::{self, ReplayBlock};
use evmc::{
    backend::{self, BackendName},
    engine::{Codes, NativeMaker},
};
use evmc_backend::OptLevel;
use evmc_compiler::driver::Config;
use evmc_parallel::{
    AccessList, Block, BlockEngine, BlockError, Fallback, Options, Outcome, PreState, Schedule,
};
use evmc_revm::{CodeSource, NoCode};
use evmc_testsuite::{
    blocks::{MadeBlock, adversarial, reference::Reference},
    data_folder,
};
use revm::primitives::{Address, hardfork::SpecId};

/// Numbers of worker threads.
const THREADS: [usize; 4] = [1, 2, 4, 8];

/// The archive of real blocks; without it, says that the test is skipped.
fn archive() -> Option<PathBuf> {
    let path = data_folder().join("blocks/given.tar.zst");
    if !path.exists() {
        println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
        return None;
    }
    Some(path)
}

/// Engines with so many threads, disturbed by a seed each.
fn engines(codes: &Arc<dyn CodeSource>, seed: u64, applies_withdrawals: bool) -> Vec<BlockEngine<PreState>> {
    let engine = |(nth, threads): (usize, usize)| {
        let yield_seed = Some(seed + 100 * nth as u64);
        let options =
            Options { threads, records_list: true, applies_withdrawals, yield_seed, ..Options::default() };
        BlockEngine::new(options, codes).expect("the system has threads")
    };
    THREADS.into_iter().enumerate().map(engine).collect()
}

/// The access list that an outcome must have.
fn list(outcome: &Outcome) -> &AccessList {
    outcome.access_list.as_ref().expect("it was asked for")
}

/// Executes a real block in all ways and compares.
fn check_given(block: &ReplayBlock, engines: &mut [BlockEngine<PreState>]) {
    let first = engines[0].execute(&block.block, &block.state, &Schedule::Sequential);
    assert_eq!(replay::differences(block, &first), Vec::<String>::new(), "block {}", block.number);
    let made = Arc::new(list(&first.expect("it was compared")).clone());
    for (engine, threads) in engines.iter_mut().zip(THREADS) {
        for schedule in [Schedule::Optimistic, Schedule::Bal(Arc::clone(&made))] {
            let outcome = engine.execute(&block.block, &block.state, &schedule);
            let differences = replay::differences(block, &outcome);
            let what = match schedule {
                Schedule::Optimistic => "optimistic",
                _ => "by list",
            };
            let what = format!("block {}, {what}, {threads} threads", block.number);
            assert_eq!(differences, Vec::<String>::new(), "{what}");
            let outcome = outcome.expect("it was compared");
            assert_eq!(list(&outcome).to_rlp(), made.to_rlp(), "{what}");
        }
    }
}

#[test]
fn given_blocks_come_to_what_they_came_to_interpreted() {
    let Some(path) = archive() else { return };
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let mut engines = engines(&codes, 1, false);
    let mut count = 0;
    replay::each_block(&[path], |block| {
        check_given(&block, &mut engines);
        count += 1;
        Ok(())
    })
    .expect("the blocks are readable");
    assert!(count >= 49, "only {count} blocks");
}

/// Compiles what frames ask for, quickly: what is tested is who runs when, not the passes.
fn native() -> Arc<dyn CodeSource> {
    let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
    let mut config = Config::default();
    config.backend.level = OptLevel::None;
    Arc::new(Codes::new(NativeMaker::new(backend, config), false))
}

/// The calls of system contracts that precede a block's transactions.
fn system_calls(block: &Block) -> Vec<(Address, Vec<u8>)> {
    let roots = block.parent_beacon_root.map(|root| (adversarial::BEACON_ROOTS.0, root.to_vec()));
    let hashes = block.parent_hash.map(|hash| (adversarial::BLOCK_HASHES.0, hash.to_vec()));
    roots.into_iter().chain(hashes).collect()
}

/// Executes a made-up block in all ways and compares with plain revm.
fn check_made(made: &MadeBlock, engines: &mut [BlockEngine<PreState>]) {
    let (block, state, name) = (&made.block, &made.state, made.name);
    let reference = Reference::new(block, state, &system_calls(block));
    let reference = reference.unwrap_or_else(|error| panic!("{name}: {error}"));
    let first = engines[0].execute(block, state, &Schedule::Sequential);
    let first = first.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(reference.difference(&first, state, block.spec()), None, "{name}, sequential");
    let made_list = Arc::new(list(&first).clone());
    let can_use_list = block.spec().is_enabled_in(SpecId::SPURIOUS_DRAGON);
    for (engine, threads) in engines.iter_mut().zip(THREADS) {
        for schedule in [Schedule::Optimistic, Schedule::Bal(Arc::clone(&made_list))] {
            let is_bal = matches!(schedule, Schedule::Bal(_));
            let what =
                format!("{name}, {}, {threads} threads", if is_bal { "by list" } else { "optimistic" });
            let outcome = engine.execute(block, state, &schedule);
            let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(reference.difference(&outcome, state, block.spec()), None, "{what}");
            assert_eq!(list(&outcome).to_rlp(), made_list.to_rlp(), "{what}");
            let fallback =
                (is_bal && !can_use_list && !block.transactions.is_empty()).then_some(Fallback::Fork);
            assert_eq!(outcome.stats.fallback, fallback, "{what}");
            assert!(outcome.stats.re_executions <= block.transactions.len() as u64, "{what}");
        }
    }
}

#[test]
fn adversarial_blocks_come_to_what_revm_makes_of_them() {
    let codes: [Arc<dyn CodeSource>; 2] = [Arc::new(NoCode), native()];
    for (codes, rounds) in codes.into_iter().zip([6, 2]) {
        for round in 0..rounds {
            let mut engines = engines(&codes, 1000 * round, false);
            adversarial::all().iter().for_each(|made| check_made(made, &mut engines));
        }
    }
}

#[test]
fn invalid_blocks_are_refused_for_one_reason() {
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let mut engines = engines(&codes, 7, false);
    for made in adversarial::invalid() {
        let (block, state) = (&made.block, &made.state);
        let first = engines[0].execute(block, state, &Schedule::Sequential).err();
        let first = first.unwrap_or_else(|| panic!("{} is valid", made.name));
        assert!(matches!(first, BlockError::Transaction { .. } | BlockError::GasLimit { .. }), "{first}");
        for engine in &mut engines {
            for schedule in [Schedule::Optimistic, Schedule::Bal(Arc::default())] {
                let error = engine.execute(block, state, &schedule).err();
                assert_eq!(error.as_ref(), Some(&first), "{}", made.name);
            }
        }
    }
}
