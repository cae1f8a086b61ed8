//! Every benchmark input gives the expected outcome natively, and what the speed of some rests on holds.

use std::path::{Path, PathBuf};

use evmc::backend::{self, BackendName};
use evmc::engine::{CompiledEngine, Engine, NativeMaker};
use evmc_compiler::driver::{self, Config};
use evmc_ir::{Module, Opcode};
use evmc_testsuite::{bench_set, data_folder};

/// The set of inputs; without it, says that the test is skipped.
fn inputs() -> Option<PathBuf> {
    let path = data_folder().join("bench/bench-inputs.json");
    if !path.exists() {
        println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn benchmark_inputs_give_the_expected_outcome_natively() {
    give_the_expected_outcome(BackendName::Cranelift);
}

#[cfg(feature = "llvm")]
#[test]
fn benchmark_inputs_give_the_expected_outcome_through_llvm() {
    give_the_expected_outcome(BackendName::Llvm);
}

/// The optimised IR of the codes that take part in the inputs whose names contain `name`.
fn modules(path: &Path, name: &str) -> Vec<Module> {
    let benches = bench_set::read(path).expect("the set is readable");
    let inputs: Vec<_> =
        benches.iter().filter(|bench| bench.name.contains(name)).map(|b| b.input()).collect();
    let accounts = inputs.iter().flat_map(|input| input.world.accounts());
    let codes = accounts.filter_map(|(_, account)| account.info.code.as_ref());
    let codes = codes.map(|code| code.original_bytes()).filter(|code| !code.is_empty());
    codes.map(|code| driver::lower(&code, &Config::default()).expect("the code compiles").module).collect()
}

/// Number of operations of a kind in a module.
fn count(module: &Module, opcodes: &[Opcode]) -> usize {
    let functions = module.functions.values();
    let insts = functions.flat_map(|func| func.layout.iter().flat_map(|&block| func.block_insts(block)));
    insts.filter(|(_, data)| opcodes.contains(&data.opcode)).count()
}

#[test]
fn snailtracer_has_no_stack_slot_in_memory() {
    let Some(path) = inputs() else { return };
    let modules = modules(&path, "snailtracer");
    assert!(modules.len() >= 2, "only {} codes", modules.len());
    for module in modules {
        assert_eq!(count(&module, &[Opcode::StackLoad, Opcode::StackStore]), 0);
    }
}

#[test]
fn weierstrudel_jumps_by_the_table_that_it_builds() {
    let Some(path) = inputs() else { return };
    for module in modules(&path, "weierstrudel") {
        let entry = &module.functions[module.entry.expect("there is an entry")];
        assert_eq!(entry.name, "main", "the code is specialised");
        assert!(count(&module, &[Opcode::Switch]) > 0, "jumps through the table are switches");
    }
}

fn give_the_expected_outcome(backend: BackendName) {
    let Some(path) = inputs() else { return };
    let backend = backend::create(backend, None).expect("the backend is built in");
    let maker = NativeMaker::new(backend, Config::default());
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
