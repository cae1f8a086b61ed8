//! How times are taken.
//!
//! All entrants run the same workload in turns: a *round* is one batch of each, with another one first
//! each time, so that what the machine does meanwhile (other processes, clock rates, heat) falls on all of
//! them. A ratio is taken within a round, reference by entrant, and the median over the rounds counts; quartiles
//! say how far rounds were apart. Time is CPU time of the thread, for whole transactions: validation, set-up
//! of the frame, execution, and what the journal does, from the same state each time.
//!
//! Before, each entrant runs until its batches are long enough for the clock, which is the warm-up. The answer
//! to the last transaction of every batch is compared with the reference's.

use std::{
    collections::BTreeMap,
    mem,
    time::{Duration, Instant},
};

use super::{
    answer::{Judge, Reference},
    entrant::{Entrant, Lane, Loaded, Problem},
    external::ExternalError,
    report::{Figures, Row},
    stats::Spread,
    workload::Workload,
};

/// Rounds that a row's time is divided into.
const ROUNDS: u32 = 25;

/// Fewest rounds, also where they take longer than the row's time.
const MIN_ROUNDS: usize = 5;

/// Most transactions in a batch.
const MAX_BATCH: u32 = 1 << 20;

/// A batch this long says how long a transaction takes.
const WARM_UP: Duration = Duration::from_millis(5);

/// Measures a workload; the first entrant is the one that ratios refer to. `time` is for all entrants
/// together, beyond compilation and warm-up.
///
/// # Errors
/// An external engine cannot be talked to any more. What else goes wrong is told in the row.
pub fn row(
    workload: &Workload,
    entrants: &mut [Box<dyn Entrant>],
    time: Duration,
) -> Result<Row, ExternalError> {
    let mut row = Row::new(workload);
    let reference = match Reference::new(workload) {
        Ok(reference) => reference,
        Err(reason) => return Ok(Row { error: Some(reason), ..row }),
    };
    row.status.clone_from(&reference.digest().status);
    row.gas_used = reference.digest().gas_used;
    let mut runners = Vec::with_capacity(entrants.len());
    for entrant in entrants {
        let name = entrant.info().name;
        let ready = entrant.load(workload).map(|loaded| Ready { loaded, lane: entrant.lane(workload) });
        runners.push(Runner::new(name, ready, &reference)?);
    }
    row.engines = figures(runners, &reference, time)?;
    Ok(row)
}

/// Warms up and runs the rounds, and gives what was measured by the names of the runners.
///
/// # Errors
/// An external engine cannot be talked to any more.
pub fn figures<A>(
    mut runners: Vec<Runner<'_, A>>,
    judge: &dyn Judge<A>,
    time: Duration,
) -> Result<BTreeMap<String, Figures>, ExternalError> {
    for runner in &mut runners {
        runner.warm_up(judge)?;
    }
    run_rounds(&mut runners, judge, time)?;
    Ok(finish(runners))
}

/// An entrant that has loaded its workload.
pub struct Ready<'a, A> {
    /// What that gave.
    pub loaded: Loaded<A>,
    /// What runs it again.
    pub lane: Box<dyn Lane<A> + 'a>,
}

/// An entrant on its way through the rounds.
pub struct Runner<'a, A> {
    name: String,
    figures: Figures,
    /// None from the moment when something went wrong.
    lane: Option<Box<dyn Lane<A> + 'a>>,
    /// Transactions in a batch.
    batch: u32,
    /// CPU time of a transaction in each round, in nanoseconds.
    samples: Vec<f64>,
}

impl<'a, A> Runner<'a, A> {
    /// Compares the first answer of an entrant, if it gave one.
    ///
    /// # Errors
    /// It is an external engine and cannot be talked to any more.
    pub fn new(
        name: String,
        ready: Result<Ready<'a, A>, Problem>,
        judge: &dyn Judge<A>,
    ) -> Result<Self, ExternalError> {
        let mut runner =
            Self { name, figures: Figures::default(), lane: None, batch: 1, samples: Vec::new() };
        match ready {
            Ok(Ready { loaded, lane }) => {
                runner.figures.compilation = loaded.compilation;
                runner.figures.frames_interpreted = loaded.frames_interpreted;
                runner.lane = Some(lane);
                if let Some(difference) = judge.difference(loaded.answer) {
                    runner.fail(mismatch(judge.name(), &difference));
                }
            }
            Err(problem) => runner.fail(refusal(problem)?),
        }
        Ok(runner)
    }

