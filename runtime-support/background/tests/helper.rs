//! The compiler in the background with a helper that does not compile: what it is given, and every way in which it ends.

#![forbid(unsafe_code)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use evmc_background::{BackgroundCompiler, Counts, Failure, Limits, Options};
use evmc_revm::{CodeSource, StoreCodes};
use evmc_store::Trust;
use revm::{
    bytecode::{Bytecode, opcode::*},
    primitives::hardfork::SpecId,
};
use tempfile::TempDir;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Gas per byte in these tests.
const GAS_PER_BYTE: u64 = 10;

/// A compiler over an empty store.
struct Bench {
    folder: TempDir,
    compiler: BackgroundCompiler,
    source: Arc<dyn CodeSource>,
}

impl Bench {
    /// With a helper whose last argument is `last`.
    fn new(last: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let codes = Arc::new(StoreCodes::open(folder.path(), Trust::default()).expect("an empty store"));
        let mut options = Options::new(script());
        options.gas_per_byte = GAS_PER_BYTE;
        options.arguments = vec!["--backend".into(), "none".into(), last.into()];
        change(&mut options);
        let compiler = BackgroundCompiler::start(codes, options).expect("a compiler");
        Self { folder, source: compiler.source(), compiler }
    }

    /// Has a code burn gas.
    fn burn(&self, code: &Bytecode, gas: u64) {
        self.source.interpreted(code.hash_slow(), code, SpecId::CANCUN, gas);
    }

    /// Has a code burn a lot, and waits for what comes of it.
    fn compile(&self, code: &Bytecode) -> Counts {
        self.burn(code, u64::MAX);
        assert!(self.compiler.wait_idle(LONG));
        self.compiler.counts()
    }
}

/// The helper.
fn script() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "helper.sh"].iter().collect()
}

/// One of several codes.
fn code(number: u8) -> Bytecode {
    Bytecode::new_raw(vec![PUSH1, number, POP, STOP].into())
}

/// What was queued and what failed once.
fn failed(queued: u64, failure: Failure) -> Counts {
    Counts { queued, compiled: 0, failed: [(failure, queued)].into() }
}

/// Waits until a file has text in it.
fn wait_for(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[test]
fn the_helper_is_given_the_code_and_limits_and_nothing_else() {
    let record = tempfile::tempdir().expect("a folder");
    let path = |name: &str| record.path().join(name);
    let limits = Limits { memory_bytes: 3 << 30, cpu_seconds: 17, wall_time: LONG };
    let last = format!("--record={}", record.path().display());
    let bench = Bench::new(&last, |options| options.limits = limits);
    // Longer than a pipe holds.
    let long = Bytecode::new_raw(vec![JUMPDEST; 100_000].into());
    assert_eq!(bench.compile(&long), failed(1, Failure::Unusable), "the script publishes nothing");
    let read = |name: &str| fs::read_to_string(path(name)).expect("recorded");
    assert_eq!(read("input"), format!("0x{}", "5b".repeat(100_000)));
    let store = fs::canonicalize(bench.folder.path()).expect("the store");
    let fixed = "build - --jobs 1 --end-with-parent --evm-version Cancun";
    let expected = format!("{fixed} --store {} --backend none {last}\n", store.display());
    assert_eq!(read("arguments"), expected);
    let limits = read("limits");
    let [memory, cpu, core, nice] = limits.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("four numbers: {limits}")
    };
    assert_eq!((memory, cpu, core), ((3 << 20).to_string().as_str(), "17", "0"));
    assert_eq!(nice, "19");
    let environment = read("environment");
    let names = environment.lines().filter_map(|line| Some(line.split_once('=')?.0));
    // A shell sets a few by itself.
    let allowed = ["LD_LIBRARY_PATH", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];
    let others: Vec<_> = names.filter(|name| !allowed.contains(name)).collect();
    assert_eq!(others, Vec::<&str>::new());
}

#[test]
fn every_end_is_counted_and_nothing_is_tried_again() {
    let quick = Limits { cpu_seconds: 1, wall_time: LONG, ..Limits::default() };
    let short = Limits { wall_time: Duration::from_millis(100), ..Limits::default() };
    let ends = [
        ("--exit=0", quick, Failure::Unusable),
        ("--exit=1", quick, Failure::Refused),
        ("--exit=2", quick, Failure::Error),
        ("--exit=101", quick, Failure::Error),
        ("--signal=ABRT", quick, Failure::Aborted),
        ("--signal=SEGV", quick, Failure::Killed),
        ("--spin", quick, Failure::CpuTime),
        ("--sleep=/dev/null", short, Failure::WallTime),
    ];
    for (last, limits, failure) in ends {
        let bench = Bench::new(last, |options| options.limits = limits);
        assert_eq!(bench.compile(&code(1)), failed(1, failure), "{last}");
        assert_eq!(bench.compile(&code(1)), failed(1, failure), "{last}, again");
        assert_eq!(bench.compile(&code(2)), failed(2, failure), "{last}, another code");
    }
}

