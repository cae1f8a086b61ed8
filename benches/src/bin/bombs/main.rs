//! Compiles adversarial contracts and modules and holds compile time, memory and growth against limits.
//!
//! Each contract is compiled at several sizes, each time in a process of its own, so that peak memory is that of
//! one compilation. The limits hold at every size: budgets of the compiler make the dearest code one that is
//! not the largest. CPU time is that of all threads of the process; short compilations are repeated and the
//! least time counts. Growth is the exponent `e` in `time ~ size^e` between the smallest and the largest size;
//! n log n gives 1.1 between 6 and 24 KiB. It is held against its limit only where the largest size takes long
//! enough for the clock to mean something.
//!
//! Modules of WebAssembly ([`modules`]) are compiled just within the limit on work and far beyond it. There being refused is
//! the right answer, and must come soon.
//!
//! Exit code 1 where a limit is broken, where a contract was refused, or where a module beyond the limit was not.

#![forbid(unsafe_code)]

mod modules;

use std::{
    env,
    io::Write as _,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum as _};
use evmc::backend::{self, BackendName};
use evmc_backend::{Backend, OptLevel, Options};
use evmc_benches::bombs::{self, Bomb, wasm};
use evmc_compiler::driver::{self, Config};
use evmc_testsuite::measure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Compilations that take less than this are repeated until it is used up.
const REPEAT_FOR_S: f64 = 0.2;

/// A compilation shorter than this says nothing about growth, in seconds of CPU.
const GROWTH_MATTERS_S: f64 = 0.1;

/// Compiles adversarial contracts and modules.
#[derive(Debug, Parser)]
struct Args {
    /// Only bombs whose name contains this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Sizes of contracts in KiB, ascending; deployed code has at most 24 (EIP-170), initcode 48 (EIP-3860)
    #[arg(long, value_name = "KIB", value_delimiter = ',', default_value = "3,6,12,24", num_args = 1..)]
    sizes: Vec<usize>,
    /// Largest CPU time, in seconds
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    max_cpu_s: f64,
    /// Largest resident memory, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512.0)]
    max_memory_mib: f64,
    /// Largest exponent of growth
    #[arg(long, value_name = "E", default_value_t = 1.25)]
    max_growth: f64,
    /// Largest CPU time until a module beyond the limits is refused, in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    max_refusal_s: f64,
    /// A compilation is ended after this wall time, in seconds
    #[arg(long, value_name = "S", default_value_t = 30)]
    timeout_s: u64,
    /// Code generator
    #[arg(long, value_enum, default_value_t = BackendName::Cranelift)]
    backend: BackendName,
    /// Optimisation level, 0 to 3
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2)]
    level: u8,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Compile this bomb in this process, print its cost as JSON, and end
    #[arg(long, hide = true, requires = "size")]
    only: Option<String>,
    /// Size of the bomb for --only, in bytes; of a module, which comes on standard input, in pieces
    #[arg(long, hide = true)]
    size: Option<usize>,
}

/// What one compilation took.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cost {
    code_bytes: usize,
    cpu_s: f64,
    peak_memory_mib: f64,
    artifact_bytes: usize,
    /// Whether function recovery was over its budget, so that all code is generic.
    generic: bool,
}

/// A contract at every size; `None` where there was no result.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    what: &'static str,
    costs: Vec<Option<Cost>>,
    growth: Option<f64>,
    broken: Vec<String>,
}

/// What is told of a bomb.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AnyRow {
    Contract(Row),
    Module(modules::Row),
}

impl AnyRow {
    fn is_broken(&self) -> bool {
        match self {
            Self::Contract(row) => !row.broken.is_empty(),
            Self::Module(row) => !row.broken.is_empty(),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let (Some(name), Some(size)) = (&args.only, args.size) {
        return compile_here(name, size, &args);
    }
    let mut rows = measure_contracts(&args);
    rows.extend(measure_modules(&args));
    let broken = rows.iter().filter(|row| row.is_broken()).count();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows).expect("rows are JSON"));
    } else {
        println!("{} bombs, {broken} beyond the limits", rows.len());
    }
    ExitCode::from(u8::from(broken > 0))
}

fn measure_contracts(args: &Args) -> Vec<AnyRow> {
    let chosen: Vec<_> = bombs::all().filter(|bomb| bomb.name.contains(&args.filter)).collect();
    if !args.json && !chosen.is_empty() {
        print_header(args);
    }
    let measure = |bomb| {
        let row = measure_bomb(bomb, args);
        if !args.json {
            row.print();
        }
        AnyRow::Contract(row)
    };
    chosen.into_iter().map(measure).collect()
}

fn measure_modules(args: &Args) -> Vec<AnyRow> {
    let chosen: Vec<_> = wasm::all().filter(|bomb| bomb.name.contains(&args.filter)).collect();
    if !args.json && !chosen.is_empty() {
        modules::print_header();
    }
    let measure = |bomb| {
        let row = modules::measure(bomb, args);
        if !args.json {
            row.print();
        }
        AnyRow::Module(row)
    };
    chosen.into_iter().map(measure).collect()
}

/// The configuration of the compiler that is asked for.
fn config(args: &Args) -> Config {
    let level = OptLevel::from_number(args.level).unwrap_or_default();
    Config { backend: Options { level, ..Options::default() }, ..Config::default() }
}

