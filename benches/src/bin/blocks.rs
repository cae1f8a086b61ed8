//! Whole blocks under every schedule, against plain revm.
//!
//! Plain revm executes one transaction after the other on its own cache, with nothing cloned in between. All
//! variants take turns within a round, and a ratio is that of plain revm's time to a variant's: above one is faster. Told are
//! the ratio of the shortest times of all rounds, and the median of the rounds' ratios. Where other programs
//! want the processors, the first is nearer to the truth, and with several threads neither is near.
//!
//! The time is that of the execution: from the block to receipts and changed state, without roots. Making a plain
//! EVM is not counted; whatever the engine needs is.

#![forbid(unsafe_code)]

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use evmc::{
    backend::{self, BackendName},
    engine::{Codes, NativeMaker},
    replay,
};
use evmc_compiler::driver::Config;
use evmc_parallel::{BlockEngine, Options, PreState, Schedule};
use evmc_revm::{CodeSource, NoCode, on_large_stack};
use evmc_testsuite::{
    blocks::{MadeBlock, reference::PlainRevm, synthetic},
    data_folder,
};

/// Measures schedules against plain revm.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds for each block
    #[arg(long, value_name = "N", default_value_t = 30)]
    rounds: usize,

    /// Blocks: files, folders, archives [default: two of mainnet, and made-up ones]
    #[arg(value_name = "BLOCK")]
    paths: Vec<PathBuf>,

    /// Only blocks whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,

    /// Run compiled code, made beforehand
    #[arg(long)]
    native: bool,

    /// Keep each worker on a processor of its own
    #[arg(long)]
    pin: bool,

    /// Numbers of threads
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
}

/// The blocks of mainnet that are measured by default: one of Prague, one of Osaka.
const MAINNET: [u64; 2] = [22_546_209, 25_323_281];

/// A variant's name, its engine, and which schedule.
struct Variant {
    name: String,
    engine: usize,
    schedule: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sequential,
    Optimistic,
    Bal,
}

/// A block by name.
struct Subject {
    name: String,
    block: MadeBlock,
}

fn main() {
    let args = Args::parse();
    on_large_stack(|| measure(&args)).expect("the system has a thread");
}

/// Measures all blocks.
fn measure(args: &Args) {
    let codes = codes(args.native);
    let engine = |&threads: &usize, records_list| {
        let options = Options {
            threads,
            records_list,
            pins: args.pin,
            applies_withdrawals: false,
            ..Options::default()
        };
        BlockEngine::new(options, &codes).expect("the system has threads")
    };
    let mut engines: Vec<_> = args.threads.iter().map(|threads| engine(threads, false)).collect();
    // For the list, and for what it costs to make one.
    engines.push(engine(&1, true));
    let variants = variants(&args.threads, engines.len() - 1);
    print!("{:<24} {:>9}", "ratio of best (median)", "plain ms");
    variants.iter().for_each(|variant| print!(" {:>16}", variant.name));
    println!();
    for subject in subjects(args) {
        row(args, &subject, &mut engines, &variants);
    }
}

/// Where frames get code.
fn codes(native: bool) -> Arc<dyn CodeSource> {
    if !native {
        return Arc::new(NoCode);
    }
    let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
    Arc::new(Codes::new(NativeMaker::new(backend, Config::default()), false))
}

/// What is measured.
fn variants(threads: &[usize], recorder: usize) -> Vec<Variant> {
    let sequential =
        |name: &str, engine| Variant { name: name.to_owned(), engine, schedule: Kind::Sequential };
    let mut all = vec![sequential("sequential", 0), sequential("with list", recorder)];
    for (engine, threads) in threads.iter().enumerate() {
        for (name, schedule) in [("optimistic", Kind::Optimistic), ("bal", Kind::Bal)] {
            all.push(Variant { name: format!("{name} {threads}"), engine, schedule });
        }
    }
    all
}

/// The blocks to measure.
fn subjects(args: &Args) -> Vec<Subject> {
    let mut all = Vec::new();
    let archive = data_folder().join("blocks/given.tar.zst");
    let is_default = args.paths.is_empty();
    let paths = if is_default { vec![archive] } else { args.paths.clone() };
    let read = replay::each_block(&paths, |found| {
        if !is_default || MAINNET.contains(&found.number) {
            let (block, state) = (found.block, found.state);
            let name = format!("{} {}", found.number, found.fork.name());
            all.push(Subject { name, block: MadeBlock { name: "mainnet", block, state } });
        }
        Ok(())
    });
    if let Err(error) = read {
        eprintln!("{error}");
    }
    if is_default {
        all.extend(synthetic::all().into_iter().map(|block| Subject { name: block.name.to_owned(), block }));
    }
    all.retain(|subject| subject.name.contains(&args.filter));
    all
}

/// Measures and prints one block.
fn row(args: &Args, subject: &Subject, engines: &mut [BlockEngine<PreState>], variants: &[Variant]) {
    let MadeBlock { block, state, .. } = &subject.block;
    let recorder = engines.last_mut().expect("there is one");
    let recorded = recorder.execute(block, state, &Schedule::Sequential).expect("the block is valid");
    let gas = recorded.gas_used;
    let list = recorded.access_list(&**state).expect("the state is in memory");
    let list = Arc::new(list.expect("it was asked for"));
    let mut plain = Vec::new();
    let mut times = vec![Vec::new(); variants.len()];
    // The first round compiles, and is not counted.
    for round in 0..=args.rounds {
        let mut revm = PlainRevm::new(block, state);
        let (results, took) = timed(|| revm.execute(block));
        assert_eq!(results.expect("the block is valid").len(), block.transactions.len());
        if round > 0 {
            plain.push(took);
        }
        for (variant, times) in variants.iter().zip(&mut times) {
            let schedule = match variant.schedule {
                Kind::Sequential => Schedule::Sequential,
                Kind::Optimistic => Schedule::Optimistic,
                Kind::Bal => Schedule::Bal(Arc::clone(&list)),
            };
            let (outcome, took) = timed(|| engines[variant.engine].execute(block, state, &schedule));
            let outcome = outcome.expect("the block is valid");
            assert!(outcome.gas_used == gas && outcome.stats.fallback.is_none(), "{}", variant.name);
            if round > 0 {
                times.push(took);
            }
        }
    }
    print!("{:<24} {:>9.3}", subject.name, best(&plain) * 1e3);
    for times in &times {
        let mut ratios: Vec<f64> = plain.iter().zip(times).map(|(plain, time)| plain / time).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        print!(" {:>9.3} ({:.2})", best(&plain) / best(times), ratios[ratios.len() / 2]);
    }
    println!();
}

/// What `work` gives, and the seconds that it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}

/// The shortest time.
fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}
