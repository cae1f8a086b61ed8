//! What a run found, as it is written and read as JSON.
//!
//! `rows` and `geomean` are what programs read; everything that the table, the page and the picture show is in
//! here, so that they can be made later from the file (`--from`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    entrant::INTERPRETER,
    setting::Setting,
    stats::{self, Spread},
    workload::Workload,
};

/// Name under which the published ratios are shown.
pub const PUBLISHED: &str = "revmc";

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The workloads.
    pub rows: Vec<Row>,
    /// Geometric mean of the ratios of each engine over the rows that count; `None` where one is missing.
    pub geomean: BTreeMap<String, Option<f64>>,
    /// How many rows count: those of the headline, or all where none is of it.
    pub geomean_rows: usize,
    /// Geometric mean of the published ratios over the same rows, where all have one.
    pub geomean_published: Option<f64>,
    /// The engines, the interpreter first.
    pub engines: Vec<EngineInfo>,
    /// Where and how it was measured.
    pub setting: Setting,
}

/// An engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// Its name, as in the rows.
    pub name: String,
    /// What it is.
    pub what: String,
}

/// A workload and what it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Full name.
    pub name: String,
    /// Short name.
    pub label: String,
    /// Rules that it runs under.
    pub fork: String,
    /// Whether it belongs to the headline.
    pub headline: bool,
    /// Bytes of the code that the transaction enters.
    pub code_bytes: usize,
    /// `success`, `revert` or `halt`.
    pub status: String,
    /// Gas that the transaction costs.
    pub gas_used: u64,
    /// The published ratio of another compiler.
    pub published: Option<f64>,
    /// Why nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The engines by name.
    pub engines: BTreeMap<String, Figures>,
}

/// What an engine took for a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// CPU time of a transaction, in nanoseconds, over the rounds.
    pub time_ns: Option<Spread>,
    /// Time of the interpreter by time of this engine, over the rounds.
    pub ratio: Option<Spread>,
    /// Rounds.
    pub rounds: usize,
    /// Transactions in all rounds.
    pub transactions: u64,
    /// What was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compilation: Option<Compilation>,
    /// Frames of a transaction that were interpreted although the engine compiles.
    pub frames_interpreted: u64,
    /// Why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What compiling a workload took: all codes that the transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compilation {
    /// CPU time, in nanoseconds.
    pub cpu_ns: f64,
    /// How many codes, where the engine says so.
    pub codes: Option<u64>,
    /// Bytes of the artifacts, where the engine says so.
    pub artifact_bytes: Option<u64>,
}

impl EngineInfo {
    /// An engine with this name.
    pub fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self { name: name.into(), what: what.into() }
    }
}

impl Row {
    /// A row without figures.
    pub fn new(workload: &Workload) -> Self {
        Self {
            name: workload.name.clone(),
            label: workload.label().to_owned(),
            fork: workload.fork.name().to_owned(),
            headline: workload.headline,
            code_bytes: workload.code_bytes(),
            published: workload.published,
            ..Self::default()
        }
    }

    /// The figures of an engine.
    pub fn engine(&self, name: &str) -> Option<&Figures> {
        self.engines.get(name)
    }

    /// The ratio of an engine.
    pub fn ratio(&self, engine: &str) -> Option<f64> {
        Some(self.engine(engine)?.ratio?.median)
    }

    /// The least and the greatest ratio of the engines that are not the interpreter.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        let others = self.engines.iter().filter(|(name, _)| *name != INTERPRETER);
        let ratios = others.filter_map(|(_, figures)| Some(figures.ratio?.median));
        ratios.fold(None, |found, ratio| match found {
            None => Some((ratio, ratio)),
            Some((least, greatest)) => Some((ratio.min(least), ratio.max(greatest))),
        })
    }

    /// What went wrong, each with the engine that it went wrong in.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let whole = self.error.as_deref().map(|error| (INTERPRETER, error));
        let engines = self.engines.iter();
        whole
            .into_iter()
            .chain(engines.filter_map(|(name, one)| Some((name.as_str(), one.error.as_deref()?))))
    }
}

impl Report {
    /// A report over these rows.
    pub fn new(rows: Vec<Row>, engines: Vec<EngineInfo>, setting: Setting) -> Self {
        let any_headline = rows.iter().any(|row| row.headline);
        let counted: Vec<_> = rows.iter().filter(|row| row.headline || !any_headline).collect();
        let mean = |value: &dyn Fn(&Row) -> Option<f64>| {
            let values: Option<Vec<f64>> = counted.iter().map(|row| value(row)).collect();
            values.and_then(stats::geometric_mean)
        };
        let others = engines.iter().filter(|engine| engine.name != INTERPRETER);
        let geomean = others.map(|engine| (engine.name.clone(), mean(&|row| row.ratio(&engine.name))));
        Self {
            geomean: geomean.collect(),
            geomean_rows: counted.len(),
            geomean_published: mean(&|row| row.published),
            rows,
            engines,
            setting,
        }
    }

    /// The engines that are compared with the interpreter.
    pub fn compared(&self) -> impl Iterator<Item = &EngineInfo> + Clone {
        self.engines.iter().filter(|engine| engine.name != INTERPRETER)
    }

    /// Whether every engine has figures for every row.
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(|row| row.errors().next().is_none())
    }
}
