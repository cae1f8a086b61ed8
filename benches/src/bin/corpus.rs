//! Compiles every contract of a corpus and tells how that went: refusals, panics, resolved jumps, compile
//! time and memory. Exit code 1 where a contract was refused or made the compiler panic.

#![forbid(unsafe_code)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use clap::Parser;
use evmc::backend::{self, BackendName};
use evmc_backend::{Backend, OptLevel, Options};
use evmc_compiler::{
    driver::{self, Config},
    frontend::evm::opcode::Fork,
};
use evmc_testsuite::{
    corpus::{self, Contract},
    measure,
};
use serde::Serialize;

/// Compiles a corpus of contracts.
#[derive(Debug, Parser)]
struct Args {
    /// Archive of contracts (.tar.zst)
    archive: PathBuf,
    /// Fork to compile for
    #[arg(long, default_value = "Osaka")]
    fork: Fork,
    /// Only the first N contracts
    #[arg(long, value_name = "N")]
    take: Option<usize>,
    /// Only every N-th contract
    #[arg(long, value_name = "N", default_value_t = 1)]
    step: usize,
    /// Code generator
    #[arg(long, value_enum, default_value_t = BackendName::Cranelift)]
    backend: BackendName,
    /// Optimisation level, 0 to 3
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2)]
    level: u8,
    /// Stop before the backend: frontend and passes alone
    #[arg(long)]
    no_backend: bool,
    /// Verify the IR after the frontend and after each pass
    #[arg(long)]
    verify: bool,
    /// Threads
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What became of one contract.
struct Outcome {
    /// Place in the corpus.
    index: usize,
    cpu_s: f64,
    /// Why there is no artifact, if there is none.
    failure: Option<Failure>,
    resolved: bool,
    artifact_bytes: usize,
}

enum Failure {
    Refused(String),
    Panicked,
}

/// A contract by hash, with the number that it is listed for or the reason.
#[derive(Serialize)]
struct Listed<T> {
    code_hash: String,
    code_bytes: usize,
    value: T,
}

/// The summary; times in seconds of CPU.
#[derive(Serialize)]
struct Summary {
    codes: usize,
    code_bytes: usize,
    artifact_bytes: usize,
    compiled: usize,
    refused: Vec<Listed<String>>,
    panicked: Vec<Listed<()>>,
    fully_resolved: usize,
    fully_resolved_share: f64,
    /// Median of artifact size by code size.
    size_ratio_median: f64,
    compile_median_s: f64,
    compile_p99_s: f64,
    compile_max_s: f64,
    compile_total_s: f64,
    slowest: Vec<Listed<f64>>,
    peak_memory_mib: Option<f64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut contracts = match corpus::read(&args.archive) {
        Ok(contracts) => contracts,
        Err(error) => {
            eprintln!("{}: {error}", args.archive.display());
            return ExitCode::from(2);
        }
    };
    contracts.truncate(args.take.unwrap_or(usize::MAX));
    let contracts: Vec<_> = contracts.into_iter().step_by(args.step.max(1)).collect();
    let backend = match backend::create(args.backend, None) {
        Ok(backend) => backend,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let summary = Summary::new(&contracts, compile_all(&contracts, &args, &*backend));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary).expect("a summary is JSON"));
    } else {
        summary.print();
    }
    ExitCode::from(u8::from(summary.compiled != summary.codes))
}

/// Compiles all contracts on several threads; the outcomes come in the order of the corpus.
fn compile_all(contracts: &[Contract], args: &Args, backend: &dyn Backend) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < contracts.len()) {
            outcomes.push(compile_one(index, &contracts[index].code, args, backend));
        }
        outcomes
    };
    let mut outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("workers catch panics")).collect()
    });
    outcomes.sort_by_key(|outcome| outcome.index);
    outcomes
}

