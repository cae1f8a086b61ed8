//! Whole blocks under every schedule, against plain revm.
//!
//! Plain revm executes one transaction after the other on its own cache, with nothing cloned in between. In a round
//! each variant executes all blocks before the next variant has its turn. So what it finds in the
//! caches of the processor, and what an engine keeps from one block to the next (hashes, code), is of
//! other blocks, as in a node. A ratio is that of plain revm's time to a variant's: above one is
//! faster. Told are the ratio of the shortest times of all rounds, and the median of the rounds'
//! ratios.
//!
//! The time is that of the execution: from the block to receipts and changed state, without roots. Making a plain
//! EVM is not counted; whatever the engine needs is. With one thread it is CPU time. With several it is that of the
//! clock on both sides, which is worth something only while no other program wants the processors.

#![forbid(unsafe_code)]

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use evmc::{
    backend::{self, BackendName},
    bench::stats::geometric_mean,
    cpu_time,
    engine::{Codes, NativeMaker},
    output::{self, percent},
    replay,
};
use evmc_compiler::driver::Config;
use evmc_parallel::{AccessList, BlockEngine, Options, PreState, Schedule};
use evmc_revm::{CodeSource, FrameCounts, NoCode, StoreCodes, on_large_stack};
use evmc_store::Trust;
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

    /// Run the code that the store in this folder has
    #[arg(long, value_name = "DIR", conflicts_with = "native")]
    store: Option<PathBuf>,

    /// Keep each worker on a processor of its own
    #[arg(long)]
    pin: bool,

    /// Numbers of threads
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
}

/// The blocks of mainnet that are measured by default: one of Prague, one of Osaka.
const MAINNET: [u64; 2] = [22_546_209, 25_323_281];

/// A variant's name, its engine with how many threads, and which schedule.
struct Variant {
    name: String,
    engine: usize,
    threads: usize,
    schedule: Kind,
}

impl Variant {
    /// The time that counts.
    fn seconds(&self) -> Seconds {
        if self.threads == 1 { |took| took.cpu } else { |took| took.clock }
    }
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
    let codes = codes(args);
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
    let recorder = engines.last_mut().expect("there is one");
    let mut rows: Vec<Row> =
        subjects(args).into_iter().map(|subject| Row::new(subject, recorder, variants.len())).collect();
    let bar = output::progress(Some(args.rounds as u64), false);
    // The first round compiles, and is not counted.
    round(&mut rows, &mut engines, &variants);
    rows.iter_mut().for_each(Row::forget);
    for _ in 0..args.rounds {
        round(&mut rows, &mut engines, &variants);
        bar.inc(1);
    }
    bar.finish_and_clear();
    print_table(&rows, &variants);
}

/// Where frames get code.
fn codes(args: &Args) -> Arc<dyn CodeSource> {
    if let Some(folder) = &args.store {
        let trust = Trust::default();
        return Arc::new(StoreCodes::open(folder, trust).expect("the store can be opened"));
    }
    if !args.native {
        return Arc::new(NoCode);
    }
    let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
    Arc::new(Codes::new(NativeMaker::new(backend, Config::default()), false))
}

