//! Searches for modules of WebAssembly that an engine runs unlike wasmtime.
//!
//! The parent starts `-j` workers, each a process of its own, as a defect may take the process down; a worker that dies
//! is named with its case. What is found is written to a file, and `--case N` runs one case again.
//!
//! Exit code 0 where nothing was found, 1 where something was, 2 where the search could not be done.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io, thread};

use clap::Parser;
use evmc_compiler::frontend::wasm::CostTable;
use evmc_testsuite::measure;
use evmc_testsuite::wasm_fuzz::compare::{Machine, compare};
use evmc_testsuite::wasm_fuzz::engine::Tested;
use evmc_testsuite::wasm_fuzz::generate::{self, Case};
use evmc_testsuite::wasm_fuzz::meter::{self, Start};
use evmc_testsuite::wasm_fuzz::oracle::{self, Oracle, STACK_BYTES};

/// Random modules, every engine against wasmtime.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// CPU time of the search, in minutes
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    cpu_minutes: f64,
    /// Number of the first case
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Engines to test: native, native0 (Cranelift), llvm, llvm0, llvm1, llvm3, ir
    #[arg(long, value_delimiter = ',', default_value = "native,ir")]
    engines: Vec<String>,
    /// Processes
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    jobs: u64,
    /// Folder for what is found
    #[arg(long, value_name = "DIR", default_value = "target/wasm-fuzz")]
    out: PathBuf,
    /// Run this case alone
    #[arg(long, value_name = "S")]
    case: Option<u64>,
    /// Be a worker: every how many seeds there is one for it
    #[arg(long, hide = true)]
    stride: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // The reference needs a native stack for the whole logical depth.
    let run = thread::Builder::new().stack_size(2 * STACK_BYTES).spawn(move || run(&args));
    match run.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(false))) => ExitCode::SUCCESS,
        Ok(Ok(Ok(true))) => ExitCode::from(1),
        Ok(Ok(Err(error))) => {
            eprintln!("wasm_fuzz: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(2),
    }
}

/// Says whether something was found.
fn run(args: &Args) -> Result<bool, String> {
    if let (None, None) = (args.stride, args.case) {
        return search(args).map_err(|error| error.to_string());
    }
    let mut worker = Worker::new(args)?;
    match args.case {
        Some(seed) => worker.case(seed),
        None => worker.work(args),
    }
}

/// One process that runs cases.
struct Worker {
    engines: Vec<Tested>,
    reference: wasmtime::Engine,
    out: PathBuf,
    /// Cases whose calls were made.
    cases: u64,
    found: u64,
}

impl Worker {
    fn new(args: &Args) -> Result<Self, String> {
        let engines = args.engines.iter().map(|name| Tested::from_name(name)).collect::<Result<_, _>>()?;
        let reference = oracle::engine().map_err(|error| error.to_string())?;
        Ok(Self { engines, reference, out: args.out.clone(), cases: 0, found: 0 })
    }

    fn work(&mut self, args: &Args) -> Result<bool, String> {
        let budget = args.cpu_minutes * 60.0;
        let mut seed = args.seed;
        while measure::process_cpu_s() < budget {
            println!("next {seed}");
            self.case(seed)?;
            seed += args.stride.unwrap_or(1);
        }
        println!("done {} {}", self.cases, self.found);
        Ok(self.found > 0)
    }

    /// Says whether the case shows a difference.
    fn case(&mut self, seed: u64) -> Result<bool, String> {
        let Some(case) = generate::case(seed) else { return Ok(false) };
        let depth = evmc_wasm::Limits::default().depth;
        let start = Start { gas: case.gas, depth };
        let metered = meter::metered(&case.wasm, CostTable::standard(), start);
        let Some(metered) = metered.map_err(|error| format!("case {seed}: {error}"))? else {
            return Ok(false);
        };
        self.cases += 1;
        let mut any = false;
        for engine in &self.engines {
            let reference = Oracle::new(&self.reference, &metered, depth);
            let reference = reference.map_err(|error| format!("case {seed}: {error:?}"))?;
            let found = match (reference, engine.instantiate(&case.wasm, case.gas)) {
                (_, Err(error)) => Some(error),
                (Ok(mut reference), Ok(Ok(mut ours))) => {
                    compare(&case, &mut reference as &mut dyn Machine, &mut ours)
                        .map(|found| found.to_string())
                }
                (Err(_), Ok(Err(_))) => None,
                (Err(reference), Ok(Ok(_))) => {
                    Some(format!("instantiated, but the reference: {reference:?}"))
                }
                (Ok(_), Ok(Err(ours))) => Some(format!("not instantiated: {ours:?}")),
            };
            if let Some(found) = found {
                any = true;
                report(&self.out, seed, &case, &format!("{}: {found}", engine.name));
            }
        }
        self.found += u64::from(any);
        Ok(any)
    }
}

/// Prints what was found and keeps the module.
fn report(out: &Path, seed: u64, case: &Case, what: &str) {
    let what: String = what.chars().take(2_000).collect();
    eprintln!("case {seed}: {what}");
    let path = out.join(format!("{seed}.wasm"));
    if let Err(error) = fs::create_dir_all(out).and_then(|()| fs::write(&path, &case.wasm)) {
        eprintln!("{}: {error}", path.display());
    }
}

/// Runs workers and sums up; a worker that dies has found something, and another goes on behind it.
fn search(args: &Args) -> io::Result<bool> {
    let own = env::current_exe()?;
    let workers: Vec<_> = (0..args.jobs)
        .map(|number| {
            let (own, args) = (own.clone(), args.clone());
            thread::spawn(move || supervise(&own, &args, args.seed + number))
        })
        .collect();
    let (mut cases, mut found) = (0, 0);
    for worker in workers {
        let (its_cases, its_found) = worker.join().map_err(|_| io::Error::other("a worker panicked"))??;
        cases += its_cases;
        found += its_found;
    }
    println!("{cases} cases, {found} with a difference");
    Ok(found > 0)
}

/// Runs one worker to its end; gives its cases, and how many of them showed something.
fn supervise(own: &Path, args: &Args, mut seed: u64) -> io::Result<(u64, u64)> {
    let (mut cases, mut deaths) = (0, 0);
    let mut minutes = args.cpu_minutes / args.jobs as f64;
    loop {
        let mut command = Command::new(own);
        command.args(["--stride", &args.jobs.to_string(), "--seed", &seed.to_string()]);
        command.args(["--cpu-minutes", &minutes.to_string(), "--engines", &args.engines.join(",")]);
        let output = command.arg("--out").arg(&args.out).stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers =
            |line: &str| line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect::<Vec<u64>>();
        if let Some([its_cases, found]) = text.lines().last().map(numbers).as_deref()
            && text.lines().last().is_some_and(|line| line.starts_with("done"))
        {
            return Ok((cases + its_cases, deaths + found));
        }
        let last = text.lines().filter_map(|line| line.strip_prefix("next ")?.parse::<u64>().ok()).last();
        let last = last.ok_or_else(|| io::Error::other("a worker did not start"))?;
        eprintln!("case {last}: the process ended: {}", output.status);
        deaths += 1;
        let done = (last - seed) / args.jobs + 1;
        cases += done;
        // What the dead worker used is not known any more; a fair share of its cases is.
        minutes *= 0.9;
        seed = last + args.jobs;
    }
}
