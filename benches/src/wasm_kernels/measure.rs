//! Taking times: every kernel at every entrant, in turns.
//!
//! In a round each kernel runs once at each entrant, one after the other, and with each round another entrant begins.
//! So the times of a round belong together, and their ratios count.

use std::time::Instant;

use evmc::{bench::stats::Spread, cpu_time};
use indicatif::ProgressBar;

use crate::wasm_kernels::{
    entrant::{Entrant, Run},
    set::Kernel,
};

/// How often.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// Rounds at first that do not count.
    pub warmup: usize,
    /// Rounds that count.
    pub counted: usize,
}

/// A kernel with what was measured.
pub struct Row {
    /// The kernel.
    pub kernel: Kernel,
    /// One for each entrant, in their order.
    pub lanes: Vec<Lane>,
}

/// A kernel at an entrant.
pub struct Lane {
    /// Time of the clock from module to the first call, in seconds; compilation is most of it.
    pub load_seconds: f64,
    /// CPU time of the thread in each round, in seconds; empty unless it runs.
    pub seconds: Vec<f64>,
    /// Whether there is something to tell.
    pub status: Status,
    run: Option<Run>,
}

/// What became of a kernel at an entrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It gives what it must.
    Runs,
    /// It does not take part, for this reason.
    Skipped(String),
    /// It gave something else, or nothing.
    Failed(String),
}

/// Measures all kernels; `bar` counts the rounds.
pub fn measure(
    kernels: Vec<Kernel>,
    entrants: &[Box<dyn Entrant>],
    rounds: Rounds,
    bar: &ProgressBar,
) -> Vec<Row> {
    let mut rows: Vec<Row> = kernels.into_iter().map(|kernel| Row::load(kernel, entrants)).collect();
    for nth in 0..rounds.warmup {
        rows.iter_mut().for_each(|row| row.round(nth));
    }
    rows.iter_mut().flat_map(|row| &mut row.lanes).for_each(|lane| lane.seconds.clear());
    for nth in 0..rounds.counted {
        rows.iter_mut().for_each(|row| row.round(nth));
        bar.inc(1);
    }
    rows
}

impl Row {
    fn load(kernel: Kernel, entrants: &[Box<dyn Entrant>]) -> Self {
        let lanes = entrants.iter().map(|entrant| Lane::load(&kernel, &**entrant)).collect();
        Self { kernel, lanes }
    }

    /// Runs the kernel once at each entrant, at the `first` of them at first.
    fn round(&mut self, first: usize) {
        let count = self.lanes.len();
        for nth in 0..count {
            self.lanes[(first + nth) % count].run(&self.kernel);
        }
    }

    /// The median of the rounds' ratios of one entrant's time to another's; `None` unless both run.
    pub fn ratio(&self, of: usize, to: usize) -> Option<f64> {
        let pairs = self.lanes[of].seconds.iter().zip(&self.lanes[to].seconds);
        let ratios: Vec<f64> = pairs.map(|(of, to)| of / to).collect();
        (!ratios.is_empty()).then(|| Spread::of(ratios).median)
    }
}

impl Lane {
    fn load(kernel: &Kernel, entrant: &dyn Entrant) -> Self {
        let start = Instant::now();
        let loaded = entrant.load(kernel);
        let load_seconds = start.elapsed().as_secs_f64();
        let (run, status) = match loaded {
            Ok(run) => (Some(run), Status::Runs),
            Err(reason) => (None, Status::Skipped(reason)),
        };
        Self { load_seconds, seconds: Vec::new(), status, run }
    }

    fn run(&mut self, kernel: &Kernel) {
        let Some(run) = &mut self.run else { return };
        let (given, time) = cpu_time::measure(|| run(kernel.argument));
        match given {
            Ok(given) if given == kernel.expected => self.seconds.push(time.as_secs_f64()),
            Ok(given) => self.fail(format!("gave {given} in place of {}", kernel.expected)),
            Err(reason) => self.fail(reason),
        }
    }

    /// Takes it out; what it did so far does not count either.
    fn fail(&mut self, reason: String) {
        self.run = None;
        self.seconds.clear();
        self.status = Status::Failed(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `n` and what it is told to add.
    struct Adds(i64);

    impl Entrant for Adds {
        fn name(&self) -> &str {
            "adds"
        }

        fn load(&self, kernel: &Kernel) -> Result<Run, String> {
            let more = self.0;
            if kernel.wasm.is_empty() {
                Ok(Box::new(move |n| Ok(i64::from(n) + more)))
            } else {
                Err("full".into())
            }
        }
    }

    fn kernel(wasm: Vec<u8>) -> Kernel {
        Kernel { name: "k".into(), argument: 3, expected: 4, topic: "t".into(), is_own: true, wasm }
    }

    fn rows(wasm: Vec<u8>) -> Vec<Row> {
        let entrants: [Box<dyn Entrant>; 2] = [Box::new(Adds(1)), Box::new(Adds(2))];
        measure(vec![kernel(wasm)], &entrants, Rounds { warmup: 1, counted: 3 }, &ProgressBar::hidden())
    }

    #[test]
    fn wrong_numbers_are_found_and_do_not_count() {
        let rows = rows(Vec::new());
        let [right, wrong] = &rows[0].lanes[..] else { panic!("two lanes") };
        assert_eq!((&right.status, right.seconds.len()), (&Status::Runs, 3));
        assert_eq!(wrong.status, Status::Failed("gave 5 in place of 4".into()));
        assert!(wrong.seconds.is_empty() && rows[0].ratio(1, 0).is_none());
    }

    #[test]
    fn who_cannot_load_is_skipped() {
        let rows = rows(vec![0]);
        assert!(rows[0].lanes.iter().all(|lane| lane.status == Status::Skipped("full".into())));
    }

    #[test]
    fn a_ratio_is_the_median_over_rounds() {
        let mut rows = rows(Vec::new());
        rows[0].lanes[0].seconds = vec![1.0, 2.0, 9.0];
        rows[0].lanes[1].seconds = vec![2.0, 2.0, 3.0];
        assert_eq!(rows[0].ratio(0, 1), Some(1.0));
        assert_eq!(rows[0].ratio(1, 0), Some(1.0));
    }
}
