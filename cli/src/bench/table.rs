//! A report as a table for the terminal.

use std::fmt::Write;

use clap::ValueEnum;

use super::{
    report::{Language, PEER, Report, Row},
    stats::Spread,
};

/// Orders of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// As the headline and the set have them
    #[default]
    Set,
    /// Least ratio first
    Worst,
    /// Greatest ratio first
    Best,
    /// By name
    Name,
}

impl Sort {
    /// Brings rows into this order; those without ratios come first. Rows that are equal stay as they are.
    pub fn apply(self, report: &mut Report) {
        let Report { rows, reference, .. } = report;
        let ratios = |row: &Row| row.extremes(reference).unwrap_or((0.0, f64::INFINITY));
        match self {
            Self::Set => {}
            Self::Worst => rows.sort_by(|a, b| ratios(a).0.total_cmp(&ratios(b).0)),
            Self::Best => rows.sort_by(|a, b| ratios(b).1.total_cmp(&ratios(a).1)),
            Self::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        }
    }
}

/// Least width of a column.
const COLUMN: usize = 10;

/// Least width of the column of the reference.
const REFERENCE_COLUMN: usize = 12;

/// The tables of run time and of compilation, with what went wrong below.
pub fn to_text(report: &Report) -> String {
    let mut text = String::new();
    write_all(report, &mut text).unwrap_or_default();
    text
}

fn write_all(report: &Report, out: &mut String) -> std::fmt::Result {
    let setting = &report.setting;
    let cold = if setting.cold { ", cold" } else { "" };
    writeln!(
        out,
        "{}, {} UTC, {}, {}{cold}",
        setting.program, setting.date, setting.processor, setting.system
    )?;
    let (work, reference) = match report.language {
        Language::Evm => ("transaction", format!("the {}", report.reference)),
        Language::Wasm => ("call", report.reference.clone()),
    };
    writeln!(out, "CPU time of a {work}; ratios against {reference}, ± half of what quartiles span\n")?;
    write_run_time(report, out)?;
    if report.rows.iter().any(|row| row.engines.values().any(|one| one.compilation.is_some())) {
        writeln!(out)?;
        write_compilation(report, out)?;
    }
    for row in &report.rows {
        for (engine, error) in row.errors() {
            writeln!(out, "\n{}: {engine}: {error}", row.name)?;
        }
    }
    Ok(())
}

/// Width of the first column.
fn name_width(report: &Report) -> usize {
    report.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0).max("geometric mean".len())
}

/// Width of the column of the reference.
fn reference_width(report: &Report) -> usize {
    REFERENCE_COLUMN.max(report.reference.chars().count() + 1)
}

/// Width of the two columns of an engine, of which the header names it.
fn widths(name: &str) -> (usize, usize) {
    let time = COLUMN.max((name.chars().count() + 1).saturating_sub(COLUMN + 5));
    (time, COLUMN + 5)
}

fn write_run_time(report: &Report, out: &mut String) -> std::fmt::Result {
    let width = name_width(report);
    let has_peer = report.rows.iter().any(|row| row.peer.is_some());
    let first = reference_width(report);
    write!(out, "{:<width$} {:>first$}", "run time", report.reference)?;
    for engine in report.compared() {
        let (time, ratio) = widths(&engine.name);
        write!(out, "{:>1$}", engine.name, time + ratio)?;
    }
    writeln!(out, "{}", if has_peer { format!("{PEER:>COLUMN$}") } else { String::new() })?;
    for row in &report.rows {
        write_row(report, row, width, out)?;
    }
    write!(out, "{:<width$} {:>first$}", "geometric mean", format!("{} rows", report.geomean_rows))?;
    for engine in report.compared() {
        let (time, ratio) = widths(&engine.name);
        let mean = report.geomean.get(&engine.name).copied().flatten();
        let mean = mean.map_or("-".to_owned(), |mean| format!("{mean:.2}x"));
        write!(out, "{:>time$}{:>2$}", "", format!("{mean:<8}"), ratio)?;
    }
    let peer = report.geomean_peer.map(|mean| format!("{:>COLUMN$}", format!("{mean:.2}x")));
    writeln!(out, "{}", peer.unwrap_or_default())
}

