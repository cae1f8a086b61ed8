//! Compiling in the background with the real helper: made-up blocks over a store that fills up, hostile code, killed helpers.

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use common::evmc;
use evmc_background::{BackgroundCompiler, Counts, Failure, Limits, Options};
use evmc_parallel::{Block, BlockEngine, Outcome, PreState, Schedule};
use evmc_revm::{CodeSource, StoreCodes};
use evmc_store::Trust;
use revm::{
    bytecode::{Bytecode, opcode::*},
    context::{BlockEnv, CfgEnv, TxEnv},
    primitives::{Address, B256, Bytes, TxKind, U256, hardfork::SpecId, keccak256},
};
use serde_json::json;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);

const SENDER: Address = Address::repeat_byte(0xaa);

/// The `evmc` binary.
const HELPER: &str = env!("CARGO_BIN_EXE_evmc");

/// The store in a folder.
fn open(folder: &Path) -> Arc<StoreCodes> {
    Arc::new(StoreCodes::open(folder, Trust::default()).expect("a store"))
}

/// A compiler for the store in a folder.
fn start(folder: &Path, limits: Limits) -> BackgroundCompiler {
    let options = Options { limits, ..Options::new(HELPER) };
    BackgroundCompiler::start(open(folder), options).expect("a compiler")
}

/// Has codes burn a lot under a fork, and waits for what comes of it.
fn compile(compiler: &BackgroundCompiler, codes: &[&[u8]], spec: SpecId) -> Counts {
    for code in codes {
        let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
        compiler.source().interpreted(code.hash_slow(), &code, spec, u64::MAX);
    }
    assert!(compiler.wait_idle(LONG));
    compiler.counts()
}

/// Counts where nothing was compiled.
fn failed(queued: u64, failure: Failure) -> Counts {
    Counts { queued, compiled: 0, failed: [(failure, queued)].into() }
}

/// Code that takes a turn of 26 gas `turns` times, and then does something.
fn looping(turns: u16, then: &[u8]) -> Vec<u8> {
    let [high, low] = turns.to_be_bytes();
    let turn = [JUMPDEST, PUSH1, 1, SWAP1, SUB, DUP1, PUSH1, 3, JUMPI];
    [&[PUSH2, high, low], &turn[..], then].concat()
}

/// Codes to be called one after the other, and whether each of them burns more than it costs to compile.
fn codes() -> Vec<(Vec<u8>, bool)> {
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.extend([PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH2, 0x10, 0, GAS, CALL, POP]);
    }
    vec![
        (looping(10_000, &[PUSH1, 7, SLOAD, PUSH1, 1, ADD, PUSH1, 7, SSTORE]), true),
        (looping(1_000, &[STOP]), false),
        (looping(9_999, &[PUSH1, 0, PUSH1, 0, REVERT]), true),
        // Only what it calls burns much.
        (calls, false),
        // Runs out of gas.
        (vec![JUMPDEST, PUSH1, 0, JUMP], true),
    ]
}

/// A block that calls each code once, and the state before it.
fn block() -> (Arc<Block>, Arc<PreState>) {
    let mut state = PreState::default();
    state.insert(SENDER, U256::from(1_u64 << 60), 0, &Bytes::new(), []);
    let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
    cfg.set_spec_and_mainnet_gas_params(SpecId::CANCUN);
    let env = BlockEnv { gas_limit: 1 << 40, prevrandao: Some(B256::ZERO), ..BlockEnv::default() };
    let mut block = Block { cfg, env, ..Block::default() };
    for (number, (code, _)) in codes().into_iter().enumerate() {
        let address = Address::left_padding_from(&(0x1000 + number as u16).to_be_bytes());
        state.insert(address, U256::ZERO, 1, &code.into(), []);
        let nonce = number as u64;
        let kind = TxKind::Call(address);
        block.transactions.push(TxEnv {
            caller: SENDER,
            kind,
            nonce,
            gas_limit: 2_000_000,
            ..TxEnv::default()
        });
    }
    (Arc::new(block), Arc::new(state))
}

/// Executes the block.
fn execute(source: &Arc<dyn CodeSource>, schedule: &Schedule, threads: usize) -> Outcome {
    let options = evmc_parallel::Options { threads, ..Default::default() };
    let (block, state) = block();
    BlockEngine::new(options, source)
        .expect("threads")
        .execute(&block, &state, schedule)
        .expect("a valid block")
}

/// What two outcomes have in common if they are equal.
fn essence(outcome: &Outcome) -> impl PartialEq + std::fmt::Debug + use<> {
    let post = outcome.post_state(&*block().1).expect("state in memory");
    (outcome.gas_used, outcome.receipts_root(), outcome.logs_bloom(), post)
}

/// Hashes of the codes in a store.
fn stored(folder: &Path) -> BTreeSet<B256> {
    open(folder).store().rows().map(|row| row.key.code_hash.into()).collect()
}

