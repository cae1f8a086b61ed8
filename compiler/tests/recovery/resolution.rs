//! How much of real code the recovery resolves, and how long it takes.

use std::time::{Duration, Instant};

use crate::data;

use evmc_compiler::frontend::evm::cfg::{self, Program};
use evmc_compiler::frontend::evm::decode::Code;
use evmc_compiler::frontend::evm::opcode::Fork;

/// Sums over the corpus.
#[derive(Default)]
struct Totals {
    codes: usize,
    bytes: usize,
    resolved_codes: usize,
    over_budget: usize,
    jumps: usize,
    dynamic_jumps: usize,
    functions: usize,
    nodes: usize,
    blocks: usize,
    max_work: u64,
    times: Vec<Duration>,
}

impl Totals {
    fn add(&mut self, code: &Code<'_>, program: &Program, time: Duration) {
        self.codes += 1;
        self.bytes += code.bytes().len();
        self.resolved_codes += usize::from(program.is_resolved());
        self.over_budget += usize::from(program.over_budget);
        self.jumps += program.resolved_jumps + program.dynamic_jumps;
        self.dynamic_jumps += program.dynamic_jumps;
        self.functions += program.functions.len();
        self.max_work = self.max_work.max(program.work);
        self.times.push(time);
        let nodes = || program.functions.values().flat_map(|function| function.nodes.values());
        let mut blocks: Vec<_> = nodes().map(|node| node.block).collect();
        self.nodes += blocks.len();
        blocks.sort_unstable();
        blocks.dedup();
        self.blocks += blocks.len();
    }

    fn print(&mut self) {
        self.times.sort_unstable();
        let total: Duration = self.times.iter().sum();
        let percentile = |share: usize| self.times[(self.times.len() - 1) * share / 100];
        println!(
            "{} codes, {} resolved completely ({:.2} %), {} over budget",
            self.codes,
            self.resolved_codes,
            100.0 * self.resolved_codes as f64 / self.codes as f64,
            self.over_budget,
        );
        println!("{} reachable jumps, {} dynamic", self.jumps, self.dynamic_jumps);
        println!(
            "{} functions, {} nodes for {} blocks ({:.3}), most work {}",
            self.functions,
            self.nodes,
            self.blocks,
            self.nodes as f64 / self.blocks as f64,
            self.max_work,
        );
        println!(
            "{:.1} us per KiB; mean {:?}, median {:?}, p99 {:?}, max {:?}",
            total.as_secs_f64() * 1e6 / (self.bytes as f64 / 1024.0),
            total / self.times.len() as u32,
            percentile(50),
            percentile(99),
            percentile(100),
        );
    }
}

#[test]
fn at_least_98_percent_of_the_corpus_resolve_completely() {
    let Some(corpus) = data::corpus() else {
        return;
    };
    let mut totals = Totals::default();
    for contract in &corpus {
        let start = Instant::now();
        let code = Code::decode(&contract.code, Fork::default());
        let program = cfg::recover(&code);
        totals.add(&code, &program, start.elapsed());
        if !program.is_resolved() {
            println!(
                "{} {} bytes: {} dynamic of {}{}",
                contract.hash,
                contract.code.len(),
                program.dynamic_jumps,
                program.resolved_jumps + program.dynamic_jumps,
                if program.over_budget { ", over budget" } else { "" },
            );
        }
    }
    totals.print();
    assert!(totals.resolved_codes * 100 >= totals.codes * 98);
}
