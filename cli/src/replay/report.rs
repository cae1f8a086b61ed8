//! What `evmc replay` tells.

use std::fmt::Write;

use evmc_parallel::{Fallback, Outcome};
use serde::Serialize;

use crate::output::percent;

use super::{Survived, format::ReplayBlock};

/// Nanoseconds in a millisecond.
const NANOS_PER_MS: f64 = 1e6;

/// One block.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// The rules in force.
    pub fork: &'static str,
    /// Number of transactions.
    pub transactions: usize,
    /// Gas that it used.
    pub gas: u64,
    /// Time of its execution, in milliseconds: the median of all.
    pub ms: f64,
    /// Million gas in a second of that.
    pub mgas_per_s: f64,
    /// Frames that ran natively.
    pub frames_native: u64,
    /// Frames that were interpreted.
    pub frames_interpreted: u64,
    /// Gas that native frames used by themselves, before refunds.
    pub native_gas: u64,
    /// Gas that all frames used, with the precompiles that they called, before refunds.
    pub frame_gas: u64,
    /// Transactions that were executed when their turn had come.
    pub in_turn: u64,
    /// Transactions whose execution ahead of their turn did not hold.
    pub conflicts: u64,
    /// Transactions that were executed a second time.
    pub re_executions: u64,
    /// What went wrong with compiled code, without consequences.
    #[serde(flatten)]
    pub survived: Survived,
    /// Why the schedule was another than the one asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// How it differs from what is expected.
    pub differences: Vec<String>,
}

impl Row {
    /// A block with its outcome, if there is one, and the time that it took.
    pub fn new(
        block: &ReplayBlock,
        outcome: Option<&Outcome>,
        nanos: f64,
        survived: Survived,
        differences: Vec<String>,
    ) -> Self {
        let stats = outcome.map(|outcome| outcome.stats.clone()).unwrap_or_default();
        let gas = outcome.map_or(0, |outcome| outcome.gas_used);
        Self {
            number: block.number,
            fork: block.fork.name(),
            transactions: block.block.transactions.len(),
            gas,
            ms: nanos / NANOS_PER_MS,
            mgas_per_s: mgas_per_s(gas, nanos / NANOS_PER_MS),
            frames_native: stats.frames.native,
            frames_interpreted: stats.frames.interpreted(),
            native_gas: stats.frames.native_gas,
            frame_gas: stats.frames.frame_gas,
            in_turn: stats.in_turn,
            conflicts: stats.conflicts,
            re_executions: stats.re_executions,
            survived,
            fallback: stats.fallback.as_ref().map(fallback),
            differences,
        }
    }
}

/// Why a block was executed sequentially, in words.
fn fallback(why: &Fallback) -> String {
    match why {
        Fallback::Fork => {
            "sequential: before EIP-161 an access list does not say which accounts exist".to_owned()
        }
        Fallback::WrongList(difference) => format!("sequential: the access list is wrong: {difference}"),
    }
}

/// Million gas in a second.
fn mgas_per_s(gas: u64, ms: f64) -> f64 {
    if ms > 0.0 { gas as f64 / ms / 1e3 } else { 0.0 }
}

/// All blocks.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The schedule.
    pub schedule: &'static str,
    /// The engine.
    pub engine: &'static str,
    /// Worker threads.
    pub threads: usize,
    /// The blocks, as they came.
    pub blocks: Vec<Row>,
    /// Number of blocks that differ from what is expected.
    pub differing: usize,
    /// Transactions of all.
    pub transactions: usize,
    /// Gas of all.
    pub gas: u64,
    /// Time of all, in milliseconds.
    pub ms: f64,
    /// Million gas in a second of that.
    pub mgas_per_s: f64,
    /// Frames that ran natively.
    pub frames_native: u64,
    /// Frames that were interpreted.
    pub frames_interpreted: u64,
    /// Gas that native frames used by themselves, before refunds.
    pub native_gas: u64,
    /// Gas that all frames used, with the precompiles that they called, before refunds.
    pub frame_gas: u64,
    /// Transactions whose execution ahead of their turn did not hold.
    pub conflicts: u64,
    /// Transactions that were executed a second time.
    pub re_executions: u64,
    /// What went wrong with compiled code, without consequences.
    #[serde(flatten)]
    pub survived: Survived,
}

