//! The control flow graph as a picture that a browser shows, made without any other program.
//!
//! Blocks stand in rows by their distance from the start of the code, in each row in the order of the
//! code; edges are curves. For pictures with few crossings, have Graphviz draw the `.dot` form.

use std::fmt::Write;

use super::graph::{Edge, EdgeKind, Graph, Vertex};

/// Width of a character, in pixels.
const CHARACTER: usize = 6;
/// Height of a line, in pixels.
const LINE: usize = 12;
/// Space inside a box, in pixels.
const PADDING: usize = 6;
/// Space between boxes of a row, in pixels.
const GAP: usize = 24;
/// Space between rows, in pixels.
const ROW_GAP: usize = 48;

/// A block's place, in pixels.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The graph as an `.svg` file.
pub fn draw(graph: &Graph) -> String {
    let (places, width, height) = lay_out(graph);
    let mut out = String::new();
    write(graph, &places, width, height, &mut out).unwrap_or_default();
    out
}

/// The text lines of a block.
fn lines(vertex: &Vertex) -> impl Iterator<Item = String> + '_ {
    let name = vertex.function.iter().map(|name| format!("{name}:"));
    name.chain(vertex.lines.iter().cloned())
}

/// Places for all blocks, and the size of the picture.
fn lay_out(graph: &Graph) -> (Vec<Place>, usize, usize) {
    let rows = graph.vertices.iter().map(|vertex| vertex.rank + 1).max().unwrap_or(0);
    let mut row_x = vec![GAP; rows];
    let mut row_height = vec![0; rows];
    let mut places = Vec::with_capacity(graph.vertices.len());
    for vertex in &graph.vertices {
        let columns = lines(vertex).map(|line| line.chars().count()).max().unwrap_or(0);
        let width = columns * CHARACTER + 2 * PADDING;
        let height = lines(vertex).count() * LINE + 2 * PADDING;
        places.push(Place { x: row_x[vertex.rank], y: 0, width, height });
        row_x[vertex.rank] += width + GAP;
        row_height[vertex.rank] = row_height[vertex.rank].max(height);
    }
    let mut row_y = vec![GAP; rows];
    for row in 1..rows {
        row_y[row] = row_y[row - 1] + row_height[row - 1] + ROW_GAP;
    }
    for (place, vertex) in places.iter_mut().zip(&graph.vertices) {
        place.y = row_y[vertex.rank];
    }
    let width = row_x.into_iter().max().unwrap_or(GAP);
    let height = row_y.last().zip(row_height.last()).map_or(GAP, |(y, height)| y + height + GAP);
    (places, width, height)
}

/// Writes the whole file.
fn write(graph: &Graph, places: &[Place], width: usize, height: usize, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"10\">"
    )?;
    writeln!(
        out,
        "<defs><marker id=\"a\" markerWidth=\"6\" markerHeight=\"6\" refX=\"6\" refY=\"3\" orient=\"auto\">\
         <path d=\"M0,0 L6,3 L0,6 z\"/></marker></defs>"
    )?;
    for edge in &graph.edges {
        write_edge(edge, places, out)?;
    }
    for (vertex, place) in graph.vertices.iter().zip(places) {
        write_vertex(vertex, *place, out)?;
    }
    writeln!(out, "</svg>")
}

/// Writes a block.
fn write_vertex(vertex: &Vertex, place: Place, out: &mut String) -> std::fmt::Result {
    let Place { x, y, width, height } = place;
    let fill = if vertex.function.is_some() { "#eef4ff" } else { "#ffffff" };
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" stroke=\"#333\"/>"
    )?;
    for (number, line) in lines(vertex).enumerate() {
        let (x, y) = (x + PADDING, y + PADDING + (number + 1) * LINE - 3);
        let line = line.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(out, "<text x=\"{x}\" y=\"{y}\">{line}</text>")?;
    }
    Ok(())
}

/// Writes an edge: from the bottom of one block to the top of another; an open one goes a short way.
fn write_edge(edge: &Edge, places: &[Place], out: &mut String) -> std::fmt::Result {
    let from = places[edge.from];
    let (x1, y1) = (from.x + from.width / 2, from.y + from.height);
    let (x2, y2) = match edge.to {
        Some(to) => (places[to].x + places[to].width / 2, places[to].y),
        None => (x1 + GAP, y1 + ROW_GAP / 2),
    };
    let bend = ROW_GAP / 2;
    let (color, dash) = match edge.kind {
        EdgeKind::Flow => ("#333", ""),
        EdgeKind::Call => ("#2060d0", ""),
        EdgeKind::Return => ("#2060d0", " stroke-dasharray=\"4 3\""),
        EdgeKind::Open => ("#d03030", " stroke-dasharray=\"2 3\""),
    };
    writeln!(
        out,
        "<path d=\"M{x1},{y1} C{x1},{} {x2},{} {x2},{y2}\" fill=\"none\" stroke=\"{color}\"{dash} \
         marker-end=\"url(#a)\"/>",
        y1 + bend,
        y2.saturating_sub(bend)
    )
}
