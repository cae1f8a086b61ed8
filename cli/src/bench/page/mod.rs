//! A report as a page that explains itself, and as a picture.
//!
//! The page is one file: style, script and drawings are inside, nothing is loaded, and a content security policy
//! says so. It works without its script, which adds tooltips and other orders of the rows. Colours follow the
//! reader's system, light or dark; the chart is drawn twice, for wide windows and narrow ones, and the style
//! chooses. All that is drawn is said in the table as well.

mod bars;
mod figures;
mod scale;
mod scatter;
#[cfg(test)]
mod tests;
mod words;

use std::fmt::{self, Write};

use super::{
    report::{EngineInfo, Language, PEER, Report, Row},
    stats,
};
use bars::{Chart, NARROW, WIDE, ratio_text};
use words::Words;

/// Colours and drawings; both the page and the picture have it.
const CHART_STYLE: &str = include_str!("chart.css");

/// The rest of the page.
const PAGE_STYLE: &str = include_str!("page.css");

/// Tooltips and orders.
const SCRIPT: &str = include_str!("page.js");

/// Engines that have a colour of their own.
const COLOURS: usize = 6;

/// Nothing is loaded from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// Text with what HTML would take for something else written out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The class that gives an engine its colour.
fn class(engine: usize) -> String {
    format!("e{}", engine % COLOURS)
}

/// The page.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    write_page(report, &mut out).unwrap_or_default();
    out
}

fn write_page(report: &Report, out: &mut String) -> fmt::Result {
    let words = Words::of(report);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{}</title>\n\
         <style>\n{CHART_STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n",
        words.title
    )?;
    write_head(report, &words, out)?;
    write_failures(report, out)?;
    write_run_time(report, &words, out)?;
    write_compilation(report, &words, out)?;
    figures::write(report, &words, out)?;
    write_method(report, &words, out)?;
    write!(out, "</main>\n<div id=\"tip\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// What this is, and the result in large.
fn write_head(report: &Report, words: &Words, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<header>\n<p class=\"kicker\">evmc benchmark</p>\n<h1>{}</h1>\n\
         <p class=\"lede\">{}</p>\n<div class=\"tiles\">\n",
        words.question, words.lede
    )?;
    for (number, engine) in report.compared().enumerate() {
        write_tile(report, words, number, engine, out)?;
    }
    if let Some(peer) = report.geomean_peer.filter(|_| report.geomean_rows > 1) {
        writeln!(
            out,
            "<div class=\"tile other\"><p class=\"tile-name\"><svg class=\"key\" viewBox=\"-8 -8 16 16\" \
             aria-hidden=\"true\"><path class=\"peer\" d=\"M0,-5l5,5l-5,5l-5,-5z\"/></svg>{PEER}</p>\
             <p class=\"tile-value\">{}</p><p class=\"tile-note\">geometric mean of another compiler on the same \
             transactions, measured elsewhere</p></div>",
            ratio_text(peer)
        )?;
    }
    writeln!(out, "</div>\n</header>")
}

/// An engine's result in large.
fn write_tile(
    report: &Report,
    words: &Words,
    number: usize,
    engine: &EngineInfo,
    out: &mut String,
) -> fmt::Result {
    let reference = escape(&words.reference);
    let ratios: Vec<f64> = report.counted().filter_map(|row| row.ratio(&engine.name)).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    let mean = report.geomean.get(&engine.name).copied().flatten();
    let value = mean.map_or("–".to_owned(), ratio_text);
    let note = match (mean, ratios.len()) {
        (None, _) => "no mean, as figures are missing".to_owned(),
        (_, 1) => format!("as fast as {reference}"),
        _ => format!(
            "as fast as {reference}: geometric mean of {} {}, which lie between {} and {}",
            report.geomean_rows,
            words.work.1,
            ratio_text(least),
            ratio_text(greatest)
        ),
    };
    writeln!(
        out,
        "<div class=\"tile\"><p class=\"tile-name\">{}{}</p><p class=\"tile-value\">{value}</p>\
         <p class=\"tile-note\">{note}</p></div>",
        key(number),
        escape(&engine.name)
    )
}

/// The colour and the shape of an engine, for legends.
fn key(engine: usize) -> String {
    format!(
        "<svg class=\"key\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><path class=\"{}\" d=\"{}\"/></svg>",
        class(engine),
        scatter::shape(engine)
    )
}

/// What went wrong, if anything.
fn write_failures(report: &Report, out: &mut String) -> fmt::Result {
    if report.is_complete() {
        return Ok(());
    }
    writeln!(out, "<section class=\"failures\">\n<h2>Not everything worked</h2>\n<ul>")?;
    for row in &report.rows {
        for (engine, error) in row.errors() {
            writeln!(out, "<li>{}, {}: {}</li>", escape(&row.name), escape(engine), escape(error))?;
        }
    }
    writeln!(out, "</ul>\n</section>")
}

/// The bars.
fn write_run_time(report: &Report, words: &Words, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<section>\n<h2>Run time</h2>\n<p>{}: at 5× it took a fifth of the time. A bar to the left means that it was slower. \
         The axis is logarithmic; the thin line at the end spans the middle half of all rounds.</p>",
        words.bars
    )?;
    writeln!(out, "<div class=\"tools\">{}{ORDERS}</div>", legend(report))?;
    for (name, layout) in [("wide", WIDE), ("narrow", NARROW)] {
        let Chart { content, height } = bars::draw(report, layout);
        writeln!(
            out,
            "<svg class=\"bars {name}\" viewBox=\"0 0 {} {height:.0}\" role=\"list\" aria-label=\"Run time of each \
             workload, compared with {}\">\n{content}</svg>",
            layout.width,
            escape(&words.reference)
        )?;
    }
    writeln!(out, "</section>")
}