fn compile_one(index: usize, code: &[u8], args: &Args, backend: &dyn Backend) -> Outcome {
    let level = OptLevel::from_number(args.level).unwrap_or_default();
    let options = Options { level, ..Options::default() };
    let config = Config { fork: args.fork, verify: args.verify, backend: options, ..Config::default() };
    let start = measure::thread_cpu_s();
    let result = catch_unwind(AssertUnwindSafe(|| match args.no_backend {
        true => driver::lower(code, &config).map(|lowered| (lowered.statistics, 0)),
        false => driver::compile(code, &config, backend)
            .map(|compiled| (compiled.statistics, compiled.artifact.len())),
    }));
    let cpu_s = measure::thread_cpu_s() - start;
    let (failure, resolved, artifact_bytes) = match result {
        Ok(Ok((statistics, bytes))) => (None, statistics.is_resolved(), bytes),
        Ok(Err(error)) => (Some(Failure::Refused(error.to_string())), false, 0),
        Err(_) => (Some(Failure::Panicked), false, 0),
    };
    Outcome { index, cpu_s, failure, resolved, artifact_bytes }
}

impl Summary {
    fn new(contracts: &[Contract], mut outcomes: Vec<Outcome>) -> Self {
        let mut times: Vec<f64> = outcomes.iter().map(|outcome| outcome.cpu_s).collect();
        times.sort_by(f64::total_cmp);
        let compiled = outcomes.iter().filter(|outcome| outcome.failure.is_none());
        let ratio = |o: &Outcome| o.artifact_bytes as f64 / contracts[o.index].code.len().max(1) as f64;
        let mut ratios: Vec<f64> = compiled.map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let fully_resolved = outcomes.iter().filter(|outcome| outcome.resolved).count();
        let (mut refused, mut panicked) = (Vec::new(), Vec::new());
        for outcome in &outcomes {
            let contract = &contracts[outcome.index];
            match &outcome.failure {
                Some(Failure::Refused(reason)) => refused.push(Listed::new(contract, reason.clone())),
                Some(Failure::Panicked) => panicked.push(Listed::new(contract, ())),
                None => {}
            }
        }
        let artifact_bytes = outcomes.iter().map(|outcome| outcome.artifact_bytes).sum();
        outcomes.sort_by(|a, b| b.cpu_s.total_cmp(&a.cpu_s));
        let slowest = outcomes.iter().take(5).map(|o| Listed::new(&contracts[o.index], o.cpu_s)).collect();
        Self {
            codes: contracts.len(),
            code_bytes: contracts.iter().map(|contract| contract.code.len()).sum(),
            artifact_bytes,
            compiled: contracts.len() - refused.len() - panicked.len(),
            refused,
            panicked,
            fully_resolved,
            fully_resolved_share: fully_resolved as f64 / contracts.len().max(1) as f64,
            size_ratio_median: measure::quantile(&ratios, 0.5),
            compile_median_s: measure::quantile(&times, 0.5),
            compile_p99_s: measure::quantile(&times, 0.99),
            compile_max_s: measure::quantile(&times, 1.0),
            compile_total_s: times.iter().sum(),
            slowest,
            peak_memory_mib: measure::peak_memory_mib(),
        }
    }

    fn print(&self) {
        println!("codes             {} ({} bytes)", self.codes, self.code_bytes);
        println!("compiled          {} ({} bytes of artifacts)", self.compiled, self.artifact_bytes);
        println!("bytes by code     median {:.2}", self.size_ratio_median);
        println!("refused           {}", self.refused.len());
        self.refused.iter().for_each(|listed| println!("    {} {}", listed.code_hash, listed.value));
        println!("panicked          {}", self.panicked.len());
        self.panicked.iter().for_each(|listed| println!("    {}", listed.code_hash));
        println!("all jumps known   {} ({:.2} %)", self.fully_resolved, self.fully_resolved_share * 100.0);
        println!(
            "compile time      median {:.2} ms, p99 {:.2} ms, maximum {:.2} ms, total {:.2} s",
            self.compile_median_s * 1e3,
            self.compile_p99_s * 1e3,
            self.compile_max_s * 1e3,
            self.compile_total_s
        );
        for listed in &self.slowest {
            println!("    {} {:.2} ms, {} bytes", listed.code_hash, listed.value * 1e3, listed.code_bytes);
        }
        println!("peak memory       {:.0} MiB", self.peak_memory_mib.unwrap_or(f64::NAN));
    }
}

impl<T> Listed<T> {
    fn new(contract: &Contract, value: T) -> Self {
        Self { code_hash: contract.code_hash.clone(), code_bytes: contract.code.len(), value }
    }
}
