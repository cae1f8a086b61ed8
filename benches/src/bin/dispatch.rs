//! What it costs that there might be compiled code for a frame.
//!
//! A contract calls another that stops at once, a thousand times. That transaction runs on plain revm, on the
//! EVM for compiled code where there is none, on the same with the gas of interpreted code counted, and with both contracts
//! compiled. All take turns within a round, in CPU time of the thread.
//!
//! revm moves values of some hundred bytes on the native stack, which alone makes a call up to 30 ns dearer
//! or cheaper with the place of the stack, for each variant at another place. So each runs at several places,
//! and told are means over these: of the shortest times, and of the median differences to plain revm.

#![forbid(unsafe_code)]

use std::{hint::black_box, sync::Arc};

use clap::Parser;
use evmc::{
    backend::{self, BackendName},
    cpu_time,
    engine::{Codes, EvmContext, NativeMaker, TxInput},
};
use evmc_benches::workloads;
use evmc_compiler::driver::Config;
use evmc_revm::{AotEvm, CodeSource, FrameCode, NoCode, on_large_stack};
use revm::{
    ExecuteEvm, MainBuilder,
    bytecode::Bytecode,
    context_interface::result::{EVMError, HaltReason, ResultAndState},
    primitives::{B256, hardfork::SpecId},
};

/// Measures what dispatching a frame costs.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 200)]
    rounds: usize,
}

/// Calls in the transaction.
const CALLS: u32 = 1_000;

/// Ways of running it.
const LANES: usize = 4;

/// Places of the stack at which each lane runs.
const PLACES: usize = 8;

/// By how much a place is at least away from the next, in bytes: the alignment of the stack.
const PLACE_BYTES: usize = 16;

/// A source without code that is told what interpreted code burns.
struct Counting;

impl CodeSource for Counting {
    fn lookup(&self, _: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        None
    }

    fn absence_lasts(&self) -> bool {
        true
    }

    fn counts_gas(&self) -> bool {
        true
    }

    fn interpreted(&self, _: B256, _: &Bytecode, _: SpecId, gas: u64) {
        black_box(gas);
    }
}

/// What runs the transaction once more.
type Lane = Box<dyn FnMut() -> bool>;

fn main() {
    let args = Args::parse();
    on_large_stack(|| measure(args.rounds)).expect("the system has a thread");
}

/// Whether a transaction succeeded.
fn succeeded<E>(outcome: &Result<ResultAndState<HaltReason>, EVMError<E>>) -> bool {
    outcome.as_ref().is_ok_and(|outcome| outcome.result.is_success())
}

fn plain(input: &TxInput) -> Lane {
    let mut evm = input.context().build_mainnet();
    Box::new(move || succeeded(&evm.replay()))
}

fn with_source(input: &TxInput, source: Arc<dyn CodeSource>) -> Lane {
    let mut evm: AotEvm<EvmContext> = AotEvm::new(input.context(), source);
    Box::new(move || succeeded(&evm.replay()))
}

fn measure(rounds: usize) {
    let input = workloads::calls_in_a_loop(CALLS.into()).input;
    let backend = backend::create(BackendName::Cranelift, None).expect("it is built in");
    let compiled = Codes::new(NativeMaker::new(backend, Config::default()), true);
    let mut lanes: [_; LANES] = [
        ("plain revm", plain(&input)),
        ("no code", with_source(&input, Arc::new(NoCode))),
        ("gas counted", with_source(&input, Arc::new(Counting))),
        ("compiled", with_source(&input, Arc::new(compiled))),
    ];
    let mut times = vec![[[0.0; PLACES]; LANES]; rounds];
    for (round, times) in times.iter_mut().enumerate() {
        for turn in 0..lanes.len() * PLACES {
            let (lane, place) = ((round + turn) % lanes.len(), turn / lanes.len());
            times[lane][place] = at_place(place, &mut lanes[lane].1);
        }
    }
    for (lane, (name, _)) in lanes.iter().enumerate() {
        report(name, &times, lane);
    }
}

/// The time that a lane takes, in nanoseconds per call, with the stack at a place.
fn at_place(place: usize, lane: &mut Lane) -> f64 {
    if place > 0 {
        let padding = black_box([0_u8; PLACE_BYTES]);
        let time = at_place(place - 1, lane);
        black_box(&padding);
        return time;
    }
    let (is_success, time) = cpu_time::measure(lane);
    assert!(is_success, "the calls succeed");
    time.as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// Prints a lane's time per call, and how it differs from that of plain revm.
fn report(name: &str, times: &[[[f64; PLACES]; LANES]], lane: usize) {
    let mean = |of: &dyn Fn(usize) -> f64| (0..PLACES).map(of).sum::<f64>() / PLACES as f64;
    let shortest = |place: usize| times.iter().map(|times| times[lane][place]).fold(f64::INFINITY, f64::min);
    let difference = |place: usize| {
        let mut all: Vec<f64> = times.iter().map(|times| times[lane][place] - times[0][place]).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    println!("{name:<12} {:7.1} ns per call, {:+7.1} ns", mean(&shortest), mean(&difference));
}
