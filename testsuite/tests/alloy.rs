//! EVMs from the factory for nodes, against those of the stock factory, on the benchmark inputs.

use std::{
    fmt::Debug,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use alloy_evm::{EthEvmFactory, Evm, EvmEnv, EvmFactory};
use evmc::{
    backend::{self, BackendName},
    bench::set::Bench,
    engine::{Codes, NativeMaker, TxInput},
    world::WorldDb,
};
use evmc_alloy::{AotEthEvm, AotEvmFactory};
use evmc_compiler::driver::Config;
use evmc_revm::on_large_stack;
use evmc_testsuite::{bench_set, data_folder};
use revm::{context::result::ResultAndState, inspector::inspectors::TracerEip3155};

/// Inputs that use more gas than this are not traced.
const MOST_TRACED_GAS: u64 = 100_000;

/// The inputs; without them, says that the test is skipped.
fn inputs() -> Vec<Bench> {
    let path = data_folder().join("bench/bench-inputs.json");
    if !path.exists() {
        println!("skipped: {} is missing; EVMC_DATA names the folder", path.display());
        return Vec::new();
    }
    bench_set::read(&path).expect("the set is readable")
}

/// A factory whose source compiles what it is asked for.
fn factory() -> AotEvmFactory {
    let backend = backend::create(BackendName::Cranelift, None).expect("it is built in");
    AotEvmFactory::new(Arc::new(Codes::new(NativeMaker::new(backend, Config::default()), true)))
}

fn env(input: &TxInput) -> EvmEnv {
    EvmEnv::new(input.cfg.clone(), input.block.clone())
}

/// An outcome in an order that does not depend on hashing.
fn text<H: Debug, E: Debug>(outcome: Result<ResultAndState<H>, E>) -> String {
    let ResultAndState { result, state } = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return format!("{error:?}"),
    };
    let mut accounts: Vec<_> = state.into_iter().collect();
    accounts.sort_by_key(|(address, _)| *address);
    let lines = accounts.into_iter().map(|(address, account)| {
        let mut slots: Vec<_> = account.storage.into_iter().collect();
        slots.sort_by_key(|(key, _)| *key);
        format!("{address} {:?} {:?} {slots:?}\n", account.status, account.info)
    });
    format!("{result:?}\n{}", lines.collect::<String>())
}

/// A trace in memory, shared with the tracer that writes it.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<u8>>>);

impl Trace {
    fn tracer(&self) -> TracerEip3155 {
        TracerEip3155::new(Box::new(self.clone()))
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn outcomes_are_those_of_the_stock_evm() {
    let factory = factory();
    let compare = || {
        for bench in inputs() {
            let input = bench.input();
            let mut stock = EthEvmFactory::default().create_evm(input.world.database(), env(&input));
            let mut aot = factory.create_evm(input.world.database(), env(&input));
            let expected = text(stock.transact_raw(input.tx.clone()));
            assert_eq!(text(aot.transact_raw(input.tx.clone())), expected, "{}", bench.name);
            let counts = aot.counts();
            assert!(counts.native > 0 && counts.native_gas > 0 && counts.interpreted() == 0, "{counts:?}");
            assert_eq!(aot.finish().1, env(&input));
        }
    };
    on_large_stack(compare).expect("a thread");
}

#[test]
fn traces_are_those_of_the_stock_evm() {
    let factory = factory();
    let compare = || {
        let benches = inputs();
        let mut traced = 0;
        for input in benches.iter().map(Bench::input) {
            let trace = Trace::default();
            let db = || input.world.database();
            let mut untraced = EthEvmFactory::default().create_evm(db(), env(&input));
            let outcome = untraced.transact_raw(input.tx.clone()).expect("a valid transaction");
            if outcome.result.tx_gas_used() > MOST_TRACED_GAS {
                continue;
            }
            let mut stock =
                EthEvmFactory::default().create_evm_with_inspector(db(), env(&input), trace.tracer());
            let outcome = text(stock.transact_raw(input.tx.clone()));
            let expected = (outcome, trace.take());
            assert!(!expected.1.is_empty());
            let mut aot = factory.create_evm_with_inspector(db(), env(&input), trace.tracer());
            check_inspection(&mut aot, &input, &trace, &expected);
            traced += 1;
        }
        assert!(benches.is_empty() || traced > 10, "only {traced}");
    };
    on_large_stack(compare).expect("a thread");
}

/// Checks that an EVM with an inspector traces, stops tracing when told so, and traces again.
fn check_inspection(
    evm: &mut AotEthEvm<WorldDb, TracerEip3155>,
    input: &TxInput,
    trace: &Trace,
    expected: &(String, Vec<u8>),
) {
    for _ in 0..2 {
        evm.enable_inspector();
        let outcome = text(evm.transact_raw(input.tx.clone()));
        assert_eq!(outcome, expected.0);
        assert!(trace.take() == expected.1, "the traces differ");
        let native = evm.counts().native;
        evm.disable_inspector();
        let outcome = text(evm.transact_raw(input.tx.clone()));
        assert_eq!(outcome, expected.0);
        assert!(trace.take().is_empty() && evm.counts().native > native);
    }
}