impl Report {
    /// A report about these blocks.
    pub fn new(schedule: &'static str, engine: &'static str, threads: usize, blocks: Vec<Row>) -> Self {
        let sum = |get: fn(&Row) -> u64| blocks.iter().map(get).sum::<u64>();
        let (gas, ms) = (sum(|row| row.gas), blocks.iter().map(|row| row.ms).sum());
        let mut survived = Survived::default();
        blocks.iter().for_each(|row| survived.add(&row.survived));
        Self {
            schedule,
            engine,
            threads,
            differing: blocks.iter().filter(|row| !row.differences.is_empty()).count(),
            transactions: blocks.iter().map(|row| row.transactions).sum(),
            gas,
            ms,
            mgas_per_s: mgas_per_s(gas, ms),
            frames_native: sum(|row| row.frames_native),
            frames_interpreted: sum(|row| row.frames_interpreted),
            native_gas: sum(|row| row.native_gas),
            frame_gas: sum(|row| row.frame_gas),
            conflicts: sum(|row| row.conflicts),
            re_executions: sum(|row| row.re_executions),
            survived,
            blocks,
        }
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text).unwrap_or_default();
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "{:>9} {:<16} {:>5} {:>11} {:>9} {:>8} {:>8} {:>7} {:>8} {:>9} {:>8}",
            "block",
            "fork",
            "txs",
            "gas",
            "ms",
            "Mgas/s",
            "native",
            "by gas",
            "in turn",
            "conflicts",
            "re-exec."
        )?;
        for row in &self.blocks {
            write_row(out, row)?;
        }
        writeln!(
            out,
            "{} blocks, {} transactions, {} gas in {:.1} ms: {:.1} Mgas/s, {:.3} ms per block",
            self.blocks.len(),
            self.transactions,
            self.gas,
            self.ms,
            self.mgas_per_s,
            self.ms / self.blocks.len().max(1) as f64
        )?;
        writeln!(
            out,
            "native: {:.1} % of {} frames, {:.1} % of the gas of all frames (with their precompiles, before refunds)",
            percent(self.frames_native, self.frames_native + self.frames_interpreted),
            self.frames_native + self.frames_interpreted,
            percent(self.native_gas, self.frame_gas)
        )?;
        let (conflicts, re_executions) = (self.conflicts, self.re_executions);
        writeln!(out, "{conflicts} conflicts, {re_executions} re-executions, {}", self.survived)?;
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        let verdict = match self.differing {
            0 => "all equal what is expected".to_owned(),
            count => format!("{count} DIFFER from what is expected"),
        };
        writeln!(out, "{} on {} {threads}, {}: {verdict}", self.schedule, self.threads, self.engine)
    }
}

fn write_row(out: &mut String, row: &Row) -> std::fmt::Result {
    writeln!(
        out,
        "{:>9} {:<16} {:>5} {:>11} {:>9.3} {:>8.1} {:>7.1}% {:>6.1}% {:>8} {:>9} {:>8}",
        row.number,
        row.fork,
        row.transactions,
        row.gas,
        row.ms,
        row.mgas_per_s,
        percent(row.frames_native, row.frames_native + row.frames_interpreted),
        percent(row.native_gas, row.frame_gas),
        row.in_turn,
        row.conflicts,
        row.re_executions
    )?;
    if let Some(fallback) = &row.fallback {
        writeln!(out, "          {fallback}")?;
    }
    if !row.survived.is_empty() {
        writeln!(out, "          {}", row.survived)?;
    }
    row.differences.iter().try_for_each(|difference| writeln!(out, "          DIFFERS: {difference}"))
}