#[test]
fn only_what_costs_more_is_queued() {
    let bench = Bench::new("--exit=0", |_| ());
    let cost = GAS_PER_BYTE * code(1).len() as u64;
    for _ in 0..cost {
        bench.burn(&code(1), 1);
        bench.burn(&code(2), 0);
    }
    assert_eq!(bench.compiler.counts(), Counts::default());
    bench.burn(&code(1), 1);
    assert!(bench.compiler.wait_idle(LONG));
    assert_eq!(bench.compiler.counts(), failed(1, Failure::Unusable));
}

#[test]
fn a_full_queue_leaves_codes_for_later() {
    let running = tempfile::NamedTempFile::new().expect("a file");
    let last = format!("--sleep={}", running.path().display());
    let limits = Limits { wall_time: Duration::from_secs(1), ..Limits::default() };
    let bench = Bench::new(&last, |options| (options.limits, options.max_queued) = (limits, 2));
    bench.burn(&code(0), u64::MAX);
    wait_for(running.path());
    for number in 1..=5 {
        bench.burn(&code(number), u64::MAX);
    }
    assert_eq!(bench.compiler.counts().queued, 3, "one at work, two that wait");
    assert!(bench.compiler.wait_idle(LONG));
    bench.burn(&code(4), 0);
    assert_eq!(bench.compiler.counts().queued, 4, "it had burned enough already");
    bench.burn(&code(1), u64::MAX);
    assert_eq!(bench.compiler.counts().queued, 4, "it has failed");
}

#[test]
fn a_helper_at_work_is_killed_and_reaped_in_the_end() {
    let running = tempfile::NamedTempFile::new().expect("a file");
    let bench = Bench::new(&format!("--sleep={}", running.path().display()), |_| ());
    bench.burn(&code(1), u64::MAX);
    bench.burn(&code(2), u64::MAX);
    let process = PathBuf::from("/proc").join(wait_for(running.path()));
    assert!(process.exists() && !bench.compiler.wait_idle(Duration::ZERO));
    let Bench { compiler, source, folder } = bench;
    drop(compiler);
    assert!(!process.exists(), "neither running nor a zombie");
    // EVMs may go on with the source.
    source.interpreted(code(3).hash_slow(), &code(3), SpecId::CANCUN, u64::MAX);
    assert!(source.lookup(code(3).hash_slow(), &code(3), SpecId::CANCUN, false).is_none());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was written");
}

#[test]
fn nothing_is_compiled_without_a_helper() {
    let folder = tempfile::tempdir().expect("a folder");
    let codes = || Arc::new(StoreCodes::open(folder.path(), Trust::default()).expect("an empty store"));
    let missing = folder.path().join("missing");
    let error = BackgroundCompiler::start(codes(), Options::new(&missing)).err().expect("no helper");
    assert!(error.to_string().contains("missing"), "{error}");
    // A file that is there, and no program.
    let bench = Bench::new("", |options| {
        options.helper = [env!("CARGO_MANIFEST_DIR"), "Cargo.toml"].iter().collect()
    });
    assert_eq!(bench.compile(&code(1)), failed(1, Failure::Start));
    assert!(!codes().counts_gas(), "a store by itself has nothing counted");
}

#[test]
fn threads_that_execute_share_one_count() {
    let bench =
        Bench::new("--sleep=/dev/null", |options| (options.max_counted, options.max_queued) = (64, 1));
    thread::scope(|scope| {
        for thread in 0..4_u8 {
            let bench = &bench;
            scope.spawn(move || {
                for round in 0..5000_u32 {
                    let number = [thread, round as u8, (round >> 8) as u8];
                    let code = Bytecode::new_raw([&[PUSH3][..], &number].concat().into());
                    bench.burn(&code, u64::from(round));
                }
            });
        }
    });
    let queued = bench.compiler.counts().queued;
    assert!((1..=2).contains(&queued), "one at work, one that waits; the others did not: {queued}");
}