/// The choice of an order, which the script shows.
const ORDERS: &str = "<label id=\"order\" hidden>Order <select><option value=\"number\">as listed</option>\
    <option value=\"worst\">slowest first</option><option value=\"best\">fastest first</option></select></label>";

/// The engines with their colours.
fn legend(report: &Report) -> String {
    let mut legend = "<ul class=\"legend\">".to_owned();
    for (number, engine) in report.compared().enumerate() {
        legend += &format!("<li>{}{}</li>", key(number), escape(&engine.name));
    }
    if report.rows.iter().any(|row| row.peer.is_some()) {
        legend += &format!(
            "<li><svg class=\"key\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><path class=\"peer\" \
             d=\"M0,-8V8M0,-4l4,4l-4,4l-4,-4z\"/></svg>{PEER}, measured elsewhere</li>"
        );
    }
    legend + "</ul>"
}

/// The plots.
fn write_compilation(report: &Report, words: &Words, out: &mut String) -> fmt::Result {
    if scatter::is_empty(report) {
        return Ok(());
    }
    writeln!(
        out,
        "<section>\n<h2>Compilation</h2>\n<p>A {} is compiled once and then runs for as long as it is used. Each \
         point is a workload; compiling took longer the further it lies to the right. The dashed lines on the second \
         plot say after how many {} the time that they save has paid for compiling: the higher, the sooner.</p>",
        words.code, words.work.1
    )?;
    writeln!(out, "<div class=\"tools\">{}</div>\n<div class=\"plots\">", legend_of_engines(report))?;
    for (title, plot) in [
        ("Compiling and running", scatter::compile_and_run(report, words)),
        ("Compiling and saving", scatter::compile_and_save(report, words)),
    ] {
        writeln!(out, "<figure><figcaption>{title}</figcaption>\n{plot}</figure>")?;
    }
    writeln!(out, "</div>")?;
    let nothing = scatter::saving_nothing(report);
    if nothing > 0 {
        let points = plural(nothing, "point is", "points are");
        writeln!(
            out,
            "<p class=\"note\">{points} not on the second plot: there {} was as fast.</p>",
            escape(&words.reference)
        )?;
    }
    writeln!(out, "</section>")
}

/// The engines with their colours, without the other compiler.
fn legend_of_engines(report: &Report) -> String {
    let items = report.compared().enumerate();
    let items = items.map(|(number, engine)| format!("<li>{}{}</li>", key(number), escape(&engine.name)));
    format!("<ul class=\"legend\">{}</ul>", items.collect::<String>())
}

