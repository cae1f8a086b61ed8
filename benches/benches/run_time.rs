//! Run time of whole transactions, a few of the bench set's headline. `evmc bench` has all of them and checks what
//! comes out; this is for comparing one state of the code with the next.

#![forbid(unsafe_code)]

mod common;

use criterion::Criterion;
use evmc_benches::workloads;

/// One for each kind: hashing, arithmetic, memory, calls, many short runs.
const NAMES: &[&str] = &[
    "ipsilon/main/sha1_shifts/5311",
    "ipsilon/main/structarray_alloc/nfts_rank",
    "ipsilon/main/swap_math/spent",
    "ipsilon/main/weierstrudel/1",
    "revmc/fibonacci-calldata",
    "revmc/curve-stableswap-2pool",
];

fn main() {
    common::run(|criterion: &mut Criterion| {
        for workload in workloads::headline(NAMES) {
            common::transaction(criterion, &workload);
        }
    });
}
