//! Real contracts as text: what the frontend and the passes make of them is valid IR, and its text form
//! parses to the same.
//!
//! Takes every `EVMC_CORPUS_STEP`th contract of the corpus, 40 where that is not set.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use evmc_compiler::driver::{Config, lower};
use evmc_ir::text::{parse, print};
use evmc_ir::{Module, verify};
use evmc_testsuite::{corpus, data_folder};

/// Time that was spent, by step.
#[derive(Debug, Default)]
struct Times {
    lower: Duration,
    verify: Duration,
    print: Duration,
    parse: Duration,
    text_bytes: usize,
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *total += start.elapsed();
    result
}

/// Whether two modules are equal apart from the numbers of instructions and constants.
fn same(a: &Module, b: &Module) -> bool {
    a.entry == b.entry
        && a.uses_memory_stack == b.uses_memory_stack
        && a.stretches.values().eq(b.stretches.values())
        && a.functions.len() == b.functions.len()
        && a.functions.values().zip(b.functions.values()).all(|(a, b)| {
            a.name == b.name && a.results == b.results && a.layout == b.layout && a.size() == b.size()
        })
}

fn round_trip(code: &[u8], specialise: bool, times: &mut Times) -> Result<(), String> {
    let config = Config { specialise, verify: false, ..Config::default() };
    let lowered = timed(&mut times.lower, || lower(code, &config)).map_err(|error| error.to_string())?;
    let module = lowered.module;
    timed(&mut times.verify, || verify(&module)).map_err(|errors| errors[0].to_string())?;
    let text = timed(&mut times.print, || print(&module));
    times.text_bytes += text.len();
    let again = timed(&mut times.parse, || parse(&text)).map_err(|error| error.to_string())?;
    verify(&again).map_err(|errors| format!("parsed: {}", errors[0]))?;
    if same(&module, &again) && print(&again) == text { Ok(()) } else { Err("the text differs".into()) }
}

#[test]
fn corpus_round_trips() {
    let archive = data_folder().join("corpus/given.tar.zst");
    if !archive.exists() {
        eprintln!("skipped: {} is not there", archive.display());
        return;
    }
    let step = std::env::var("EVMC_CORPUS_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(40);
    let mut times = Times::default();
    let contracts = corpus::read(&archive).expect("a readable archive");
    for contract in contracts.iter().step_by(step) {
        for specialise in [true, false] {
            if let Err(error) = round_trip(&contract.code, specialise, &mut times) {
                panic!("{} (specialise: {specialise}): {error}", contract.code_hash);
            }
        }
    }
    eprintln!("{} contracts: {times:?}", contracts.len().div_ceil(step));
}