#[test]
fn a_store_fills_with_what_burns_much() {
    let folder = tempfile::tempdir().expect("a folder");
    let hot = codes().into_iter().filter(|(_, is_hot)| *is_hot);
    let hot: BTreeSet<B256> = hot.map(|(code, _)| keccak256(code)).collect();
    let compiler = start(folder.path(), Limits::default());
    let source = compiler.source();
    let interpreted = execute(&source, &Schedule::Sequential, 1);
    assert_eq!(interpreted.stats.frames.native, 0);
    assert!(compiler.wait_idle(LONG));
    let counts = compiler.counts();
    assert_eq!((counts.queued, counts.compiled), (3, 3), "{counts:?}");
    assert_eq!(stored(folder.path()), hot);
    for schedule in [Schedule::Sequential, Schedule::Optimistic] {
        let native = execute(&source, &schedule, 2);
        assert_eq!(essence(&native), essence(&interpreted));
        // Three are called, and one of them three times more.
        assert!(native.stats.frames.native >= 6, "{:?}", native.stats);
        assert_eq!(native.stats.frames.faults.total(), 0);
    }
    // Without the compiler the store serves as well.
    drop(compiler);
    let native = execute(&(open(folder.path()) as Arc<dyn CodeSource>), &Schedule::Sequential, 1);
    assert_eq!((essence(&native), native.stats.frames.native), (essence(&interpreted), 6));
    evmc(&["store", "verify", folder.path().to_str().expect("UTF-8")]).expect(0, "3 whole, 0 damaged");
}

#[test]
fn forks_are_called_by_names_that_the_helper_knows() {
    for number in 0..15_u8 {
        let spec = SpecId::try_from_u8(number).expect("a fork");
        let name: &str = spec.into();
        assert_eq!(evmc::fork::parse_fork(name).map(|fork| fork as u8), Ok(number), "{name}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let compiler = start(folder.path(), Limits::default());
    let counts = compile(&compiler, &[&[PUSH1, 1]], SpecId::SPURIOUS_DRAGON);
    assert_eq!(counts, Counts { queued: 1, compiled: 1, ..Counts::default() });
    assert_eq!(open(folder.path()).store().rows().map(|row| row.key.fork_class).collect::<Vec<_>>(), [3]);
}

/// Code that takes many seconds to compile: a mebibyte of calls with computed targets.
fn bomb() -> Vec<u8> {
    let mut state = 5_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut code = Vec::with_capacity(1 << 20);
    while code.len() < (1 << 20) - 32 {
        code.extend([JUMPDEST, PUSH1, byte(), CALLDATALOAD, PUSH1, byte(), MSTORE, PUSH2]);
        code.extend([byte(), byte(), PUSH1, byte(), SLOAD, JUMPI]);
    }
    code
}

#[test]
fn hostile_code_is_stopped_and_not_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let bomb = bomb();
    let small = Limits { memory_bytes: 512 << 20, ..Limits::default() };
    let compiler = start(folder.path(), small);
    let counts = compile(&compiler, &[&bomb], SpecId::OSAKA);
    let by_memory: Vec<_> = counts.failed.keys().copied().collect();
    assert!(matches!(by_memory[..], [Failure::Aborted | Failure::Error]), "{counts:?}");
    assert_eq!(compile(&compiler, &[&bomb], SpecId::OSAKA), counts, "not again");
    let after = compile(&compiler, &[&[PUSH1, 1]], SpecId::OSAKA);
    assert_eq!(after.compiled, 1, "others are compiled within the same limits");

    let quick = Limits { cpu_seconds: 1, ..Limits::default() };
    let compiler = start(folder.path(), quick);
    assert_eq!(compile(&compiler, &[&bomb], SpecId::OSAKA), failed(1, Failure::CpuTime));
    assert_eq!(compile(&compiler, &[&bomb], SpecId::OSAKA), failed(1, Failure::CpuTime), "not again");
    assert_eq!(stored(folder.path()), [keccak256([PUSH1, 1])].into());
}

#[test]
fn a_killed_helper_leaves_a_valid_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let compiler = start(folder.path(), Limits::default());
    assert_eq!(compile(&compiler, &[&[PUSH1, 1]], SpecId::OSAKA).compiled, 1);
    // By the clock, at once and while it compiles; by the end of the compiler.
    for millis in [0, 5, 20, 60, 150] {
        let limits = Limits { wall_time: Duration::from_millis(millis), ..Limits::default() };
        let compiler = start(folder.path(), limits);
        assert_eq!(compile(&compiler, &[&bomb()], SpecId::OSAKA), failed(1, Failure::WallTime));
        evmc(&["store", "verify", path]).expect(0, "1 whole, 0 damaged");
    }
    let compiler = start(folder.path(), Limits::default());
    let code = Bytecode::new_raw(bomb().into());
    compiler.source().interpreted(code.hash_slow(), &code, SpecId::OSAKA, u64::MAX);
    drop(compiler);
    let compiler = start(folder.path(), Limits::default());
    assert_eq!(compile(&compiler, &[&[PUSH1, 2]], SpecId::OSAKA).compiled, 1);
    evmc(&["store", "verify", path]).expect(0, "2 whole, 0 damaged");
}

