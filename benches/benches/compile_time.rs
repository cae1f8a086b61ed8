//! Compile time from bytecode to machine code in memory, for a small, a middling and a large contract.

#![forbid(unsafe_code)]

mod common;

use alloy_primitives::TxKind;
use criterion::{Criterion, Throughput};
use evmc::{
    bench::{entrant, workload::Workload},
    engine::CodeMaker,
};
use evmc_benches::workloads;
use evmc_compiler::driver::Config;

/// From 36 bytes to 17 KiB.
const NAMES: &[&str] =
    &["revmc/fibonacci-calldata", "revmc/erc20_transfer", "ipsilon/main/snailtracer/benchmark"];

fn main() {
    common::run(|criterion: &mut Criterion| {
        for workload in workloads::headline(NAMES) {
            compile(criterion, &workload);
        }
    });
}

/// The code that the transaction enters.
fn code(workload: &Workload) -> Vec<u8> {
    let TxKind::Call(to) = workload.input.tx.kind else { return workload.input.tx.data.to_vec() };
    let account = workload.input.world.get(&to).and_then(|account| account.info.code.as_ref());
    account.map(|code| code.original_byte_slice().to_vec()).unwrap_or_default()
}

fn compile(criterion: &mut Criterion, workload: &Workload) {
    let code = code(workload);
    let mut group = criterion.benchmark_group(workload.label());
    group.sample_size(10).throughput(Throughput::Bytes(code.len() as u64));
    for (name, maker) in entrant::makers(&Config::default()) {
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| maker.make(&code, workload.fork).expect("it compiles"));
        });
    }
    group.finish();
}
