//! Run time: a group of bars for each workload, from 1 (the interpreter) to the ratio.
//!
//! The axis is logarithmic, so that half and twice are equally far from 1. A thin line over the end of a bar spans the
//! quartiles, a mark on the row is the ratio of another compiler.

use std::fmt::{self, Write};

use super::{
    escape,
    scale::{self, Scale},
};
use crate::bench::{
    report::{PEER, Report, Row},
    stats::Spread,
};

/// Measures of a chart, in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Of the whole.
    pub width: f64,
    /// Of the names on the left; without, names stand above their bars.
    pub names: Option<f64>,
    /// Height of a bar.
    pub bar: f64,
}

/// Side by side, for wide windows.
pub const WIDE: Layout = Layout { width: 940.0, names: Some(232.0), bar: 10.0 };

/// Names above their bars, for narrow windows.
pub const NARROW: Layout = Layout { width: 330.0, names: None, bar: 10.0 };

/// Between the bars of a row.
const GAP: f64 = 2.0;
/// Between rows.
const ROW_GAP: f64 = 12.0;
/// Height of a name above its bars.
const NAME: f64 = 16.0;
/// For the marks of the axis, at the top and at the bottom.
const AXIS: f64 = 26.0;
/// For the number behind the longest bar.
const NUMBER: f64 = 52.0;
/// Half the width of the mark of the other compiler, with some room.
const MARK: f64 = 6.0;
/// Most marks on the axis.
const MOST_MARKS: usize = 9;

/// A group of bars: a workload, or the mean.
struct Group<'a> {
    label: &'a str,
    bars: Vec<Option<Spread>>,
    peer: Option<f64>,
    is_mean: bool,
}

/// A chart with the height that it takes.
pub struct Chart {
    /// The content, to stand in an `<svg>` or a `<g>`.
    pub content: String,
    /// In pixels.
    pub height: f64,
}

/// Draws the chart.
pub fn draw(report: &Report, layout: Layout) -> Chart {
    let drawing = Drawing::new(report, layout);
    let mut content = String::new();
    drawing.write(&mut content).unwrap_or_default();
    Chart { content, height: drawing.height() }
}

/// What is drawn, and how.
struct Drawing<'a> {
    engines: Vec<&'a str>,
    groups: Vec<Group<'a>>,
    layout: Layout,
    scale: Scale,
}

impl<'a> Drawing<'a> {
    fn new(report: &'a Report, layout: Layout) -> Self {
        let engines: Vec<_> = report.compared().map(|engine| engine.name.as_str()).collect();
        let mut groups: Vec<_> = mean(report, &engines).into_iter().collect();
        groups.extend(report.rows.iter().map(|row| group(row, &engines)));
        let values = groups.iter().flat_map(|group| {
            let bars = group.bars.iter().flatten().flat_map(|bar| [bar.low, bar.high]);
            bars.chain(group.peer).chain([1.0])
        });
        let (low, high) = scale::range(values, 1.06, (0.5, 10.0));
        let left = layout.names.unwrap_or(8.0);
        let scale = Scale::new((low.min(0.94), high.max(2.0)), (left, layout.width - NUMBER));
        Self { engines, groups, layout, scale }
    }

    /// Height of a row with the space below it.
    fn pitch(&self) -> f64 {
        let name = if self.layout.names.is_some() { 0.0 } else { NAME };
        let bars = self.engines.len().max(1) as f64;
        name + bars * (self.layout.bar + GAP) - GAP + ROW_GAP
    }

    fn height(&self) -> f64 {
        2.0 * AXIS + self.pitch() * self.groups.len() as f64
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.write_axis(out)?;
        for (number, group) in self.groups.iter().enumerate() {
            let y = AXIS + self.pitch() * number as f64;
            self.write_group(group, number, y, out)?;
        }
        Ok(())
    }

    /// Lines and numbers of the axis, at the top and at the bottom.
    fn write_axis(&self, out: &mut String) -> fmt::Result {
        let (top, bottom) = (AXIS - 6.0, self.height() - AXIS);
        for mark in self.scale.marks(MOST_MARKS) {
            let x = self.scale.at(mark);
            let class = if mark == 1.0 { "one" } else { "grid" };
            writeln!(
                out,
                "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
            )?;
            for y in [AXIS - 11.0, bottom + 15.0] {
                writeln!(out, "<text class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\">{mark}×</text>")?;
            }
        }
        Ok(())
    }