fn write_row(report: &Report, row: &Row, width: usize, out: &mut String) -> std::fmt::Result {
    let time =
        |engine: &str| row.engine(engine).and_then(|one| one.time_ns).map(|time| nanoseconds(time.median));
    let first = reference_width(report);
    write!(out, "{:<width$} {:>first$}", row.label, time(&report.reference).unwrap_or("-".to_owned()))?;
    for engine in report.compared() {
        let (time_width, ratio_width) = widths(&engine.name);
        let time = time(&engine.name).unwrap_or("-".to_owned());
        let ratio = row.engine(&engine.name).and_then(|one| one.ratio).map_or(String::new(), with_spread);
        write!(out, "{time:>time_width$}{ratio:>ratio_width$}")?;
    }
    let peer = row.peer.map(|ratio| format!("{:>COLUMN$}", format!("{ratio:.2}x")));
    writeln!(out, "{}", peer.unwrap_or_default())
}

fn write_compilation(report: &Report, out: &mut String) -> std::fmt::Result {
    let width = name_width(report);
    let first = reference_width(report);
    write!(out, "{:<width$} {:>first$}", "compilation", code_word(report))?;
    for engine in report.compared() {
        let (time, size) = widths(&engine.name);
        write!(out, "{:>1$}", engine.name, time + size)?;
    }
    writeln!(out)?;
    for row in &report.rows {
        write!(out, "{:<width$} {:>first$}", row.label, bytes(row.code_bytes as u64))?;
        for engine in report.compared() {
            let (time_width, size_width) = widths(&engine.name);
            let compilation = row.engine(&engine.name).and_then(|one| one.compilation);
            let time = compilation.map_or("-".to_owned(), |one| nanoseconds(one.cpu_ns));
            let size = compilation.and_then(|one| one.artifact_bytes).map_or(String::new(), bytes);
            write!(out, "{time:>time_width$}{size:>size_width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What is compiled.
pub fn code_word(report: &Report) -> &'static str {
    match report.language {
        Language::Evm => "bytecode",
        Language::Wasm => "module",
    }
}

/// A ratio with half of what its quartiles span, as a share of it.
fn with_spread(ratio: Spread) -> String {
    format!("{:.2}x ±{:<4}", ratio.median, format!("{:.0}%", ratio.percent()))
}

/// A time with three digits and a unit.
pub fn nanoseconds(time: f64) -> String {
    let (value, unit) = split(time);
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// A time as a number and a unit.
fn split(time: f64) -> (f64, &'static str) {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    let (unit, name) = units.into_iter().find(|(unit, _)| time >= 0.9995 * unit).unwrap_or((1.0, "ns"));
    (time / unit, name)
}

/// A power of ten, or 2 or 5 times that, as a time without needless digits.
pub fn round_time(time: f64) -> String {
    let (value, unit) = split(time);
    format!("{value:.0} {unit}")
}

/// A number, from a thousand on in groups of three digits.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes with a unit.
pub fn bytes(count: u64) -> String {
    if count < 10_240 { format!("{count} B") } else { format!("{:.1} KiB", count as f64 / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let shown = [0.4, 1.0, 12.34, 999.6, 1_234.0, 98_765.0, 1.5e6, 2.5e9, 1.2e11].map(nanoseconds);
        let expected =
            ["0.40 ns", "1.00 ns", "12.3 ns", "1.00 µs", "1.23 µs", "98.8 µs", "1.50 ms", "2.50 s", "120 s"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0.0, 999.0, 1e3, 1234567.0].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1e3, 2e4, 5e8].map(round_time), ["1 µs", "20 µs", "500 ms"]);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([bytes(10_239), bytes(10_240)], ["10239 B", "10.0 KiB"]);
    }
}