/// How it was measured, on what, and what it does not say.
fn write_method(report: &Report, words: &Words, out: &mut String) -> fmt::Result {
    let setting = &report.setting;
    let rounds = report.rows.iter().flat_map(|row| row.engines.values().map(|figures| figures.rounds as f64));
    let mut rounds: Vec<f64> = rounds.filter(|rounds| *rounds > 0.0).collect();
    rounds.sort_by(f64::total_cmp);
    let typical = if rounds.is_empty() { 0.0 } else { stats::quantile(&rounds, 0.5) };
    write!(
        out,
        "<section class=\"prose\">\n<h2>How it was measured</h2>\n<p>All engines ran in turns: in each of {typical:.0} rounds \
         (the median over the workloads) every engine did a batch of the same {}, a different one first each \
         time, so that whatever else the machine did fell on all of them. {}</p>\n<p>{}</p>\n",
        words.work.0, words.method, words.compile
    )?;
    write!(
        out,
        "<h2>What it does not say</h2>\n<ul>{}</ul>\n<h2>Where it was measured</h2>\n<dl>",
        words.caveats
    )?;
    let entries = [
        ("Program", setting.program.clone()),
        ("Date", format!("{} UTC", setting.date)),
        (
            "Processor",
            format!("{}, {} usable", setting.processor, plural(setting.processors, "core", "cores")),
        ),
        ("System", setting.system.clone()),
        ("Compiled for", format!("{}, -O{}", setting.target, setting.level)),
        ("Time for each workload", format!("{} s", setting.seconds_per_row)),
    ];
    let hashes = (report.language == Language::Evm).then(|| {
        ("Hashes of earlier transactions", (if setting.cold { "forgotten" } else { "kept" }).to_owned())
    });
    let engines = report.engines.iter().map(|engine| (engine.name.as_str(), engine.what.clone()));
    for (name, value) in entries.into_iter().chain(hashes).chain(engines) {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(&value))?;
    }
    writeln!(out, "</dl>\n<p>To repeat it: <code>{}</code></p>\n</section>", words.command)
}

/// A number with the word that goes with it.
fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The chart as an `.svg` file.
pub fn svg(report: &Report) -> String {
    let Chart { content, height } = bars::draw(report, WIDE);
    let words = Words::of(report);
    let reference = escape(&words.reference);
    let (margin, head) = (20.0, 74.0);
    let (width, height) = (WIDE.width + 2.0 * margin, height + head + margin);
    let setting = &report.setting;
    let mut keys = String::new();
    let mut x = 0.0;
    let mut add = |shape: &str, class: &str, name: &str| {
        keys += &format!(
            "<g transform=\"translate({x:.0},0)\"><path class=\"{class}\" d=\"{shape}\"/>\
             <text class=\"name\" x=\"11\" y=\"4\">{}</text></g>",
            escape(name)
        );
        x += 34.0 + 7.0 * name.chars().count() as f64;
    };
    for (number, engine) in report.compared().enumerate() {
        add(scatter::shape(number), &class(number), &engine.name);
    }
    if report.rows.iter().any(|row: &Row| row.peer.is_some()) {
        add("M0,-8V8M0,-4l4,4l-4,4l-4,-4z", "peer", &format!("{PEER}, measured elsewhere"));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height:.0}\" width=\"{width}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"Run time of each workload compared with {reference}\">\n\
         <style>\n{CHART_STYLE}</style>\n<rect class=\"sheet\" width=\"{width}\" height=\"{height:.0}\" rx=\"8\"/>\n\
         <text class=\"head\" x=\"{margin}\" y=\"30\">Times as fast as {reference}</text>\n\
         <text class=\"sub\" x=\"{margin}\" y=\"50\">CPU time of {}; {} on {}, {}</text>\n\
         <g transform=\"translate({:.0},67)\">{keys}</g>\n\
         <g transform=\"translate({margin},{head})\">\n{content}</g>\n</svg>\n",
        words.picture,
        escape(&setting.program),
        escape(&setting.processor),
        setting.date.split(' ').next().unwrap_or_default(),
        margin + 8.0,
    )
}
