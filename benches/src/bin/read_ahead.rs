//! What a cache and reading ahead are worth where reading the state takes time.
//!
//! Every read of the state lets the reading thread sleep, as a database on disk does. Under each schedule, blocks
//! are executed without a cache, with one, and with threads that read ahead. Told are the medians of the times, and the
//! reads of the state.

#![forbid(unsafe_code)]

use std::{
    num::NonZero,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use evmc::replay;
use evmc_parallel::{BlockEngine, Options, Schedule};
use evmc_revm::{CodeSource, NoCode};
use evmc_testsuite::{
    blocks::{matrix::Kind, slow::SlowState},
    data_folder,
};
use revm::DatabaseRef;

/// Measures a cache of reads and reading ahead.
#[derive(Debug, Parser)]
struct Args {
    /// Blocks: files, folders, archives [default: those in $EVMC_DATA]
    #[arg(value_name = "BLOCK")]
    paths: Vec<PathBuf>,

    /// Only the blocks with these numbers
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "19923400,22546209,25323281")]
    numbers: Vec<u64>,

    /// Time that a read takes, in microseconds
    #[arg(long, value_name = "N", default_value_t = 20)]
    micros: u64,

    /// Worker threads under the schedules that have several
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,

    /// Numbers of threads that read ahead
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "2,8")]
    readers: Vec<usize>,

    /// Executions of each
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
}

fn main() {
    let args = Args::parse();
    // Else a sleep takes 50 microseconds longer. Threads have it from the one that starts them.
    rustix::thread::set_current_timer_slack(NonZero::new(1)).expect("the system has timers");
    let default = [data_folder().join("blocks/given.tar.zst")];
    let paths = if args.paths.is_empty() { &default[..] } else { &args.paths };
    let measured = replay::each_block(paths, |block| {
        if args.numbers.contains(&block.number) {
            measure(&args, &block);
        }
        Ok(())
    });
    if let Err(error) = measured {
        eprintln!("{error}");
    }
}

/// Measures one block.
fn measure(args: &Args, block: &replay::ReplayBlock) {
    let state = |micros| Arc::new(SlowState::new(Arc::clone(&block.state), Duration::from_micros(micros)));
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let engine = |options| BlockEngine::new(options, &codes).expect("the system has threads");
    let options = Options { applies_withdrawals: false, ..Options::default() };
    let base = state(0);
    let recorded =
        engine(Options { records_list: true, ..options }).execute(&block.block, &base, &Schedule::Sequential);
    let list = recorded.expect("the block is valid").access_list(&*base).expect("the state is in memory");
    let list = Arc::new(list.expect("it was asked for"));
    let base = state(args.micros);
    println!(
        "block {}, {} transactions, {:.1} µs a read",
        block.number,
        block.block.transactions.len(),
        latency(&base)
    );
    let cached = Options { caches_reads: true, ..options };
    let readers =
        args.readers.iter().map(|&readers| (format!("{readers} readers"), Options { readers, ..cached }));
    let variants: Vec<_> =
        [("no cache".to_owned(), options), ("cache".to_owned(), cached)].into_iter().chain(readers).collect();
    for kind in Kind::ALL {
        let threads = if kind == Kind::Sequential { 1 } else { args.threads };
        print!("  {:<10} {threads} threads:", kind.name());
        for (name, options) in &variants {
            let mut engine = engine(Options { threads, ..*options });
            let (mut times, mut reads) = (Vec::new(), 0);
            for _ in 0..args.rounds {
                let (base, start) = (state(args.micros), Instant::now());
                let outcome = engine.execute(&block.block, &base, &kind.schedule(&list));
                times.push(start.elapsed().as_secs_f64());
                assert!(outcome.is_ok_and(|outcome| outcome.gas_used == block.expected.gas_used));
                reads = base.reads();
            }
            times.sort_unstable_by(f64::total_cmp);
            print!("  {name} {:.1} ms ({reads} reads)", times[times.len() / 2] * 1e3);
        }
        println!();
    }
}

/// What a read takes, in microseconds.
fn latency(base: &SlowState) -> f64 {
    let start = Instant::now();
    (0..100).for_each(|_| drop(base.basic_ref(Default::default())));
    start.elapsed().as_secs_f64() * 1e4
}
