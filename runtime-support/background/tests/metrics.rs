//! What a node's recorder of metrics gets to see.

#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use evmc_background::{BackgroundCompiler, COMPILED, FAILED, Options, QUEUE_LENGTH, QUEUED};
use evmc_revm::StoreCodes;
use evmc_store::Trust;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use revm::{bytecode::Bytecode, primitives::hardfork::SpecId};

/// What has been counted, by name and labels.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Recorded {
    fn of(&self, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        let name = [&[key.name()][..], &labels].concat().join(" ");
        Arc::clone(self.0.lock().expect("no panic").entry(name).or_default())
    }

    fn values(&self) -> Vec<(String, u64)> {
        let all = self.0.lock().expect("no panic");
        all.iter().map(|(name, value)| (name.clone(), value.load(Ordering::Relaxed))).collect()
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn queue_and_ends_are_metrics() {
    let recorded = Recorded::default();
    // The thread of the compiler has no recorder of its own.
    metrics::set_global_recorder(recorded.clone()).expect("the only one");
    let folder = tempfile::tempdir().expect("a folder");
    let codes = StoreCodes::open(folder.path(), Trust::default()).expect("an empty store");
    let script = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "helper.sh"].iter().collect::<PathBuf>();
    let options = Options { arguments: vec!["--exit=1".into()], ..Options::new(script) };
    let compiler = BackgroundCompiler::start(Arc::new(codes), options).expect("a compiler");
    for number in 0..3 {
        let code = Bytecode::new_raw(vec![number].into());
        compiler.source().interpreted(code.hash_slow(), &code, SpecId::CANCUN, u64::MAX);
    }
    assert!(compiler.wait_idle(Duration::from_secs(60)));
    drop(compiler);
    let expected = [(format!("{FAILED} refused"), 3), (QUEUE_LENGTH.to_owned(), 0), (QUEUED.to_owned(), 3)];
    assert_eq!(recorded.values(), expected, "nothing is {COMPILED}");
}