/// What is measured.
fn variants(threads: &[usize], recorder: usize) -> Vec<Variant> {
    let variant = |name: String, engine, threads, schedule| Variant { name, engine, threads, schedule };
    let mut all = vec![
        variant("sequential".to_owned(), 0, 1, Kind::Sequential),
        variant("with list".to_owned(), recorder, 1, Kind::Sequential),
    ];
    for (engine, &threads) in threads.iter().enumerate() {
        for (name, schedule) in [("optimistic", Kind::Optimistic), ("bal", Kind::Bal)] {
            all.push(variant(format!("{name} {threads}"), engine, threads, schedule));
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

/// A block with what was measured.
struct Row {
    subject: Subject,
    /// Its access list.
    list: Arc<AccessList>,
    /// Gas that it uses.
    gas: u64,
    /// What plain revm took in each round.
    plain: Vec<Took>,
    /// What each variant took in each round.
    times: Vec<Vec<Took>>,
    /// How the frames of the last sequential execution were run.
    frames: FrameCounts,
}

/// What an execution took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    clock: f64,
    cpu: f64,
}

/// One of these numbers.
type Seconds = fn(&Took) -> f64;

impl Row {
    fn new(subject: Subject, recorder: &mut BlockEngine<PreState>, variants: usize) -> Self {
        let MadeBlock { block, state, .. } = &subject.block;
        let recorded = recorder.execute(block, state, &Schedule::Sequential).expect("the block is valid");
        let list = recorded.access_list(&**state).expect("the state is in memory");
        let list = Arc::new(list.expect("it was asked for"));
        let gas = recorded.gas_used;
        let times = vec![Vec::new(); variants];
        Self { subject, list, gas, plain: Vec::new(), times, frames: FrameCounts::default() }
    }

    /// Executes the block by plain revm.
    fn run_plain(&mut self) {
        let MadeBlock { block, state, .. } = &self.subject.block;
        let mut revm = PlainRevm::new(block, state);
        let (results, took) = timed(|| revm.execute(block));
        assert_eq!(results.expect("the block is valid").len(), block.transactions.len());
        self.plain.push(took);
    }

    /// Executes the block in one of the ways.
    fn run(&mut self, nth: usize, variant: &Variant, engine: &mut BlockEngine<PreState>) {
        let MadeBlock { block, state, .. } = &self.subject.block;
        let schedule = match variant.schedule {
            Kind::Sequential => Schedule::Sequential,
            Kind::Optimistic => Schedule::Optimistic,
            Kind::Bal => Schedule::Bal(Arc::clone(&self.list)),
        };
        let (outcome, took) = timed(|| engine.execute(block, state, &schedule));
        let outcome = outcome.expect("the block is valid");
        assert!(outcome.gas_used == self.gas && outcome.stats.fallback.is_none(), "{}", variant.name);
        self.times[nth].push(took);
        if variant.schedule == Kind::Sequential {
            self.frames = outcome.stats.frames;
        }
    }

    /// Forgets the rounds so far.
    fn forget(&mut self) {
        self.plain.clear();
        self.times.iter_mut().for_each(Vec::clear);
    }

    /// The ratio of the shortest times of plain revm and of a variant.
    fn ratio(&self, nth: usize, seconds: Seconds) -> f64 {
        best(&self.plain, seconds) / best(&self.times[nth], seconds)
    }

    /// The median of the rounds' ratios.
    fn median(&self, nth: usize, seconds: Seconds) -> f64 {
        let pairs = self.plain.iter().zip(&self.times[nth]);
        let mut ratios: Vec<f64> = pairs.map(|(plain, time)| seconds(plain) / seconds(time)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// One execution of all blocks in every way.
fn round(rows: &mut [Row], engines: &mut [BlockEngine<PreState>], variants: &[Variant]) {
    rows.iter_mut().for_each(Row::run_plain);
    for (nth, variant) in variants.iter().enumerate() {
        rows.iter_mut().for_each(|row| row.run(nth, variant, &mut engines[variant.engine]));
    }
}

/// Prints all rows, and the geometric mean of each column.
fn print_table(rows: &[Row], variants: &[Variant]) {
    print!("{:<24} {:>9} {:>7}", "ratio of best (median)", "plain ms", "native");
    variants.iter().for_each(|variant| print!(" {:>16}", variant.name));
    println!();
    for row in rows {
        let native = percent(row.frames.native, row.frames.native + row.frames.interpreted());
        let ms = best(&row.plain, |took| took.clock) * 1e3;
        print!("{:<24} {ms:>9.3} {native:>6.1}%", row.subject.name);
        for (nth, variant) in variants.iter().enumerate() {
            let seconds = variant.seconds();
            print!(" {:>9.3} ({:.2})", row.ratio(nth, seconds), row.median(nth, seconds));
        }
        println!();
    }
    print!("{:<24} {:>9} {:>7}", "geometric mean", "", "");
    for (nth, variant) in variants.iter().enumerate() {
        let mean = |get: fn(&Row, usize, Seconds) -> f64| {
            let ratios = rows.iter().map(|row| get(row, nth, variant.seconds()));
            geometric_mean(ratios).unwrap_or(f64::NAN)
        };
        print!(" {:>9.3} ({:.2})", mean(Row::ratio), mean(Row::median));
    }
    println!();
}

/// What `work` gives, and what it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let (start, cpu) = (Instant::now(), cpu_time::process_cpu_time());
    let done = work();
    let cpu = cpu_time::process_cpu_time().saturating_sub(cpu);
    (done, Took { clock: start.elapsed().as_secs_f64(), cpu: cpu.as_secs_f64() })
}

/// The shortest time.
fn best(times: &[Took], seconds: Seconds) -> f64 {
    times.iter().map(seconds).fold(f64::INFINITY, f64::min)
}
