//! Blocks come to the same while native code fails: a thousand times in each way, on several threads.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::sync::{Arc, Once};

use evmc::{
    backend::{self, BackendName},
    engine::{Codes, NativeMaker},
    replay,
};
use evmc_backend::OptLevel;
use evmc_compiler::driver::Config;
use evmc_parallel::{
    AccessList, Block, BlockEngine, Options, Outcome, PreState, Receipt, Schedule, state::StateError,
};
use evmc_revm::{CodeSource, FaultKind, NoCode};
use evmc_testsuite::{
    blocks::{adversarial, synthetic},
    data_folder,
    faults::{Injector, PANIC, UNLUCKY},
};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, B256, U256},
    state::AccountInfo,
};

/// Faults of each kind.
const FAULTS: u64 = 1000;

/// One of so many native frames fails.
const ONE_IN: u32 = 3;

/// Real blocks that are executed: few enough to be compiled in a test.
const GIVEN: [u64; 3] = [12_520_364, 15_752_489, 22_546_209];

/// A state whose database panics at [`UNLUCKY`].
struct Unlucky(Arc<PreState>);

impl DatabaseRef for Unlucky {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        assert!(address != UNLUCKY, "{PANIC}");
        self.0.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.0.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.0.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        self.0.block_hash_ref(number)
    }
}

/// Keeps the panics that are wanted out of the output.
fn silence() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>().map(String::as_str);
            if text != Some(PANIC) && info.payload().downcast_ref::<&str>() != Some(&PANIC) {
                usual(info);
            }
        }));
    });
}

/// Compiles what frames ask for, quickly.
fn native() -> Arc<dyn CodeSource> {
    let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
    let mut config = Config::default();
    config.backend.level = OptLevel::None;
    Arc::new(Codes::new(NativeMaker::new(backend, config), false))
}

/// What a block comes to.
#[derive(Debug, PartialEq)]
struct Summary {
    gas_used: u64,
    receipts: Vec<Receipt>,
    post_state: String,
    access_list: Vec<u8>,
}

/// A block with its state, what it comes to interpreted, and its access list.
struct Case {
    name: String,
    block: Arc<Block>,
    state: Arc<Unlucky>,
    expected: Summary,
    list: Arc<AccessList>,
}

impl Case {
    fn new(name: String, block: Arc<Block>, state: &Arc<PreState>) -> Self {
        let state = Arc::new(Unlucky(Arc::clone(state)));
        let outcome = engine(1, &(Arc::new(NoCode) as _)).execute(&block, &state, &Schedule::Sequential);
        let outcome = outcome.expect("the block is valid");
        let list = outcome.access_list(&*state).expect("the state is in memory").expect("it was asked for");
        let expected = summary(&outcome, &state);
        Self { name, block, state, expected, list: Arc::new(list) }
    }
}

fn summary(outcome: &Outcome, state: &Unlucky) -> Summary {
    let list = outcome.access_list(state).expect("the state is in memory").expect("it was asked for");
    Summary {
        gas_used: outcome.gas_used,
        receipts: outcome.receipts.clone(),
        post_state: format!("{:?}", outcome.post_state(state).expect("the state is in memory")),
        access_list: list.to_rlp(),
    }
}

fn engine(threads: usize, codes: &Arc<dyn CodeSource>) -> BlockEngine<Unlucky> {
    let options = Options { threads, records_list: true, applies_withdrawals: false, ..Options::default() };
    BlockEngine::new(options, codes).expect("the system has threads")
}

/// Made-up blocks that call contracts.
fn made() -> Vec<Case> {
    let busy =
        [synthetic::token_transfers(40), synthetic::independent_swaps(40), synthetic::swaps_in_one_pool(20)];
    let all = busy.into_iter().chain(adversarial::all());
    all.map(|made| Case::new(made.name.to_owned(), made.block, &made.state)).collect()
}

/// Real blocks; none, and a word about it, where the archive is missing.
fn given() -> Vec<Case> {
    let path = data_folder().join("blocks/given.tar.zst");
    if !path.exists() {
        println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
        return Vec::new();
    }
    let mut cases = Vec::new();
    replay::each_block(&[path], |block| {
        if GIVEN.contains(&block.number) {
            cases.push(Case::new(block.number.to_string(), block.block, &block.state));
        }
        Ok(())
    })
    .expect("the blocks are readable");
    cases
}

/// Executes the blocks while code fails in this way, on new EVMs each time, until it has done so often enough.
fn survive(kind: FaultKind, cases: &[Case], codes: &Arc<dyn CodeSource>) {
    let mut survived = 0;
    for round in 0.. {
        let injector = Arc::new(Injector::new(Arc::clone(codes), kind, ONE_IN, round));
        let threads = 1 << (round % 3);
        let mut engine = engine(threads, &(Arc::clone(&injector) as _));
        for case in cases {
            let schedule = match round % 2 {
                0 => Schedule::Optimistic,
                _ => Schedule::Bal(Arc::clone(&case.list)),
            };
            let what = format!("{}, {}, round {round}, {threads} threads", kind.name(), case.name);
            let outcome = engine.execute(&case.block, &case.state, &schedule);
            let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(summary(&outcome, &case.state) == case.expected, "{what}");
        }
        // In a transaction whose code has failed, frames that wait may fail as well, which nobody sees any more.
        assert!(injector.quarantined() <= injector.injected(), "{}, round {round}", kind.name());
        survived += injector.quarantined();
        if survived >= FAULTS {
            println!("{}: {survived} faults in {} rounds", kind.name(), round + 1);
            return;
        }
    }
}

#[test]
fn made_up_blocks_come_to_the_same_while_code_fails() {
    silence();
    let (cases, codes) = (made(), native());
    FaultKind::ALL.iter().for_each(|kind| survive(*kind, &cases, &codes));
}

#[test]
fn given_blocks_come_to_the_same_while_code_fails() {
    silence();
    let (cases, codes) = (given(), native());
    if !cases.is_empty() {
        FaultKind::ALL.iter().for_each(|kind| survive(*kind, &cases, &codes));
    }
}
