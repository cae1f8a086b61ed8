//! The report for the terminal.

use std::{collections::BTreeMap, fmt::Write};

use crate::wasm_kernels::report::{KernelReport, Outcome, Pair, Report};

/// Width of an entrant's column, in characters.
const COLUMN: usize = 19;

/// The report as text; ratios are to the times of the entrant `base`.
pub fn text(report: &Report, base: &str) -> String {
    let mut out = String::new();
    kernels(&mut out, report, base).expect("a string takes everything");
    means(&mut out, report, base).expect("a string takes everything");
    matrix(&mut out, report).expect("a string takes everything");
    notes(&mut out, report).expect("a string takes everything");
    out
}

/// Times of all kernels, in milliseconds, and their ratios.
fn kernels(out: &mut String, report: &Report, base: &str) -> std::fmt::Result {
    header(out, report, &format!("ms, and times {base}"))?;
    let base = report.entrants.iter().position(|name| name == base);
    for kernel in &report.kernels {
        write!(out, "{:<15} {:<10}", kernel.name, kernel.topic)?;
        for (nth, result) in kernel.results.iter().enumerate() {
            write!(out, "{:>COLUMN$}", cell(kernel, nth, result, base))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn header(out: &mut String, report: &Report, title: &str) -> std::fmt::Result {
    write!(out, "{title:<26}")?;
    report.entrants.iter().try_for_each(|name| write!(out, "{name:>COLUMN$}"))?;
    writeln!(out)
}

fn cell(kernel: &KernelReport, nth: usize, result: &Outcome, base: Option<usize>) -> String {
    let Some(milliseconds) = result.milliseconds else {
        return if result.failed.is_some() { "failed" } else { "-" }.to_owned();
    };
    let ratio = base.and_then(|base| kernel.ratios[nth][base]);
    let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    format!("{:.2} {ratio:>6}", milliseconds.median)
}

/// Geometric means by topic, the worst in brackets.
fn means(out: &mut String, report: &Report, base: &str) -> std::fmt::Result {
    writeln!(out)?;
    header(out, report, &format!("mean (worst), times {base}"))?;
    let all = "all".to_owned();
    for (topic, pairs) in report.topics.iter().chain([(&all, &report.pairs)]) {
        write!(out, "{topic:<26}")?;
        for name in &report.entrants {
            write!(out, "{:>COLUMN$}", pair_cell(pairs, name, base))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn pair_cell(pairs: &[Pair], of: &str, to: &str) -> String {
    let found = pairs.iter().find(|pair| pair.of == of && pair.to == to);
    found.map_or_else(|| "-".to_owned(), |pair| format!("{:.2} ({:.2})", pair.mean, pair.worst))
}

/// Every entrant's times as a multiple of every other's.
fn matrix(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out)?;
    header(out, report, "row's time / column's")?;
    for of in &report.entrants {
        write!(out, "{of:<26}")?;
        for to in &report.entrants {
            write!(out, "{:>COLUMN$}", pair_cell(&report.pairs, of, to))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Who did not run what, and why.
fn notes(out: &mut String, report: &Report) -> std::fmt::Result {
    let mut skipped: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for kernel in &report.kernels {
        for (entrant, result) in report.entrants.iter().zip(&kernel.results) {
            if let Some(reason) = &result.skipped {
                *skipped.entry((entrant, reason)).or_default() += 1;
            }
            if let Some(reason) = &result.failed {
                writeln!(out, "FAILED: {} at {entrant}: {reason}", kernel.name)?;
            }
        }
    }
    for ((entrant, reason), kernels) in skipped {
        writeln!(out, "skipped at {entrant}, kernels: {kernels} ({reason})")?;
    }
    Ok(())
}
