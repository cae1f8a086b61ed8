//! The WebAssembly specification's tests: every engine, every script.

#![forbid(unsafe_code)]

use std::thread;

use evmc_testsuite::wasm_suite::{self, CHECKOUT, Suite};

/// Assertions that the crate's scripts have at least, so that no mistake in finding them goes unseen.
const AT_LEAST: u64 = 100_000;

#[test]
fn every_engine_does_what_the_specification_says() {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let suite = Suite::find(None);
    for engine in wasm_suite::engines().expect("the backends of this build") {
        let summary = suite.run(&engine, jobs).expect("the scripts run");
        println!("{}", summary.to_text(false));
        assert_eq!(summary.failed, 0, "{}: {:#?}", engine.name(), summary.failures);
        assert!(summary.passed >= AT_LEAST || std::env::var_os(CHECKOUT).is_some(), "{}", summary.passed);
    }
}
