//! The WebAssembly specification's tests on every engine of this build.
//!
//! For each engine the failures, the skips with their reasons, and a line `N passed, N failed, N skipped`; the last
//! line of all is their sum. Exit code 0 where nothing failed, 1 where something did, 2 where something could not be done.

#![forbid(unsafe_code)]

use std::{num::NonZero, process::ExitCode, thread};

use clap::Parser;
use evmc::error::{CliError, print_error};
use evmc_testsuite::wasm_suite::{self, OUTDATED, Suite};

/// Runs the WebAssembly specification's tests on every engine.
#[derive(Debug, Parser)]
struct Args {
    /// Only engines whose name contains this: ir, cranelift, llvm
    #[arg(long, value_name = "TEXT")]
    engine: Option<String>,

    /// Only scripts whose name contains this
    #[arg(value_name = "TEXT")]
    filter: Option<String>,

    /// Worker threads [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            print_error(error);
            ExitCode::from(2)
        }
    }
}

/// Runs everything; gives the number of failures.
fn run(args: &Args) -> Result<u64, CliError> {
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let suite = Suite::find(args.filter.as_deref());
    for (name, holds) in OUTDATED {
        println!("{name}: left out: outdated, as {holds}");
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for engine in wasm_suite::engines()? {
        if args.engine.as_ref().is_some_and(|part| !engine.name().contains(part.as_str())) {
            continue;
        }
        let summary = suite.run(&engine, jobs)?;
        print!("{}", summary.to_text(false));
        passed += summary.passed;
        failed += summary.failed;
        skipped += summary.skipped;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(failed)
}
