//! Whole transactions under Criterion, in CPU time of the thread.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use criterion::Criterion;
use evmc::bench::{
    entrant::{self, Entrant, Making},
    workload::Workload,
};
use evmc_revm::on_large_stack;

/// Runs `benches` with Criterion as the command line says, where nested native calls have room.
pub fn run(benches: fn(&mut Criterion)) {
    let work = || {
        let mut criterion = Criterion::default().configure_from_args();
        benches(&mut criterion);
        criterion.final_summary();
    };
    on_large_stack(work).expect("the system has a thread");
}

/// Measures a workload in every engine that is built in.
pub fn transaction(criterion: &mut Criterion, workload: &Workload) {
    let mut group = criterion.benchmark_group(workload.label());
    group.sample_size(10);
    for name in entrant::names() {
        group.bench_function(name, |bencher| {
            let mut local = entrant::built_in(name, &Making::default()).expect("it is built in");
            local.load(workload).expect("it runs");
            let mut lane = local.lane(workload);
            bencher.iter_custom(|count| {
                let count = u32::try_from(count).expect("so many would take days");
                lane.run(count).expect("it runs").cpu
            });
        });
    }
    group.finish();
}