/// Compiles one bomb and prints what it costs.
fn compile_here(name: &str, size: usize, args: &Args) -> ExitCode {
    let backend = match backend::create(args.backend, None) {
        Ok(backend) => backend,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let json = match bombs::all().find(|bomb| bomb.name == name) {
        Some(bomb) => cost_of(bomb, size, args, &*backend).map(|cost| serde_json::to_string(&cost)),
        None => modules::cost_of_input(args, &*backend).map(|cost| serde_json::to_string(&cost)),
    };
    match json {
        Ok(json) => {
            println!("{}", json.expect("a cost is JSON"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What compiling a contract costs in this process.
fn cost_of(
    bomb: &Bomb,
    size: usize,
    args: &Args,
    backend: &dyn Backend,
) -> Result<Cost, driver::CompileError> {
    let (code, config) = ((bomb.generate)(size), config(args));
    let (compiled, cpu_s, peak_memory_mib) = repeat(|| driver::compile(&code, &config, backend))?;
    let generic = compiled.statistics.recovery_given_up;
    let artifact_bytes = compiled.artifact.len();
    Ok(Cost { code_bytes: code.len(), cpu_s, peak_memory_mib, artifact_bytes, generic })
}

/// The result, the least CPU time in seconds and the peak of memory in MiB, which the first compilation decides about.
fn repeat<T, E>(compile: impl Fn() -> Result<T, E>) -> Result<(T, f64, f64), E> {
    let (mut used, mut best) = (0.0, f64::INFINITY);
    let mut peak_memory_mib = 0.0;
    loop {
        let start = measure::process_cpu_s();
        let compiled = compile()?;
        let cpu_s = measure::process_cpu_s() - start;
        if used == 0.0 {
            peak_memory_mib = measure::peak_memory_mib().unwrap_or(f64::NAN);
        }
        (used, best) = (used + cpu_s, cpu_s.min(best));
        if used >= REPEAT_FOR_S {
            return Ok((compiled, best, peak_memory_mib));
        }
    }
}

/// Compiles a bomb in a process of its own, which is given `input`.
fn compile_in_child<T: DeserializeOwned>(name: &str, size: usize, input: &[u8], args: &Args) -> Option<T> {
    use std::process::Stdio;
    let timeout = Duration::from_secs(args.timeout_s);
    let backend = args.backend.to_possible_value()?;
    let mut child = Command::new(env::current_exe().ok()?)
        .args(["--only", name, "--size", &size.to_string()])
        .args(["--backend", backend.get_name(), "-O", &args.level.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let start = Instant::now();
    // One that ended before it read everything is seen below.
    let _ = child.stdin.take()?.write_all(input);
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > timeout {
            child.kill().ok()?;
            child.wait().ok()?;
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// Compiles a bomb at every size and compares with the limits.
fn measure_bomb(bomb: &'static Bomb, args: &Args) -> Row {
    let costs: Vec<Option<Cost>> =
        args.sizes.iter().map(|kib| compile_in_child(bomb.name, kib << 10, &[], args)).collect();
    let growth = growth(&costs);
    let mut broken = Vec::new();
    if costs.iter().any(Option::is_none) {
        broken.push("no result".to_owned());
    }
    if costs.iter().flatten().any(|cost| cost.cpu_s > args.max_cpu_s) {
        broken.push(format!("more than {} s", args.max_cpu_s));
    }
    if costs.iter().flatten().any(|cost| cost.peak_memory_mib > args.max_memory_mib) {
        broken.push(format!("more than {} MiB", args.max_memory_mib));
    }
    let matters = costs.iter().flatten().next_back().is_some_and(|cost| cost.cpu_s > GROWTH_MATTERS_S);
    if matters && growth.is_some_and(|growth| growth > args.max_growth) {
        broken.push(format!("growth above {}", args.max_growth));
    }
    Row { name: bomb.name, what: bomb.what, costs, growth, broken }
}

/// The exponent of growth between the first size and the last, where both gave a result.
fn growth(costs: &[Option<Cost>]) -> Option<f64> {
    let (first, last) = (costs.first()?.as_ref()?, costs.last()?.as_ref()?);
    let sizes = last.code_bytes as f64 / first.code_bytes as f64;
    Some((last.cpu_s / first.cpu_s).ln() / sizes.ln())
}

fn print_header(args: &Args) {
    let columns: String = args.sizes.iter().map(|kib| format!("{:>16}", format!("{kib} KiB"))).collect();
    println!("{:<24}{columns}{:>8}", "CPU seconds, MiB at", "growth");
}

impl Row {
    fn print(&self) {
        let columns: String =
            self.costs.iter().map(|cost| format!("{:>16}", column(cost.as_ref()))).collect();
        let growth = self.growth.map_or("-".to_owned(), |growth| format!("{growth:.2}"));
        println!("{:<24}{columns}{growth:>8}  {}", self.name, self.broken.join(", "));
    }
}

/// CPU time and memory; `*` marks code that is all generic.
fn column(cost: Option<&Cost>) -> String {
    match cost {
        Some(cost) => {
            let mark = if cost.generic { "*" } else { "" };
            format!("{:.3} {:5.0}{mark:1}", cost.cpu_s, cost.peak_memory_mib)
        }
        None => "-".to_owned(),
    }
}
