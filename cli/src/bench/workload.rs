//! What is measured: a transaction with a name, and what is known about it beforehand.

use std::{
    env, io,
    path::{Path, PathBuf},
};

use alloy_primitives::TxKind;
use regex::Regex;

use super::set::{self, Bench, Expected};
use crate::{engine::TxInput, error::CliError, fork::Fork};

/// Where the bench set is under the data folder.
const SET: &str = "bench/bench-inputs.json";

/// The file beside the set that names the headline inputs.
const HEADLINE: &str = "HEADLINE.txt";

/// Folders that most names begin with and that say nothing.
const DULL_PREFIXES: [&str; 2] = ["ipsilon/main/", "ipsilon/"];

/// A transaction to measure.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its full name.
    pub name: String,
    /// The rules that it runs under.
    pub fork: Fork,
    /// The transaction with everything that it sees.
    pub input: TxInput,
    /// Whether it counts in the geometric mean over the headline.
    pub headline: bool,
    /// The ratio of another compiler, measured elsewhere.
    pub peer: Option<f64>,
    /// What must come of it, where the input says so.
    pub expected: Option<Expected>,
}

impl Workload {
    /// A workload of which nothing is known beforehand.
    pub fn new(name: String, fork: Fork, input: TxInput) -> Self {
        Self { name, fork, input, headline: false, peer: None, expected: None }
    }

    /// The name without the folder that most names share.
    pub fn label(&self) -> &str {
        DULL_PREFIXES.iter().find_map(|prefix| self.name.strip_prefix(prefix)).unwrap_or(&self.name)
    }

    /// Bytes of the code that the transaction enters.
    pub fn code_bytes(&self) -> usize {
        let TxKind::Call(to) = self.input.tx.kind else { return self.input.tx.data.len() };
        let account = self.input.world.get(&to);
        account.and_then(|account| account.info.code.as_ref()).map_or(0, |code| code.len())
    }
}

/// Which workloads of a set are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The set's file [default: in `$EVMC_DATA`].
    pub set: Option<PathBuf>,
    /// Also those outside the headline.
    pub all: bool,
    /// Only those whose name matches.
    pub filter: Option<Regex>,
}

impl Selection {
    /// Reads the workloads: the headline in its order, then the others in the order of the set. A set
    /// without a headline has all its inputs measured.
    ///
    /// # Errors
    /// A file cannot be read, the headline names what is not there, or nothing is selected.
    pub fn read(&self) -> Result<Vec<Workload>, CliError> {
        let path = self.set.clone().unwrap_or_else(default_set);
        let mut benches = set::read(&path).map_err(|source| missing(&path, source))?;
        let headline_path = path.with_file_name(HEADLINE);
        let headline = if headline_path.exists() { read_headline(&headline_path)? } else { Vec::new() };
        let mut workloads = Vec::new();
        for (name, peer) in &headline {
            let Some(index) = benches.iter().position(|bench| bench.name == *name) else {
                let message =
                    format!("{} names {name}, which the set does not have", headline_path.display());
                return Err(CliError::usage(message, "the two files do not belong together"));
            };
            let known = Workload { headline: true, peer: Some(*peer), ..workload(benches.remove(index)) };
            workloads.push(known);
        }
        if self.all || headline.is_empty() {
            workloads.extend(benches.into_iter().map(workload));
        }
        self.choose(workloads)
    }

    /// Those whose names match the filter.
    fn choose(&self, mut workloads: Vec<Workload>) -> Result<Vec<Workload>, CliError> {
        let Some(filter) = &self.filter else { return Ok(workloads) };
        let names = workloads.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ");
        workloads.retain(|workload| filter.is_match(&workload.name));
        if workloads.is_empty() {
            let help = format!("there are {names}{}", if self.all { "" } else { "; --all has more" });
            return Err(CliError::usage(format!("no workload matches {:?}", filter.as_str()), help));
        }
        Ok(workloads)
    }
}

/// A benchmark of the set as a workload.
fn workload(bench: Bench) -> Workload {
    let (input, fork) = (bench.input(), bench.case.fork.parse().unwrap_or_default());
    Workload { expected: Some(bench.expected), ..Workload::new(bench.name, fork, input) }
}

/// The set in the data folder.
fn default_set() -> PathBuf {
    let folder = env::var_os("EVMC_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    folder.join(SET)
}

/// Reads the headline file.
fn read_headline(path: &Path) -> Result<Vec<(String, f64)>, CliError> {
    set::read_headline(path).map_err(|source| missing(path, source))
}

/// A file of the set that cannot be used.
fn missing(path: &Path, source: io::Error) -> CliError {
    CliError::BenchSet { path: path.to_owned(), source }
}
