//! Every benchmark input gives the expected outcome natively.

use std::path::Path;

use evmc::engine::{CompiledEngine, Engine, NativeMaker};
use evmc_backend_cranelift::Cranelift;
use evmc_compiler::driver::Config;
use evmc_testsuite::{bench_set, data_folder};

#[test]
fn benchmark_inputs_give_the_expected_outcome_natively() {
    let path = data_folder().join("bench/bench-inputs.json");
    if !path.exists() {
        return println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
    }
    let maker = NativeMaker::new(Box::new(Cranelift::default()), Config::default());
    let engine = CompiledEngine::new("native", maker, true);
    engine.on_worker_stack(Box::new(|| run_all(&engine, &path))).expect("a thread is started");
    let counters = engine.counters();
    assert!(counters.frames_native > 0 && counters.frames_interpreted.is_empty(), "{counters:?}");
}

fn run_all(engine: &dyn Engine, path: &Path) {
    let benches = bench_set::read(path).expect("the set is readable");
    assert!(benches.len() >= 48, "only {} inputs", benches.len());
    let mut worker = engine.worker();
    for bench in benches {
        let done = worker.transact(&bench.input()).unwrap_or_else(|error| panic!("{}: {error}", bench.name));
        let differences = bench.differences(&done.result, &done.state);
        assert!(differences.is_empty(), "{}: different {}", bench.name, differences.join(", "));
    }
}
