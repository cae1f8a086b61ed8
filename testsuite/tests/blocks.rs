//! Blocks come to the same under every schedule, on any number of threads, however these are disturbed.
//!
//! Real blocks are compared with what mainnet made of them, made-up ones with plain revm.

use std::{
    collections::HashSet,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy_eip7928::{BlockAccessIndex, NonceChange, StorageChange};
use evmc::replay::{self, ReplayBlock};
use evmc::{
    backend::{self, BackendName},
    engine::{self, NativeMaker},
};
use evmc_backend::OptLevel;
use evmc_compiler::driver::{self, Config};
use evmc_parallel::{AccessList, Block, BlockEngine, BlockError, Fallback, Options, PreState, Schedule};
use evmc_revm::{CodeSource, FrameCode, FrameCounts, NoCode, StoreCodes, StoreCounters};
use evmc_store::{StoreWriter, Trust};
use evmc_testsuite::{
    blocks::{
        MadeBlock, adversarial,
        matrix::{self, Kind, Played, list},
        reference::Reference,
        stored::Codes,
        synthetic,
    },
    data_folder,
};
use revm::{
    bytecode::Bytecode,
    primitives::{Address, B256, U256, hardfork::SpecId},
};

/// Numbers of worker threads.
const THREADS: [usize; 4] = [1, 2, 4, 8];

/// Threads that compile.
const THREADS_TO_COMPILE: NonZero<usize> = NonZero::new(2).unwrap();

/// The archive of real blocks; without it, says that the test is skipped.
fn archive() -> Option<PathBuf> {
    let path = data_folder().join("blocks/given.tar.zst");
    if !path.exists() {
        println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
        return None;
    }
    Some(path)
}

/// Engines with each number of threads, disturbed by a seed each.
fn engines(codes: &Arc<dyn CodeSource>, seed: u64, applies_withdrawals: bool) -> Vec<BlockEngine<PreState>> {
    let engine = |(nth, threads)| matrix::engine(codes, threads, seed + 100 * nth, applies_withdrawals);
    (0_u64..).zip(THREADS).map(engine).collect()
}

/// Executes a real block in all ways and compares.
fn check_given(block: &ReplayBlock, engines: &mut [BlockEngine<PreState>]) {
    let first = engines[0].execute(&block.block, &block.state, &Schedule::Sequential);
    let made = Arc::new(list(&first.expect("the block is valid"), &block.state));
    for (engine, threads) in engines.iter_mut().zip(THREADS) {
        for kind in Kind::ALL {
            let mut played = Played::default();
            played.play(engine, block, kind, &made);
            assert_eq!(played.different, Vec::<String>::new(), "{}, {threads} threads", kind.name());
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
    Arc::new(engine::Codes::new(NativeMaker::new(backend, config), false))
}

/// The calls of system contracts that precede a block's transactions.
fn system_calls(block: &Block) -> Vec<(Address, Vec<u8>)> {
    let roots = block.parent_beacon_root.map(|root| (adversarial::BEACON_ROOTS.0, root.to_vec()));
    let hashes = block.parent_hash.map(|hash| (adversarial::BLOCK_HASHES.0, hash.to_vec()));
    roots.into_iter().chain(hashes).collect()
}

/// Whether a block has transactions that are worth handing around; without, a list is not looked at.
fn has_large(block: &Block) -> bool {
    block.transactions.iter().filter(|tx| tx.gas_limit > 25_000).nth(1).is_some()
}

/// Executes a made-up block in all ways and compares with plain revm.
fn check_made(made: &MadeBlock, engines: &mut [BlockEngine<PreState>]) {
    let (block, state, name) = (&made.block, &made.state, made.name);
    let reference = Reference::new(block, state, &system_calls(block));
    let reference = reference.unwrap_or_else(|error| panic!("{name}: {error}"));
    let first = engines[0].execute(block, state, &Schedule::Sequential);
    let first = first.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(reference.difference(&first, state, block.spec()), None, "{name}, sequential");
    let made_list = Arc::new(list(&first, state));
    let can_use_list = block.spec().is_enabled_in(SpecId::SPURIOUS_DRAGON);
    for (engine, threads) in engines.iter_mut().zip(THREADS) {
        for schedule in [Schedule::Optimistic, Schedule::Bal(Arc::clone(&made_list))] {
            let is_bal = matches!(schedule, Schedule::Bal(_));
            let what =
                format!("{name}, {}, {threads} threads", if is_bal { "by list" } else { "optimistic" });
            let outcome = engine.execute(block, state, &schedule);
            let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(reference.difference(&outcome, state, block.spec()), None, "{what}");
            assert_eq!(list(&outcome, state).to_rlp(), made_list.to_rlp(), "{what}");
            let is_asked = is_bal && threads > 1 && has_large(block);
            let fallback = (is_asked && !can_use_list).then_some(Fallback::Fork);
            assert_eq!(outcome.stats.fallback, fallback, "{what}");
            assert!(outcome.stats.re_executions <= block.transactions.len() as u64, "{what}");
        }
    }
}

#[test]
fn an_engine_goes_over_from_one_configuration_to_another() {
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let mut engines = engines(&codes, 7, false);
    let transfers = synthetic::transfers(4);
    let forks = [SpecId::OSAKA, SpecId::AMSTERDAM, SpecId::LONDON, SpecId::AMSTERDAM];
    // Of Amsterdam with and without a log for each payment (EIP-7708), which the fork's number does not tell.
    for (spec, has_no_logs) in forks.into_iter().flat_map(|spec| [(spec, false), (spec, true)]) {
        let mut block = Block::clone(&transfers.block);
        block.cfg = block.cfg.with_spec_and_mainnet_gas_params(spec);
        block.cfg.amsterdam_eip7708_disabled = has_no_logs;
        let (block, state) = (Arc::new(block), Arc::clone(&transfers.state));
        check_made(&MadeBlock { name: "transfers", block, state }, &mut engines);
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

/// Half of the code of another source.
struct Half(Arc<dyn CodeSource>);

impl CodeSource for Half {
    fn lookup(
        &self,
        hash: B256,
        code: &Bytecode,
        spec: SpecId,
        initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        if hash[0].is_multiple_of(2) { self.0.lookup(hash, code, spec, initcode) } else { None }
    }
}

/// Real blocks that are executed natively here: few enough to be compiled in a test, and of many kinds.
const NATIVE: [u64; 8] =
    [2_462_997, 6_196_166, 12_520_364, 13_287_210, 15_752_489, 19_923_400, 22_546_209, 25_323_281];

#[test]
fn given_blocks_come_to_what_they_came_to_natively() {
    let Some(path) = archive() else { return };
    let codes = native();
    let half: Arc<dyn CodeSource> = Arc::new(Half(Arc::clone(&codes)));
    let (mut all, mut some) = (engines(&codes, 2, false), engines(&half, 3, false));
    replay::each_block(&[path], |block| {
        if NATIVE.contains(&block.number) {
            check_given(&block, &mut all);
            check_given(&block, &mut some);
        }
        Ok(())
    })
    .expect("the blocks are readable");
}

/// A list in which something is wrong.
fn damaged(list: &AccessList, random: &mut fastrand::Rng) -> AccessList {
    let mut list = list.clone();
    let place = random.usize(..list.0.len());
    let account = &mut list.0[place];
    let at = BlockAccessIndex::new(random.u64(..200));
    match random.u8(..10) {
        0 => drop(list.0.remove(place)),
        1 => account.address = Address::repeat_byte(random.u8(..)),
        2 => account.storage_reads.push(U256::MAX),
        3 => drop(account.storage_reads.pop()),
        4 => drop(account.storage_changes.pop()),
        5 => drop(account.balance_changes.pop()),
        6 => account.nonce_changes.push(NonceChange::new(at, 7)),
        7 => account.balance_changes.iter_mut().for_each(|change| change.post_balance ^= U256::ONE),
        8 => {
            if let Some(slot) = account.storage_changes.last_mut() {
                slot.changes.push(StorageChange::new(at, U256::from(3)));
            }
        }
        _ => {
            if let Some(change) = account.storage_changes.last_mut().and_then(|slot| slot.changes.last_mut())
            {
                change.new_value = U256::from(random.u64(..3));
            }
        }
    }
    list
}

#[test]
fn wrong_lists_are_found_out() {
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let options =
        Options { threads: 2, records_list: true, applies_withdrawals: false, ..Options::default() };
    let mut engine = BlockEngine::new(options, &codes).expect("the system has threads");
    let mut random = fastrand::Rng::with_seed(5);
    let mut refused = 0;
    for made in adversarial::all().iter().filter(|made| made.block.spec() >= SpecId::SPURIOUS_DRAGON) {
        let (block, state) = (&made.block, &made.state);
        let right = engine.execute(block, state, &Schedule::Sequential).expect("the block is valid");
        let right = list(&right, state);
        if right.0.is_empty() {
            continue;
        }
        for _ in 0..40 {
            let wrong = Arc::new(damaged(&right, &mut random));
            if *wrong == right {
                continue;
            }
            let by_list = engine.execute_by_list(block, state, &wrong).err();
            assert!(matches!(by_list, Some(BlockError::List(_))), "{}: {by_list:?}", made.name);
            let outcome = engine.execute(block, state, &Schedule::Bal(wrong)).expect("the block is valid");
            let is_refused = matches!(outcome.stats.fallback, Some(Fallback::WrongList(_)));
            assert_eq!(is_refused, has_large(block), "{}", made.name);
            assert_eq!(list(&outcome, state), right, "{}", made.name);
            refused += 1;
        }
    }
    assert!(refused > 300, "only {refused} lists were wrong");
}

#[test]
fn withdrawals_and_requests_follow_the_transactions() {
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let made = adversarial::surrounded();
    let (block, state) = (&made.block, &made.state);
    let mut lists = Vec::new();
    for engine in &mut engines(&codes, 11, true) {
        let given = lists.first().map_or_else(Arc::default, Arc::clone);
        for schedule in [Schedule::Sequential, Schedule::Optimistic, Schedule::Bal(given)] {
            let outcome = engine.execute(block, state, &schedule).expect("the block is valid");
            assert_eq!(outcome.requests, [(1, vec![0, 0, 7].into())]);
            let post = outcome.post_state(&**state).expect("the state is in memory");
            let paid = post[&block.withdrawals[0].address].as_ref().map(|account| account.balance);
            assert_eq!(paid, Some(U256::from(5_000_000_000_u64 + 1)));
            assert_eq!(outcome.stats.fallback, None);
            lists.push(Arc::new(list(&outcome, state)));
        }
    }
    assert!(lists.windows(2).all(|pair| pair[0] == pair[1]));
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

/// A block with a contract whose loops store to memory at pointers that move on.
const MOVING_POINTERS: u64 = 18_426_253;

#[test]
fn a_block_comes_to_what_it_came_to_with_optimised_code() {
    let Some(path) = archive() else { return };
    replay::each_block(&[path], |block| {
        if block.number == MOVING_POINTERS {
            let folder = tempfile::tempdir().expect("a folder");
            let mut codes = Codes::default();
            codes.add_all(&block);
            codes.fill(folder.path(), OptLevel::Default, THREADS_TO_COMPILE).expect("a store");
            let (loaded, frames) = run_stored(folder.path(), &block);
            assert!(
                loaded.refused.is_empty() && frames.native > frames.interpreted(),
                "{loaded:?} {frames:?}"
            );
        }
        Ok(())
    })
    .expect("the blocks are readable");
}

/// Codes of a block that go into a store of the test.
const STORED_CODES: usize = 60;

/// Compiles codes of a block into a store: of the first [`STORED_CODES`], by hash, each `every`-th.
fn fill_store(folder: &Path, block: &ReplayBlock, every: usize) {
    let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
    let mut config = Config { fork: block.fork, ..Config::default() };
    config.backend.level = OptLevel::None;
    let mut codes: Vec<_> = block.state.codes().collect();
    codes.sort_by_key(|(hash, _)| **hash);
    let compile = |(_, code): &(&B256, &Bytecode)| {
        driver::compile(code.original_byte_slice(), &config, &*backend).expect("any code compiles").artifact
    };
    let chosen = codes.iter().take(STORED_CODES).step_by(every);
    let artifacts: Vec<Vec<u8>> = chosen.map(compile).collect();
    let writer = StoreWriter::open(folder, None).expect("a folder");
    writer.insert(&artifacts).expect("artifacts are added");
}

/// Executes a block with the code of a store; gives what became of artifacts and frames.
fn run_stored(folder: &Path, block: &ReplayBlock) -> (StoreCounters, FrameCounts) {
    let stored = Arc::new(StoreCodes::open(folder, Trust::Anyone).expect("a store"));
    let codes = Arc::clone(&stored) as Arc<dyn CodeSource>;
    let options = Options { threads: 2, applies_withdrawals: false, ..Options::default() };
    let mut engine = BlockEngine::new(options, &codes).expect("the system has threads");
    let outcome = engine.execute(&block.block, &block.state, &Schedule::Optimistic);
    assert_eq!(replay::differences(block, &outcome), Vec::<String>::new(), "block {}", block.number);
    (stored.counters(), outcome.expect("it was compared").stats.frames)
}

#[test]
fn a_store_may_be_whole_halved_or_damaged() {
    let Some(path) = archive() else { return };
    let mut forks = HashSet::new();
    replay::each_block(&[path], |block| {
        if block.state.codes().count() < STORED_CODES || !forks.insert(block.fork) {
            return Ok(());
        }
        let (whole, half) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fill_store(whole.path(), &block, 1);
        fill_store(half.path(), &block, 2);
        let (loaded, with_all) = run_stored(whole.path(), &block);
        let (_, with_half) = run_stored(half.path(), &block);
        assert!(loaded.loaded > 0 && loaded.refused.is_empty(), "{loaded:?}");
        assert!(with_all.native > with_half.native, "{with_all:?} {with_half:?}");
        let packs = std::fs::read_dir(whole.path().join("packs")).expect("packs");
        for pack in packs.map(|entry| entry.expect("a pack").path()) {
            let mut bytes = std::fs::read(&pack).expect("a pack");
            (0..bytes.len()).step_by(64 << 10).for_each(|at| bytes[at] ^= 1);
            std::fs::write(&pack, bytes).expect("written");
        }
        let (damaged, frames) = run_stored(whole.path(), &block);
        assert!(!damaged.refused.is_empty(), "{damaged:?}");
        assert!(frames.interpreted() > with_all.interpreted(), "{frames:?}");
        Ok(())
    })
    .expect("the blocks are readable");
    assert!(forks.len() > 5, "{forks:?}");
}
