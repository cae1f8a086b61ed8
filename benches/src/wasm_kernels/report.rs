//! What was found, for the table and for programs.

use std::collections::{BTreeMap, BTreeSet};

use evmc::bench::stats::{Spread, geometric_mean};
use serde::Serialize;

use crate::wasm_kernels::{
    entrant::Entrant,
    measure::{Lane, Row, Status},
};

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Names of the entrants, in the order of every list below.
    pub entrants: Vec<String>,
    /// The kernels.
    pub kernels: Vec<KernelReport>,
    /// Entrants against each other, over all kernels that both run.
    pub pairs: Vec<Pair>,
    /// The same over the kernels of one topic.
    pub topics: BTreeMap<String, Vec<Pair>>,
}

/// A kernel.
#[derive(Clone, Debug, Serialize)]
pub struct KernelReport {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Whether its source is part of this project.
    pub is_own: bool,
    /// What it is called with.
    pub argument: i32,
    /// What each entrant did.
    pub results: Vec<Outcome>,
    /// The median ratio of the time of each entrant (outer) to that of each (inner).
    pub ratios: Vec<Vec<Option<f64>>>,
}

/// What an entrant did with a kernel.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// CPU time of a run, in milliseconds.
    pub milliseconds: Option<Spread>,
    /// Time until it could run, in milliseconds.
    pub load_milliseconds: Option<f64>,
    /// Why it did not take part.
    pub skipped: Option<String>,
    /// What went wrong.
    pub failed: Option<String>,
}

/// The times of one entrant as a multiple of another's.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// Whose times.
    pub of: String,
    /// Multiples of whose.
    pub to: String,
    /// Kernels that both run.
    pub kernels: usize,
    /// The geometric mean of the ratios.
    pub mean: f64,
    /// The largest ratio.
    pub worst: f64,
    /// The kernel that has it.
    pub worst_kernel: String,
}

impl Report {
    /// Of what was measured.
    pub fn new(rows: &[Row], entrants: &[Box<dyn Entrant>]) -> Self {
        let entrants: Vec<String> = entrants.iter().map(|entrant| entrant.name().to_owned()).collect();
        let kernels: Vec<_> = rows.iter().map(KernelReport::new).collect();
        let names: BTreeSet<&String> = kernels.iter().map(|kernel| &kernel.topic).collect();
        let about = |topic: &String| pairs(&entrants, kernels.iter().filter(|kernel| kernel.topic == *topic));
        let topics = names.into_iter().map(|topic| (topic.clone(), about(topic))).collect();
        let pairs = pairs(&entrants, kernels.iter());
        Self { entrants, kernels, pairs, topics }
    }

    /// Whether every kernel gave what it must wherever it ran.
    pub fn holds(&self) -> bool {
        self.kernels.iter().flat_map(|kernel| &kernel.results).all(|result| result.failed.is_none())
    }
}

impl KernelReport {
    fn new(row: &Row) -> Self {
        let (kernel, count) = (&row.kernel, row.lanes.len());
        Self {
            name: kernel.name.clone(),
            topic: kernel.topic.clone(),
            is_own: kernel.is_own,
            argument: kernel.argument,
            results: row.lanes.iter().map(Outcome::new).collect(),
            ratios: (0..count).map(|of| (0..count).map(|to| row.ratio(of, to)).collect()).collect(),
        }
    }
}

impl Outcome {
    fn new(lane: &Lane) -> Self {
        let mut outcome = Self::default();
        match &lane.status {
            Status::Runs => {
                let milliseconds = lane.seconds.iter().map(|seconds| seconds * 1e3).collect();
                outcome.milliseconds = Some(Spread::of(milliseconds));
                outcome.load_milliseconds = Some(lane.load_seconds * 1e3);
            }
            Status::Skipped(reason) => outcome.skipped = Some(reason.clone()),
            Status::Failed(reason) => outcome.failed = Some(reason.clone()),
        }
        outcome
    }
}

/// Every entrant against every other that shares a kernel with it.
fn pairs<'a>(entrants: &[String], kernels: impl Iterator<Item = &'a KernelReport> + Clone) -> Vec<Pair> {
    let indices = || 0..entrants.len();
    let others = indices().flat_map(|of| indices().map(move |to| (of, to))).filter(|(of, to)| of != to);
    others.filter_map(|(of, to)| pair(entrants, kernels.clone(), of, to)).collect()
}

fn pair<'a>(
    entrants: &[String],
    kernels: impl Iterator<Item = &'a KernelReport>,
    of: usize,
    to: usize,
) -> Option<Pair> {
    let both: Vec<(f64, &str)> =
        kernels.filter_map(|kernel| Some((kernel.ratios[of][to]?, &*kernel.name))).collect();
    let mean = geometric_mean(both.iter().map(|(ratio, _)| *ratio))?;
    let &(worst, kernel) = both.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Pair {
        of: entrants[of].clone(),
        to: entrants[to].clone(),
        kernels: both.len(),
        mean,
        worst,
        worst_kernel: kernel.to_owned(),
    })
}
