//! Blocks come to the same under every schedule, on any number of threads, however these are disturbed.
//!
//! Real blocks are compared with what mainnet made of them, made-up ones with plain revm.

use std::{path::PathBuf, sync::Arc};

use evmc::replay::{self, ReplayBlock};
use evmc_parallel::{AccessList, BlockEngine, Options, Outcome, PreState, Schedule};
use evmc_revm::{CodeSource, NoCode};
use evmc_testsuite::data_folder;

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
