//! Compilation: what it costs against what it is good for, a point for each workload and engine.

use std::fmt::{self, Write};

use super::{
    escape,
    scale::{self, Scale},
    words::Words,
};
use crate::bench::{
    report::{Figures, Report, Row},
    table,
};

/// Size of a plot, in pixels.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 360.0;
/// Where the axes are, in pixels from each side.
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 44.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 14.0;
/// Most marks on an axis.
const MOST_MARKS: usize = 7;
/// Numbers of transactions after which a compilation has paid for itself, as lines.
const PAID_AFTER: [f64; 4] = [1.0, 100.0, 1e4, 1e6];

/// A plot.
struct Plot {
    said: String,
    y_title: String,
    points: Vec<Point>,
    /// Whether lines show after how many transactions a compilation is paid for.
    has_lines: bool,
}

/// A workload compiled by an engine; times in nanoseconds.
struct Point {
    engine: usize,
    compile: f64,
    y: f64,
    said: String,
}

/// Compilation against the time of a transaction.
pub fn compile_and_run(report: &Report, words: &Words) -> String {
    let points = points(report, |row, figures, engine| {
        let time = figures.time_ns?.median;
        let said = format!("{}\n{engine}: {} {}", row.label, table::nanoseconds(time), words.a_work);
        Some((time, said))
    });
    let said = format!("Time to compile against time of {} in compiled code", words.a_work);
    draw(&Plot { said, y_title: format!("time of {}", words.a_work), points, has_lines: false })
}

/// Compilation against the time that it saves in each transaction.
pub fn compile_and_save(report: &Report, words: &Words) -> String {
    let points = points(report, |row, figures, engine| {
        let saved = saved(report, row, figures)?;
        let after = figures.compilation?.cpu_ns / saved;
        let saved_text = table::nanoseconds(saved);
        let said = format!(
            "{}\n{engine} saves {saved_text} {}: paid for after {}",
            row.label,
            words.a_work,
            table::count(after.ceil())
        );
        Some((saved, said))
    });
    let said = format!("Time to compile against time saved in each {}", words.work.0);
    draw(&Plot { said, y_title: format!("saved in each {}", words.work.0), points, has_lines: true })
}

/// How many compilations save nothing, and so are not in the second plot.
pub fn saving_nothing(report: &Report) -> usize {
    let all = points(report, |_, _, _| Some((1.0, String::new()))).len();
    all - points(report, |row, figures, _| Some((saved(report, row, figures)?, String::new()))).len()
}

/// Time that compiled code saves in each transaction, if any.
fn saved(report: &Report, row: &Row, figures: &Figures) -> Option<f64> {
    let saved = row.engine(&report.reference)?.time_ns?.median - figures.time_ns?.median;
    (saved > 0.0).then_some(saved)
}

/// A point for each row and engine that compiled something and of which `y` knows a height.
fn points(report: &Report, y: impl Fn(&Row, &Figures, &str) -> Option<(f64, String)>) -> Vec<Point> {
    let mut points = Vec::new();
    for row in &report.rows {
        for (engine, info) in report.compared().enumerate() {
            let found = row.engine(&info.name).and_then(|figures| {
                let compile = figures.compilation?.cpu_ns;
                let (y, said) = y(row, figures, &info.name)?;
                let said = format!("{said}\ncompiled in {}", table::nanoseconds(compile));
                Some(Point { engine, compile, y, said })
            });
            points.extend(found);
        }
    }
    points
}

/// Whether there is anything to draw.
pub fn is_empty(report: &Report) -> bool {
    points(report, |_, _, _| Some((1.0, String::new()))).is_empty()
}

fn draw(plot: &Plot) -> String {
    let mut out = String::new();
    write_plot(plot, &mut out).unwrap_or_default();
    out
}

fn write_plot(plot: &Plot, out: &mut String) -> fmt::Result {
    let x_range = scale::range(plot.points.iter().map(|point| point.compile), 1.6, (1e6, 1e9));
    let y_range = scale::range(plot.points.iter().map(|point| point.y), 1.6, (1e3, 1e6));
    let x = Scale::new(x_range, (LEFT, WIDTH - RIGHT));
    let y = Scale::new(y_range, (HEIGHT - BOTTOM, TOP));
    writeln!(
        out,
        "<svg class=\"scatter\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"list\" aria-label=\"{}\">",
        plot.said
    )?;
    write_axes(&x, &y, &plot.y_title, out)?;
    if plot.has_lines {
        write_lines(&x, x_range, &y, y_range, out)?;
    }
    for point in &plot.points {
        write_point(point, x.at(point.compile), y.at(point.y), out)?;
    }
    writeln!(out, "</svg>")
}

fn write_axes(x: &Scale, y: &Scale, y_title: &str, out: &mut String) -> fmt::Result {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for mark in x.marks(MOST_MARKS) {
        let (x, text) = (x.at(mark), table::round_time(mark));
        write!(out, "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>")?;
        writeln!(out, "<text class=\"mark\" x=\"{x:.1}\" y=\"{}\">{text}</text>", bottom + 16.0)?;
    }
    for mark in y.marks(MOST_MARKS) {
        let (y, text) = (y.at(mark), table::round_time(mark));
        write!(out, "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>")?;
        writeln!(out, "<text class=\"mark end\" x=\"{}\" y=\"{:.1}\">{text}</text>", LEFT - 6.0, y + 4.0)?;
    }
    writeln!(
        out,
        "<text class=\"title\" x=\"{}\" y=\"{}\">time to compile →</text>\
         <text class=\"title\" transform=\"translate(13,{}) rotate(-90)\">{y_title} →</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        (TOP + bottom) / 2.0
    )
}

/// Lines on which a compilation is paid for after the same number of transactions.
fn write_lines(x: &Scale, xs: (f64, f64), y: &Scale, ys: (f64, f64), out: &mut String) -> fmt::Result {
    for after in PAID_AFTER {
        // The line saved = compile / after, as far as it lies in both ranges.
        let (from, to) = (xs.0.max(ys.0 * after), xs.1.min(ys.1 * after));
        if from >= to {
            continue;
        }
        let [x1, x2] = [from, to].map(|compile| x.at(compile));
        let [y1, y2] = [from, to].map(|compile| y.at(compile / after));
        let text = format!("after {}", table::count(after));
        writeln!(
            out,
            "<line class=\"paid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\
             <text class=\"paid\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            x2 - 4.0,
            y2 + 14.0
        )?;
    }
    Ok(())
}

/// A point; engines differ in shape as well as in colour.
fn write_point(point: &Point, x: f64, y: f64, out: &mut String) -> fmt::Result {
    let shape = shape(point.engine);
    let (class, said) = (super::class(point.engine), escape(&point.said));
    writeln!(
        out,
        "<g class=\"point\" role=\"listitem\" tabindex=\"0\" aria-label=\"{said}\" transform=\"translate({x:.1},{y:.1})\">\
         <title>{said}</title><path class=\"{class}\" d=\"{shape}\"/></g>"
    )
}

/// The outline of an engine's points, around the origin.
pub fn shape(engine: usize) -> &'static str {
    const SHAPES: [&str; 4] = [
        "M-4.6,0a4.6,4.6 0 1 0 9.2,0a4.6,4.6 0 1 0 -9.2,0z",
        "M-4.2,-4.2h8.4v8.4h-8.4z",
        "M0,-5.4l5.2,9h-10.4z",
        "M0,-5.8l5.8,5.8l-5.8,5.8l-5.8,-5.8z",
    ];
    SHAPES[engine % SHAPES.len()]
}