    /// Takes this runner out.
    fn fail(&mut self, reason: String) {
        self.figures.error = Some(reason);
        self.lane = None;
    }

    /// Runs a batch; the CPU time of it, or `None` where the runner is out.
    fn run(&mut self, judge: &dyn Judge<A>) -> Result<Option<Duration>, ExternalError> {
        let Some(lane) = &mut self.lane else { return Ok(None) };
        match lane.run(self.batch) {
            Ok(batch) => match judge.difference(batch.answer) {
                None => return Ok(Some(batch.cpu)),
                Some(difference) => self.fail(mismatch(judge.name(), &difference)),
            },
            Err(problem) => self.fail(refusal(problem)?),
        }
        Ok(None)
    }

    /// Runs ever longer batches until one is long enough to tell how long a transaction takes.
    fn warm_up(&mut self, judge: &dyn Judge<A>) -> Result<(), ExternalError> {
        while let Some(cpu) = self.run(judge)? {
            if cpu >= WARM_UP || self.batch >= MAX_BATCH {
                self.samples = vec![nanoseconds(cpu) / f64::from(self.batch)];
                break;
            }
            self.batch = (self.batch * 4).min(MAX_BATCH);
        }
        Ok(())
    }

    /// Makes batches about as long as `share`, by what the warm-up took.
    fn size_batches(&mut self, share: Duration) {
        let estimate = mem::take(&mut self.samples).pop().unwrap_or(f64::INFINITY);
        self.batch = (nanoseconds(share) / estimate.max(1.0)).clamp(1.0, f64::from(MAX_BATCH)) as u32;
    }
}

/// Rounds until the time is used up.
fn run_rounds<A>(
    runners: &mut [Runner<'_, A>],
    judge: &dyn Judge<A>,
    time: Duration,
) -> Result<(), ExternalError> {
    let count = runners.len();
    let share = time / (ROUNDS * count.max(1) as u32);
    runners.iter_mut().for_each(|runner| runner.size_batches(share));
    let start = Instant::now();
    let mut round = 0;
    while round < MIN_ROUNDS || start.elapsed() < time {
        if runners.iter().all(|runner| runner.lane.is_none()) {
            break;
        }
        for place in 0..count {
            let runner = &mut runners[(place + round) % count];
            if let Some(cpu) = runner.run(judge)? {
                runner.samples.push(nanoseconds(cpu) / f64::from(runner.batch));
            }
        }
        round += 1;
    }
    Ok(())
}

/// Makes figures of the samples.
fn finish<A>(runners: Vec<Runner<'_, A>>) -> BTreeMap<String, Figures> {
    let base = runners.first().map(|runner| runner.samples.clone()).unwrap_or_default();
    let has_base = runners.first().is_some_and(|runner| runner.lane.is_some());
    let figures = runners.into_iter().map(|runner| {
        let mut figures = runner.figures;
        if runner.lane.is_some() {
            let ratios = base.iter().zip(&runner.samples).map(|(base, own)| base / own.max(1.0));
            figures.ratio = has_base.then(|| Spread::of(ratios.collect()));
            figures.rounds = runner.samples.len();
            figures.transactions = figures.rounds as u64 * u64::from(runner.batch);
            figures.time_ns = Some(Spread::of(runner.samples));
        }
        (runner.name, figures)
    });
    figures.collect()
}

/// An outcome that differs, in words.
fn mismatch(reference: &str, difference: &str) -> String {
    format!("differs from {reference}: {difference}")
}

/// A refusal in words; an engine that is gone ends the run.
fn refusal(problem: Problem) -> Result<String, ExternalError> {
    match problem {
        Problem::Refused(reason) => Ok(reason),
        Problem::External(error) => Err(error),
    }
}

/// A duration in nanoseconds.
fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
