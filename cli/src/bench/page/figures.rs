//! All figures as a table.

use std::fmt::{self, Write};

use super::{bars::ratio_text, escape, words::Words};
use crate::bench::{
    report::{Figures, PEER, Report, Row},
    table,
};

/// Writes the section.
pub fn write(report: &Report, words: &Words, out: &mut String) -> fmt::Result {
    let has_peer = report.rows.iter().any(|row| row.peer.is_some());
    writeln!(
        out,
        "<section>\n<h2>All figures</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All figures\">\n\
         <table>\n<thead>\n<tr><th scope=\"col\" rowspan=\"2\">workload</th><th scope=\"col\" rowspan=\"2\">gas</th>\
         <th scope=\"col\" rowspan=\"2\">{}</th><th scope=\"col\" rowspan=\"2\">{}</th>",
        table::code_word(report),
        escape(&report.reference)
    )?;
    for engine in report.compared() {
        writeln!(out, "<th scope=\"colgroup\" colspan=\"4\" class=\"group\">{}</th>", escape(&engine.name))?;
    }
    if has_peer {
        writeln!(out, "<th scope=\"col\" rowspan=\"2\" class=\"group\">{PEER},<br>elsewhere</th>")?;
    }
    writeln!(out, "</tr>\n<tr>")?;
    for _ in report.compared() {
        write!(
            out,
            "<th scope=\"col\" class=\"group\">ratio</th><th scope=\"col\">time</th><th scope=\"col\">compile</th>\
             <th scope=\"col\">artifact</th>"
        )?;
    }
    writeln!(out, "</tr>\n</thead>\n<tbody>")?;
    for row in &report.rows {
        write_row(report, row, has_peer, out)?;
    }
    writeln!(out, "</tbody>")?;
    write_means(report, has_peer, out)?;
    writeln!(
        out,
        "</table>\n</div>\n<p class=\"note\">± is half of what the quartiles of the rounds span. Times are medians of the \
         CPU time of {}.</p>\n</section>",
        words.a_work
    )
}

fn write_row(report: &Report, row: &Row, has_peer: bool, out: &mut String) -> fmt::Result {
    let time = |figures: Option<&Figures>| {
        figures.and_then(|one| one.time_ns).map_or("–".to_owned(), |time| table::nanoseconds(time.median))
    };
    write!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td>",
        escape(&row.label),
        table::count(row.gas_used as f64),
        table::bytes(row.code_bytes as u64),
        time(row.engine(&report.reference))
    )?;
    for engine in report.compared() {
        let figures = row.engine(&engine.name);
        let ratio = figures.and_then(|one| one.ratio).map_or("–".to_owned(), |ratio| {
            format!("<b>{}</b> <small>±{:.0}%</small>", ratio_text(ratio.median), ratio.percent())
        });
        let compilation = figures.and_then(|one| one.compilation);
        let compile = compilation.map_or("–".to_owned(), |one| table::nanoseconds(one.cpu_ns));
        let size = compilation.and_then(|one| one.artifact_bytes).map_or("–".to_owned(), table::bytes);
        write!(
            out,
            "<td class=\"group\">{ratio}</td><td>{}</td><td>{compile}</td><td>{size}</td>",
            time(figures)
        )?;
    }
    if has_peer {
        let peer = row.peer.map_or("–".to_owned(), ratio_text);
        write!(out, "<td class=\"group\">{peer}</td>")?;
    }
    writeln!(out, "</tr>")
}

/// The row of geometric means.
fn write_means(report: &Report, has_peer: bool, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<tfoot>\n<tr><th scope=\"row\">geometric mean</th><td colspan=\"3\">of {}</td>",
        super::plural(report.geomean_rows, "row", "rows")
    )?;
    for engine in report.compared() {
        let mean = report.geomean.get(&engine.name).copied().flatten().map_or("–".to_owned(), ratio_text);
        write!(out, "<td class=\"group\"><b>{mean}</b></td><td></td><td></td><td></td>")?;
    }
    if has_peer {
        let mean = report.geomean_peer.map_or("–".to_owned(), ratio_text);
        write!(out, "<td class=\"group\">{mean}</td>")?;
    }
    writeln!(out, "</tr>\n</tfoot>")
}
