//! Real blocks in every way in which they can be executed, compared with what mainnet made of them.
//!
//! A store of all codes in the blocks' state is built (Cranelift, `-O2`), and a second one with half of it. Then each
//! block is executed with the whole store, without any, and with the half; on each number of threads, which yield at random
//! places; and under each schedule. Gas, filter, receipts, state and access list must be equal.
//!
//! One line for each combination; the last line is the sum of executed blocks. Exit code 0 where all are equal, 1 where
//! one is not, 2 where something could not be done.

#![forbid(unsafe_code)]

use std::{
    error::Error,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Instant,
};

use clap::Parser;
use evmc::replay::{self, ReplayBlock};
use evmc_backend::OptLevel;
use evmc_parallel::{AccessList, Schedule};
use evmc_revm::{CodeSource, NoCode, StoreCodes};
use evmc_store::{Store, Trust};
use evmc_testsuite::{
    blocks::{
        matrix::{self, Kind, Played},
        stored::{self, Codes},
    },
    data_folder,
};

/// Executes real blocks in every way and compares.
#[derive(Debug, Parser)]
struct Args {
    /// Blocks: files, folders, archives [default: those in $EVMC_DATA]
    #[arg(value_name = "BLOCK")]
    paths: Vec<PathBuf>,

    /// Numbers of threads
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4,8")]
    threads: Vec<usize>,

    /// Where threads yield
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// Keep the stores in this folder, and use what is there [default: a new folder that is removed]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Threads that compile [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

/// Why something could not be done.
type Failure = Box<dyn Error>;

/// A block with the access list that it has.
struct Subject {
    block: ReplayBlock,
    list: Arc<AccessList>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok((passed, failed)) => {
            println!("{passed} passed, {failed} failed");
            ExitCode::from(u8::from(failed > 0))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Blocks that were equal, and that were not.
fn run(args: &Args) -> Result<(usize, usize), Failure> {
    let subjects = read(args)?;
    let removed = tempfile::tempdir()?;
    let folder = args.store.as_deref().unwrap_or(removed.path());
    let (whole, half) = (folder.join("whole"), folder.join("half"));
    build(args, &subjects, &whole, &half)?;
    let open = |folder: &Path| Ok::<_, Failure>(Arc::new(StoreCodes::open(folder, Trust::Anyone)?));
    let (whole, half) = (open(&whole)?, open(&half)?);
    let sources: [(&str, Arc<dyn CodeSource>); 3] = [
        ("whole store", Arc::clone(&whole) as _),
        ("interpreter", Arc::new(NoCode)),
        ("half store", Arc::clone(&half) as _),
    ];
    let (mut passed, mut failed) = (0, 0);
    for (name, codes) in &sources {
        for (nth, &threads) in (0..).zip(&args.threads) {
            let mut engine = matrix::engine(codes, threads, args.seed + 100 * nth, false);
            for kind in Kind::ALL {
                let start = Instant::now();
                let mut played = Played::default();
                for Subject { block, list } in &subjects {
                    played.play(&mut engine, block, kind, list);
                }
                tell(&format!("{name}, {}, {threads} threads", kind.name()), &played, start);
                passed += played.equal;
                failed += played.different.len();
            }
        }
    }
    for (name, codes) in [("whole store", whole), ("half store", half)] {
        let counters = codes.counters();
        println!("{name}: {} artifacts loaded, refused: {:?}", counters.loaded, counters.refused);
    }
    Ok((passed, failed))
}

/// Reads the blocks and makes their access lists.
fn read(args: &Args) -> Result<Vec<Subject>, Failure> {
    let default = [data_folder().join("blocks/given.tar.zst")];
    let paths = if args.paths.is_empty() { &default[..] } else { &args.paths };
    let codes: Arc<dyn CodeSource> = Arc::new(NoCode);
    let mut recorder = matrix::engine(&codes, 1, args.seed, false);
    let (mut subjects, mut invalid) = (Vec::new(), None);
    replay::each_block(paths, |block| {
        match recorder.execute(&block.block, &block.state, &Schedule::Sequential) {
            Ok(outcome) => {
                let list = Arc::new(matrix::list(&outcome, &block.state));
                subjects.push(Subject { block, list });
            }
            Err(error) => invalid = Some(format!("block {}: {error}", block.number)),
        }
        Ok(())
    })?;
    invalid.map_or(Ok(subjects), |error| Err(error.into()))
}

/// Builds the stores.
fn build(args: &Args, subjects: &[Subject], whole: &Path, half: &Path) -> Result<(), Failure> {
    let mut codes = Codes::default();
    subjects.iter().for_each(|subject| codes.add_all(&subject.block));
    let threads = args.jobs.map_or_else(thread::available_parallelism, Ok)?;
    let start = Instant::now();
    let compiled = codes.fill(whole, OptLevel::Default, threads)?;
    let left = stored::copy_half(whole, half)?;
    let bytes = Store::open(whole, &Trust::Anyone)?.statistics().artifact_bytes;
    println!(
        "{} blocks; store: {} codes, {compiled} compiled in {:.0} s, {} MiB; half of it: {left}",
        subjects.len(),
        codes.len(),
        start.elapsed().as_secs_f64(),
        bytes >> 20
    );
    Ok(())
}

/// Prints what came of a combination.
fn tell(name: &str, played: &Played, start: Instant) {
    let (frames, differing) = (&played.frames, played.different.len());
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    println!(
        "{name:<36} {} of {} equal, native {:5.1} % of frames, {:5.1} % of gas, {} conflicts, {} re-executions, {} faults, {:.1} s",
        played.equal,
        played.equal + differing,
        percent(frames.native, frames.native + frames.interpreted()),
        percent(frames.native_gas, frames.frame_gas),
        played.conflicts,
        played.re_executions,
        frames.faults.total(),
        start.elapsed().as_secs_f64()
    );
    played.different.iter().for_each(|difference| println!("    DIFFERS: {difference}"));
}
