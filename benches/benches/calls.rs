//! Run time of calls between contracts: one within the other, and one after the other.

#![forbid(unsafe_code)]

mod common;

use criterion::Criterion;
use evmc_benches::workloads;

fn main() {
    common::run(|criterion: &mut Criterion| {
        for workload in [workloads::nested_calls(200), workloads::calls_in_a_loop(1_000)] {
            common::transaction(criterion, &workload);
        }
    });
}
