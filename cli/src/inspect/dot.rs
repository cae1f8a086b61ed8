//! The control flow graph in the language of Graphviz.

use std::fmt::Write;

use super::graph::{Edge, EdgeKind, Graph, Vertex};

/// The graph as a `.dot` file.
pub fn draw(graph: &Graph) -> String {
    let mut out = String::new();
    write(graph, &mut out).unwrap_or_default();
    out
}

/// Writes the whole file.
fn write(graph: &Graph, out: &mut String) -> std::fmt::Result {
    writeln!(out, "digraph cfg {{")?;
    writeln!(out, "  node [shape=box, fontname=monospace, fontsize=9];")?;
    for (number, vertex) in graph.vertices.iter().enumerate() {
        writeln!(out, "  b{number} [label=\"{}\"];", label(vertex))?;
    }
    if graph.edges.iter().any(|edge| edge.to.is_none()) {
        writeln!(out, "  open [label=\"found at run time\", style=dashed];")?;
    }
    for Edge { from, to, kind } in &graph.edges {
        let to = to.map_or("open".to_owned(), |to| format!("b{to}"));
        writeln!(out, "  b{from} -> {to}{};", style(*kind))?;
    }
    writeln!(out, "}}")
}

/// A block's text: its function, then its operations, all flush left.
fn label(vertex: &Vertex) -> String {
    let name = vertex.function.iter().map(|name| format!("{name}:"));
    name.chain(vertex.lines.iter().cloned()).map(|line| format!("{line}\\l")).collect()
}

/// How an edge is drawn.
const fn style(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Flow => "",
        EdgeKind::Call => " [color=blue]",
        EdgeKind::Return => " [color=blue, style=dashed]",
        EdgeKind::Open => " [color=red, style=dotted]",
    }
}
