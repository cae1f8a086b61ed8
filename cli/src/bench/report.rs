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

/// The compiler whose ratios stand beside the headline, measured by others.
pub const PEER: &str = "revmc";

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was measured.
    #[serde(default)]
    pub language: Language,
    /// The engine that ratios refer to.
    #[serde(default = "interpreter")]
    pub reference: String,
    /// The workloads.
    pub rows: Vec<Row>,
    /// Geometric mean of the ratios of each engine over the rows that count; `None` where one is missing.
    pub geomean: BTreeMap<String, Option<f64>>,
    /// How many rows count: those of the headline, or all where none is of it.
    pub geomean_rows: usize,
    /// Geometric mean of the ratios of [`PEER`] over the same rows, where all have one.
    pub geomean_peer: Option<f64>,
    /// The engines, the reference first.
    pub engines: Vec<EngineInfo>,
    /// Where and how it was measured.
    pub setting: Setting,
}

/// What it is that engines run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Transactions on contracts of the EVM
    #[default]
    Evm,
    /// Calls of functions of WebAssembly
    Wasm,
}

/// The reference of reports on the EVM.
fn interpreter() -> String {
    INTERPRETER.to_owned()
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
    /// The ratio of [`PEER`], measured elsewhere.
    pub peer: Option<f64>,
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
    /// Time of the reference by time of this engine, over the rounds.
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
            peer: workload.peer,
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

    /// The least and the greatest ratio of the engines that are not the reference.
    pub fn extremes(&self, reference: &str) -> Option<(f64, f64)> {
        let others = self.engines.iter().filter(|(name, _)| *name != reference);
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

/// The rows of the headline, or all where none is of it.
fn counted(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let any_headline = rows.iter().any(|row| row.headline);
    rows.iter().filter(move |row| row.headline || !any_headline)
}

impl Report {
    /// A report over these rows, of transactions that the interpreter is the reference for.
    pub fn new(rows: Vec<Row>, engines: Vec<EngineInfo>, setting: Setting) -> Self {
        Self::against(Language::Evm, interpreter(), rows, engines, setting)
    }

    /// A report over calls of WebAssembly; the first engine is the reference.
    pub fn of_wasm(rows: Vec<Row>, engines: Vec<EngineInfo>, setting: Setting) -> Self {
        let reference = engines.first().map(|engine| engine.name.clone()).unwrap_or_default();
        Self::against(Language::Wasm, reference, rows, engines, setting)
    }

    fn against(
        language: Language,
        reference: String,
        rows: Vec<Row>,
        engines: Vec<EngineInfo>,
        setting: Setting,
    ) -> Self {
        let counted: Vec<_> = counted(&rows).collect();
        let mean = |value: &dyn Fn(&Row) -> Option<f64>| {
            let values: Option<Vec<f64>> = counted.iter().map(|row| value(row)).collect();
            values.and_then(stats::geometric_mean)
        };
        let others = engines.iter().filter(|engine| engine.name != reference);
        let geomean = others.map(|engine| (engine.name.clone(), mean(&|row| row.ratio(&engine.name))));
        Self {
            geomean: geomean.collect(),
            geomean_rows: counted.len(),
            geomean_peer: mean(&|row| row.peer),
            language,
            reference,
            rows,
            engines,
            setting,
        }
    }

    /// The rows that count in geometric means.
    pub fn counted(&self) -> impl Iterator<Item = &Row> {
        counted(&self.rows)
    }

    /// The engines that are compared with the reference.
    pub fn compared(&self) -> impl Iterator<Item = &EngineInfo> + Clone {
        self.engines.iter().filter(|engine| engine.name != self.reference)
    }

    /// Whether every engine has figures for every row.
    pub fn is_complete(&self) -> bool {
        self.rows.iter().all(|row| row.errors().next().is_none())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row with the time of the interpreter and the ratio of an engine called `x`.
    pub(crate) fn row(name: &str, headline: bool, time: f64, ratio: Option<f64>) -> Row {
        let spread = |median: f64| Spread { low: median * 0.9, median, high: median * 1.1 };
        let figures = |ratio: f64, compile: Option<f64>| Figures {
            time_ns: Some(spread(time / ratio)),
            ratio: Some(spread(ratio)),
            rounds: 5,
            compilation: compile.map(|cpu_ns| Compilation {
                cpu_ns,
                codes: Some(1),
                artifact_bytes: Some(9000),
            }),
            ..Figures::default()
        };
        let failed = || Figures { error: Some("differs <from> it".to_owned()), ..Figures::default() };
        let engines = [
            (INTERPRETER.to_owned(), figures(1.0, None)),
            ("x".to_owned(), ratio.map_or_else(failed, |ratio| figures(ratio, Some(1e6)))),
        ];
        let (name, label) = (name.to_owned(), name.to_owned());
        Row {
            name,
            label,
            headline,
            peer: headline.then_some(3.0),
            engines: engines.into(),
            ..Row::default()
        }
    }

    /// A report over rows of the interpreter and an engine called `x`.
    pub(crate) fn report(rows: Vec<Row>) -> Report {
        let engines = vec![EngineInfo::new(INTERPRETER, "the reference"), EngineInfo::new("x", "another")];
        Report::new(rows, engines, Setting::default())
    }

    #[test]
    fn means_are_over_the_headline() {
        let rows = |ratio| {
            vec![
                row("a", true, 1e6, Some(2.0)),
                row("b", true, 1e6, ratio),
                row("c", false, 1e6, Some(100.0)),
            ]
        };
        let complete = report(rows(Some(8.0)));
        assert!((complete.geomean["x"].expect("complete") - 4.0).abs() < 1e-12);
        assert_eq!((complete.geomean_rows, complete.is_complete()), (2, true));
        assert!((complete.geomean_peer.expect("all have one") - 3.0).abs() < 1e-12);
        // Where one is missing there is no mean: leaving it out could make it better.
        let incomplete = report(rows(None));
        assert_eq!((incomplete.geomean["x"], incomplete.is_complete()), (None, false));
    }

    #[test]
    fn without_a_headline_all_rows_count() {
        let report = report(vec![row("a", false, 1e6, Some(2.0)), row("b", false, 1e6, Some(0.5))]);
        assert!((report.geomean["x"].expect("complete") - 1.0).abs() < 1e-12);
        assert_eq!((report.geomean_rows, report.geomean_peer), (2, None));
    }

    #[test]
    fn a_report_survives_being_written() {
        let report = report(vec![row("a", true, 1e6, Some(2.0)), row("b", false, 1e6, None)]);
        let text = serde_json::to_string(&report).expect("JSON");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("a report"), report);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            value["geomean"].as_object().map(|means| means.keys().collect::<Vec<_>>()),
            Some(vec![&"x".to_owned()])
        );
    }
}
