//! How fast WebAssembly computes: our kernels and the given ones, at every entrant in turns.
//!
//! See [`evmc_benches::wasm_kernels`]. The exit code is 1 where a kernel gave what it must not.

#![forbid(unsafe_code)]

use std::{error::Error, path::PathBuf, process::ExitCode, thread};

use clap::Parser;
use evmc::output;
use evmc_benches::wasm_kernels::{
    entrant::{self, Entrant},
    measure::{self, Rounds},
    report::Report,
    set::{self, Kernel},
    table,
};

/// Measures WebAssembly kernels.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds that count
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,

    /// Rounds before these
    #[arg(long, value_name = "N", default_value_t = 1)]
    warmup: usize,

    /// Only kernels whose name or topic contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,

    /// Who takes part [default: all but native-v3]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    entrants: Vec<String>,

    /// Whose times the table's ratios are to
    #[arg(long, value_name = "NAME", default_value = "native")]
    base: String,

    /// Write the result as JSON to this file, or to standard output (`-`), in place of the table
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

/// Native stack of the one thread that runs everything, in bytes: enough that no call has to go to another thread, whose time
/// would not count.
const STACK_BYTES: usize = 1 << 30;

fn main() -> ExitCode {
    let measuring = thread::Builder::new().stack_size(STACK_BYTES).spawn(|| {
        measure_all().unwrap_or_else(|error| {
            eprintln!("wasm_kernels: {error}");
            ExitCode::from(2)
        })
    });
    measuring.ok().and_then(|thread| thread.join().ok()).unwrap_or(ExitCode::FAILURE)
}

/// Measures what was asked for, and says whether every result was right.
fn measure_all() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let entrants = entrants(&args)?;
    let kernels = kernels(&args.filter)?;
    let bar = output::progress(Some(args.rounds as u64), false);
    let rounds = Rounds { warmup: args.warmup, counted: args.rounds };
    let rows = measure::measure(kernels, &entrants, rounds, &bar);
    bar.finish_and_clear();
    let report = Report::new(&rows, &entrants);
    match &args.json {
        Some(path) => output::write_json(path, &report)?,
        None => output::print(table::text(&report, &args.base))?,
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those who were asked for.
fn entrants(args: &Args) -> Result<Vec<Box<dyn Entrant>>, Box<dyn Error>> {
    entrant::missing().iter().for_each(|missing| eprintln!("{missing}"));
    let mut all = entrant::all();
    let unknown = args.entrants.iter().find(|name| all.iter().all(|entrant| entrant.name() != *name));
    if let Some(name) = unknown {
        let names: Vec<&str> = all.iter().map(|entrant| entrant.name()).collect();
        return Err(format!("no entrant {name}; there are {}", names.join(", ")).into());
    }
    let is_named = |entrant: &dyn Entrant| args.entrants.iter().any(|name| name == entrant.name());
    all.retain(|entrant| is_named(&**entrant) || (args.entrants.is_empty() && entrant.is_default()));
    Ok(all)
}

/// Ours, and the given ones where they are.
fn kernels(filter: &str) -> Result<Vec<Kernel>, Box<dyn Error>> {
    let mut all = set::own()?;
    match set::given()? {
        Some(given) => all.extend(given),
        None => eprintln!("the given kernels are skipped: $EVMC_DATA has no folder wasm-kernels"),
    }
    all.retain(|kernel| kernel.name.contains(filter) || kernel.topic.contains(filter));
    Ok(all)
}