#[test]
fn what_is_refused_is_not_compiled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let compiler = start(folder.path(), Limits::default());
    let (code, source) = ([PUSH1, 1], compiler.source());
    assert_eq!(compile(&compiler, &[&code], SpecId::OSAKA).compiled, 1);
    let hash = keccak256(code);
    let lookup = || source.lookup(hash, &Bytecode::new_raw(code.into()), SpecId::OSAKA, false).is_some();
    assert!(lookup());
    source.quarantine(hash, SpecId::OSAKA, "a test");
    assert!(!lookup());
    assert_eq!(compile(&compiler, &[&code], SpecId::OSAKA).queued, 1, "the store does not lack it");
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether a process runs; one that has ended and waits to be reaped does not.
fn is_running(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Asks again and again until something holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_node_takes_the_helper_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = block_file(folder.path(), &bomb());
    let store = folder.path().join("store");
    let mut command = Command::new(HELPER);
    command.args(["replay", &block, "--background", "--gas-per-byte", "0", "--store"]).arg(store);
    let mut node = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process");
    let mut helpers = Vec::new();
    wait_until("a helper starts", || {
        helpers = children(node.id());
        !helpers.is_empty()
    });
    // By then it has asked the system to end it.
    let maps = format!("/proc/{}/statm", helpers[0]);
    let pages = || fs::read_to_string(&maps).ok()?.split_whitespace().nth(1)?.parse::<u64>().ok();
    wait_until("it compiles", || pages().is_none_or(|pages| pages > 10_000));
    assert!(is_running(&helpers[0]));
    node.kill().expect("a process to kill");
    node.wait().expect("a process to reap");
    wait_until("the helper ends", || !is_running(&helpers[0]));
}

/// A block in the format that `evmc replay` reads, with one call of a code.
fn block_file(folder: &Path, code: &[u8]) -> String {
    let to = "0x00000000000000000000000000000000000000bb";
    let from = SENDER.to_string();
    let block = json!({
        "format": "evmc-mainnet-block/1", "number": 13_000_000, "chainId": 1, "fork": "London",
        "header": {
            "number": "0xc65d40", "miner": to, "timestamp": "0x61000000", "gasLimit": "0x1c9c380",
            "baseFeePerGas": "0x0", "difficulty": "0x1"
        },
        "withdrawals": [], "blockHashes": {},
        "transactions": [{
            "type": 0, "from": from, "to": to, "nonce": "0x0", "value": "0x0", "gasLimit": "0x100000",
            "gasPrice": "0x0", "input": "0x"
        }],
        "pre": {
            from: {"balance": "0xf4240", "nonce": "0x0", "code": "0x", "storage": {}},
            to: {"balance": "0x0", "nonce": "0x1", "code": Bytes::copy_from_slice(code), "storage": {}}
        },
        "expected": {
            // 26 for each turn, and 3 before them.
            "gasUsed": format!("{:#x}", 21_000 + 26 * 10_000 + 3),
            "logsBloom": format!("0x{}", "00".repeat(256)), "receiptsRoot": null, "receipts": [],
            "postTx": {SENDER.to_string(): {
                "balance": "0xf4240", "nonce": "0x1", "codeHash": B256::from(keccak256([])), "storage": {}
            }}
        }
    });
    let path = folder.join("block.json");
    fs::write(&path, block.to_string()).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn replay_fills_a_store_if_it_is_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = block_file(folder.path(), &looping(10_000, &[STOP]));
    let store = folder.path().join("new/store");
    let store = store.to_str().expect("UTF-8");
    let replay = |more: &[&str]| evmc(&[&["replay", &block, "--store", store][..], more].concat());
    replay(&[]).expect(2, "new/store");
    replay(&["--background", "--gas-per-byte", "1000000"]).expect(0, "0 codes queued, 0 compiled");
    replay(&["--background"]).expect(0, "in the background: 1 codes queued, 1 compiled");
    let again = replay(&["--background", "--json"]).expect(0, "").json();
    assert_eq!(again["background"], json!({"queued": 0, "compiled": 0, "failed": {}}));
    assert_eq!((&again["blocks"][0]["frames_native"], &again["differing"]), (&json!(1), &json!(0)));
    assert!(replay(&["--json"]).expect(0, "").json().get("background").is_none());
    evmc(&["replay", &block, "--background"]).expect(2, "--store");
}
