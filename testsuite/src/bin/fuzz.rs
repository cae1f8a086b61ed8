//! Searches for programs that an engine runs unlike revm's interpreter.
//!
//! The parent starts `-j` workers, each a process of its own, as a defect may take the process down. A
//! worker runs one case after another until its share of the CPU time is used up, and says which case comes
//! next, so that the parent knows the one that a worker died of. What is found is made small and written
//! to a file that `--replay` runs again.
//!
//! Exit code 0 where nothing was found, 1 where something was, 2 where the search could not be done.

#![forbid(unsafe_code)]

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use clap::Parser;
use evmc_testsuite::{
    corpus, data_folder,
    fuzz::{
        Case,
        compare::{self, Tested},
        minimise::minimise,
        report,
    },
    measure,
};
use fastrand::Rng;

/// Attempts at making a failing case small.
const MINIMISE_BUDGET: usize = 3_000;

/// The same for cases that take the process down, each attempt being a process.
const MINIMISE_CRASH_BUDGET: usize = 400;

/// Runs of each case with less gas than it needs.
const TIGHT_RUNS: usize = 3;

/// Exit code of a process that found something.
const FOUND: u8 = 1;

/// Random programs, every engine against the interpreter.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// CPU time of the search, in minutes
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    cpu_minutes: f64,
    /// Number of the first case
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Stop after this many cases
    #[arg(long, value_name = "N", default_value_t = u64::MAX)]
    cases: u64,
    /// Engines to test: native, native0 (Cranelift), llvm, llvm0, llvm1, llvm3, ir
    #[arg(long, value_delimiter = ',', default_value = "native")]
    engines: Vec<String>,
    /// Processes
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    jobs: u64,
    /// Archive of real contracts to damage (.tar.zst) [default: that in $EVMC_DATA, if it is there]
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// Folder for what is found
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    out: PathBuf,
    /// Run one case from a file instead
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Be a worker: every how many seeds there is one for it
    #[arg(long, hide = true)]
    stride: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::from(FOUND),
        Ok(false) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::from(2)
        }
    }
}

/// Says whether something was found.
fn run(args: &Args) -> io::Result<bool> {
    let engines: Vec<Tested> = args
        .engines
        .iter()
        .map(|name| Tested::from_name(name).map_err(io::Error::other))
        .collect::<io::Result<_>>()?;
    if let Some(path) = &args.replay {
        return replay(path, &engines);
    }
    match args.stride {
        Some(stride) => compare::on_stack(|| work(args, stride, &engines))?,
        None => search(args),
    }
}

fn replay(path: &Path, engines: &[Tested]) -> io::Result<bool> {
    let text = fs::read_to_string(path)?;
    let case = report::from_json(&text).ok_or_else(|| io::Error::other("not a case"))?;
    let found = compare::on_stack(|| compare::run(&case, engines))?;
    match &found {
        Some(found) => println!("{}, transaction {}: {}", found.engine.name, found.transaction, found.what),
        None => println!("no difference"),
    }
    Ok(found.is_some())
}

/// Real contracts; none where there is no archive and the user named none.
fn read_corpus(args: &Args) -> io::Result<Vec<Vec<u8>>> {
    let default = data_folder().join("corpus/given.tar.zst");
    let path = match &args.corpus {
        Some(path) => path,
        None if default.is_file() => &default,
        None => return Ok(Vec::new()),
    };
    Ok(corpus::read(path)?.into_iter().map(|contract| contract.code).collect())
}

// The worker.

