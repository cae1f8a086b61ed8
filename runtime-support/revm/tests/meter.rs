//! How frames were run, as counts and as metrics.

#[allow(dead_code, reason = "shared with tests that compare outcomes")]
mod common;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use common::{
    B,
    calls::{INTRINSIC, callee, caller, world},
    walker::Walkers,
};
use evmc_revm::{AotEvm, CodeSource, FrameCode, FrameCounts, NoCode, meter};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use revm::{
    ExecuteEvm,
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId, keccak256},
};

/// Walks these codes.
struct Only(Vec<B256>);

impl CodeSource for Only {
    fn lookup(
        &self,
        hash: B256,
        code: &Bytecode,
        spec: SpecId,
        initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        let is_in = self.0.contains(&hash);
        is_in.then(|| Walkers { native_stack_bytes: 4096 }.lookup(hash, code, spec, initcode)).flatten()
    }
}

/// Counts, and gas used in all.
fn run(codes: &[Vec<u8>]) -> (FrameCounts, u64) {
    let world = world(callee());
    let mut evm =
        AotEvm::new(world.context(world.database()), Arc::new(Only(codes.iter().map(keccak256).collect())));
    let outcome = evm.transact(world.transaction()).expect("a valid transaction");
    assert!(outcome.result.is_success());
    let gas = outcome.result.tx_gas_used();
    let counts = evm.take_counts();
    evm.transact(world.transaction()).expect("a valid transaction");
    assert_eq!(evm.counts(), counts, "with the code at hand");
    (counts, gas)
}

#[test]
fn gas_is_that_of_native_frames_alone() {
    // The identity precompile takes 15 and 3 for each word; the callee loads a cold slot.
    let (precompile, loading) = (18, 2100 + 3 * 6);
    let (caller, callee) = (caller(B), callee());
    let (both, gas) = run(&[caller.clone(), callee.clone()]);
    assert_eq!(
        both,
        FrameCounts {
            native: 2,
            native_gas: gas - INTRINSIC - precompile,
            frame_gas: gas - INTRINSIC,
            ..FrameCounts::default()
        }
    );
    let (inner, _) = run(std::slice::from_ref(&callee));
    assert_eq!(inner, FrameCounts { native: 1, without_code: 1, native_gas: loading, ..both });
    let (outer, _) = run(&[caller]);
    let rest = both.native_gas - loading;
    assert_eq!(outer, FrameCounts { native: 1, without_code: 1, native_gas: rest, ..both });
}

/// What has been counted, by name and labels.
#[derive(Default)]
struct Recorded(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Recorded {
    fn values(&self) -> Vec<(String, u64)> {
        let counters = self.0.lock().expect("no panic");
        counters.iter().map(|(name, value)| (name.clone(), value.load(Ordering::Relaxed))).collect()
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        let name = [&[key.name()][..], &labels].concat().join(" ");
        Counter::from_arc(Arc::clone(self.0.lock().expect("no panic").entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn counts_go_to_the_recorder_by_the_end_of_the_evm() {
    let recorded = Recorded::default();
    let counts = metrics::with_local_recorder(&recorded, || {
        let world = world(callee());
        let source = Arc::new(Only(vec![keccak256(callee())]));
        let mut evm = AotEvm::new(world.context(world.database()), source);
        evm.transact(world.transaction()).expect("a valid transaction");
        let first = evm.take_counts();
        evm.transact(world.transaction()).expect("a valid transaction");
        assert_eq!(evm.counts(), first);
        drop(evm);
        let mut evm = AotEvm::new(world.context(world.database()), Arc::new(NoCode));
        evm.transact(world.transaction()).expect("a valid transaction");
        first
    });
    let expected = [
        (meter::FAULTS.to_owned(), 0),
        (meter::FRAME_GAS.to_owned(), 3 * counts.frame_gas),
        (format!("{} after-fault", meter::FRAMES), 0),
        (format!("{} native", meter::FRAMES), 2),
        (format!("{} without-code", meter::FRAMES), 4),
        (format!("{} without-stack", meter::FRAMES), 0),
        (meter::INSPECTED.to_owned(), 0),
        (meter::NATIVE_GAS.to_owned(), 2 * counts.native_gas),
    ];
    assert_eq!(recorded.values(), expected);
}