    fn write_group(&self, group: &Group<'_>, number: usize, y: f64, out: &mut String) -> fmt::Result {
        let class = if group.is_mean { "row mean" } else { "row" };
        let ratios = || group.bars.iter().flatten().map(|bar| bar.median);
        let worst = ratios().reduce(f64::min).unwrap_or(0.0);
        let best = ratios().reduce(f64::max).unwrap_or(0.0);
        let said = escape(&self.said(group));
        write!(
            out,
            "<g class=\"{class}\" role=\"listitem\" tabindex=\"0\" aria-label=\"{said}\" data-number=\"{number}\" \
             data-worst=\"{worst:.4}\" data-best=\"{best:.4}\" transform=\"translate(0,{y:.1})\"><title>{said}</title>"
        )?;
        let height = self.pitch() - ROW_GAP;
        let (width, above) = (self.layout.width, ROW_GAP / 2.0);
        write!(
            out,
            "<rect class=\"hit\" y=\"-{above}\" width=\"{width}\" height=\"{:.1}\"/>",
            height + ROW_GAP
        )?;
        let label = escape(group.label);
        let mut bar_y = match self.layout.names {
            Some(names) => {
                let (x, middle) = (names - 12.0, height / 2.0 + 4.0);
                write!(out, "<text class=\"name end\" x=\"{x}\" y=\"{middle:.1}\">{label}</text>")?;
                0.0
            }
            None => {
                write!(out, "<text class=\"name\" x=\"8\" y=\"{}\">{label}</text>", NAME - 5.0)?;
                NAME
            }
        };
        let top = bar_y;
        for (engine, bar) in group.bars.iter().enumerate() {
            self.write_bar(engine, *bar, group.peer, bar_y, out)?;
            bar_y += self.layout.bar + GAP;
        }
        if let Some(peer) = group.peer {
            self.write_peer(peer, top, bar_y - GAP, out)?;
        }
        writeln!(out, "</g>")
    }

    /// A bar with its quartiles and its number, which makes way for the mark of the other compiler.
    fn write_bar(
        &self,
        engine: usize,
        ratio: Option<Spread>,
        peer: Option<f64>,
        y: f64,
        out: &mut String,
    ) -> fmt::Result {
        let (one, height) = (self.scale.at(1.0), self.layout.bar);
        let (text_y, middle) = (y + height - 1.0, y + height / 2.0);
        let Some(ratio) = ratio else {
            return write!(
                out,
                "<text class=\"value\" x=\"{:.1}\" y=\"{text_y:.1}\">no figure</text>",
                one + 6.0
            );
        };
        let [low, end, high] = [ratio.low, ratio.median, ratio.high].map(|value| self.scale.at(value));
        let (x, width) = (one.min(end), (end - one).abs().max(1.0));
        write!(
            out,
            "<rect class=\"bar {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"1.5\"/>\
             <line class=\"quartiles\" x1=\"{low:.1}\" y1=\"{middle:.1}\" x2=\"{high:.1}\" y2=\"{middle:.1}\"/>",
            super::class(engine)
        )?;
        let text_x = high.max(end).max(one) + 6.0;
        let mark = peer.map(|peer| self.scale.at(peer));
        let is_hit = |mark: &f64| (text_x - MARK..text_x + NUMBER - 14.0).contains(mark);
        let text_x = mark.filter(is_hit).map_or(text_x, |mark| mark + MARK + 2.0);
        let value = ratio_text(ratio.median);
        write!(out, "<text class=\"value\" x=\"{text_x:.1}\" y=\"{text_y:.1}\">{value}</text>")
    }

    /// The mark of the other compiler: a line across the bars with a diamond in the middle.
    fn write_peer(&self, ratio: f64, top: f64, bottom: f64, out: &mut String) -> fmt::Result {
        let (x, middle) = (self.scale.at(ratio), (top + bottom) / 2.0);
        write!(
            out,
            "<path class=\"peer\" d=\"M{x:.1},{:.1}V{:.1}M{x:.1},{:.1}l4,4l-4,4l-4,-4z\"/>",
            top - 3.0,
            bottom + 3.0,
            middle - 4.0
        )
    }

    /// A group in words.
    fn said(&self, group: &Group<'_>) -> String {
        let mut said = group.label.to_owned();
        for (engine, bar) in self.engines.iter().zip(&group.bars) {
            let _ = match bar {
                Some(bar) if bar.low < bar.high => write!(
                    said,
                    "\n{engine}: {} (middle half of the rounds: {:.2} to {:.2})",
                    ratio_text(bar.median),
                    bar.low,
                    bar.high
                ),
                Some(bar) => write!(said, "\n{engine}: {}", ratio_text(bar.median)),
                None => write!(said, "\n{engine}: no figure"),
            };
        }
        if let Some(peer) = group.peer {
            let _ = write!(said, "\n{PEER}, measured elsewhere: {}", ratio_text(peer));
        }
        said
    }
}

/// The group of a workload.
fn group<'a>(row: &'a Row, engines: &[&str]) -> Group<'a> {
    let bars = engines.iter().map(|engine| row.engine(engine).and_then(|figures| figures.ratio)).collect();
    Group { label: &row.label, bars, peer: row.peer, is_mean: false }
}

/// The group of the geometric means, where there is more than one row.
fn mean<'a>(report: &Report, engines: &[&str]) -> Option<Group<'a>> {
    let bar = |engine: &&str| {
        let mean = report.geomean.get(*engine).copied().flatten();
        mean.map(|mean| Spread { low: mean, median: mean, high: mean })
    };
    let bars = engines.iter().map(bar).collect();
    (report.geomean_rows > 1).then_some(Group {
        label: "geometric mean",
        bars,
        peer: report.geomean_peer,
        is_mean: true,
    })
}

/// A ratio with three digits.
pub fn ratio_text(ratio: f64) -> String {
    let digits = if ratio < 9.995 { 2 } else { 1 };
    format!("{ratio:.digits$}×")
}