/// Runs cases until the time is used up. Standard output gets the seed of each case before it is run.
fn work(args: &Args, stride: u64, engines: &[Tested]) -> io::Result<bool> {
    let corpus = read_corpus(args)?;
    let budget_s = args.cpu_minutes * 60.0;
    let mut out = io::stdout().lock();
    for number in 0..args.cases {
        if measure::process_cpu_s() > budget_s {
            break;
        }
        let seed = args.seed.wrapping_add(number.wrapping_mul(stride));
        writeln!(out, "{seed}")?;
        out.flush()?;
        let case = full_case(seed, &corpus);
        if let Some(found) = compare::run(&case, engines) {
            let fails = |case: &Case| compare::run(case, &[found.engine]).is_some();
            let small = minimise(case, MINIMISE_BUDGET, fails);
            let what = compare::run(&small, &[found.engine]).map_or(found.what, |found| found.what);
            write_case(args, &small, &format!("{}: {what}", found.engine.name))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The case of a seed, with transactions that run out of gas on their way added.
fn full_case(seed: u64, corpus: &[Vec<u8>]) -> Case {
    let mut case = Case::generate(seed, corpus);
    let mut rng = Rng::with_seed(seed ^ u64::MAX);
    let used = compare::gas_used(&case);
    for _ in 0..TIGHT_RUNS {
        let number = rng.usize(..used.len());
        if let Some(used) = used[number] {
            case.transactions.push(compare::tighter(&case.transactions[number], used, &mut rng));
        }
    }
    case
}

fn write_case(args: &Args, case: &Case, what: &str) -> io::Result<()> {
    fs::create_dir_all(&args.out)?;
    let path = args.out.join(format!("{}.json", case.seed));
    fs::write(&path, serde_json::to_string_pretty(&report::to_json(case, what))?)?;
    eprintln!("seed {}: {what}\n  written to {}", case.seed, path.display());
    Ok(())
}

// The parent.

/// Starts the workers and waits for them.
fn search(args: &Args) -> io::Result<bool> {
    let workers: Vec<_> =
        (0..args.jobs.max(1)).map(|number| spawn(args, number)).collect::<io::Result<_>>()?;
    let watchers: Vec<_> = workers.into_iter().map(|child| thread::spawn(|| watch(child))).collect();
    let (mut cases, mut found) = (0, false);
    for watcher in watchers {
        let ended = watcher.join().map_err(|_| io::Error::other("a watcher panicked"))??;
        cases += ended.cases;
        match (ended.code, ended.last) {
            (Some(0), _) => {}
            (Some(code), _) if code == i32::from(FOUND) => found = true,
            (None, Some(seed)) => {
                found = true;
                report_crash(args, seed)?;
            }
            (code, _) => return Err(io::Error::other(format!("a worker ended with {code:?}"))),
        }
    }
    let verdict = if found { "differences found" } else { "no difference" };
    println!("{cases} cases on {}: {verdict}", args.engines.join(", "));
    Ok(found)
}

fn spawn(args: &Args, number: u64) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--stride", &args.jobs.to_string(), "--seed", &args.seed.wrapping_add(number).to_string()]);
    command.args(["--cpu-minutes", &(args.cpu_minutes / args.jobs as f64).to_string()]);
    command.args(["--cases", &args.cases.div_ceil(args.jobs).to_string()]);
    command.args(["--engines", &args.engines.join(",")]).arg("--out").arg(&args.out);
    if let Some(corpus) = &args.corpus {
        command.arg("--corpus").arg(corpus);
    }
    command.stdout(Stdio::piped()).spawn()
}

/// How a worker ended.
struct Ended {
    /// Its exit code; `None` where a signal took it down.
    code: Option<i32>,
    cases: u64,
    /// Seed of the last case that it began.
    last: Option<u64>,
}

fn watch(mut child: Child) -> io::Result<Ended> {
    let (mut cases, mut last) = (0, None);
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            (cases, last) = (cases + 1, line?.parse().ok());
        }
    }
    Ok(Ended { code: child.wait()?.code(), cases, last })
}

/// Makes the case that a worker died of small, each attempt in a process of its own.
fn report_crash(args: &Args, seed: u64) -> io::Result<()> {
    let case = full_case(seed, &read_corpus(args)?);
    fs::create_dir_all(&args.out)?;
    let attempt = args.out.join(format!("{seed}-attempt.json"));
    let crashes = |case: &Case| {
        let text = report::to_json(case, "").to_string();
        let status = fs::write(&attempt, text).and_then(|()| {
            Command::new(env::current_exe()?)
                .args(["--engines", &args.engines.join(",")])
                .arg("--replay")
                .arg(&attempt)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
        });
        status.is_ok_and(|status| status.code().is_none())
    };
    let small = minimise(case, MINIMISE_CRASH_BUDGET, crashes);
    fs::remove_file(&attempt)?;
    write_case(args, &small, "the process died of a signal")
}
