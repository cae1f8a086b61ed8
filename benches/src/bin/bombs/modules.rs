//! Modules of WebAssembly: each just within the limit on work, and far beyond it.

use std::io::Read as _;

use evmc_backend::Backend;
use evmc_benches::bombs::wasm::{self, WasmBomb};
use evmc_compiler::driver::{self, CompileError};
use evmc_compiler::frontend::wasm::{WORK, WasmConfig, WasmError};
use serde::{Deserialize, Serialize};

use super::{Args, compile_in_child, config, repeat};

/// What one module took until it was compiled or refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    cpu_s: f64,
    peak_memory_mib: f64,
    artifact_bytes: Option<usize>,
    /// The error of the limit that it is beyond.
    refused: Option<String>,
}

/// A module of some number of pieces.
#[derive(Debug, Serialize)]
struct Measured {
    pieces: usize,
    module_bytes: usize,
    /// Work that compiling it is, where it is within the limits.
    work: Option<u64>,
    /// `None` where there was no result.
    cost: Option<Cost>,
}

/// A bomb at both sizes.
#[derive(Debug, Serialize)]
pub struct Row {
    name: &'static str,
    what: &'static str,
    /// `None` where a small part of the limit was refused.
    within: Option<Measured>,
    beyond: Measured,
    /// Which limits are broken, and how.
    pub broken: Vec<String>,
}

/// What compiling the module on standard input costs in this process.
pub fn cost_of_input(args: &Args, backend: &dyn Backend) -> Result<Cost, CompileError> {
    let mut module = Vec::new();
    std::io::stdin().read_to_end(&mut module).expect("standard input is read");
    let (config, wasm) = (config(args), WasmConfig::default());
    let (result, cpu_s, peak_memory_mib) =
        repeat(|| match driver::compile_wasm(&module, &config, &wasm, backend) {
            Err(CompileError::Wasm(error @ WasmError::TooLarge { .. })) => Ok(Err(error.to_string())),
            result => result.map(|compiled| Ok(compiled.artifact.len())),
        })?;
    let (artifact_bytes, refused) = (result.as_ref().ok().copied(), result.err());
    Ok(Cost { cpu_s, peak_memory_mib, artifact_bytes, refused })
}

/// Compiles a bomb at both sizes and compares with the limits.
pub fn measure(bomb: &'static WasmBomb, args: &Args) -> Row {
    let compile = |pieces, is_weighed| {
        let module = (bomb.generate)(pieces);
        let work = if is_weighed { wasm::weight(&module, &config(args)).ok() } else { None };
        let cost = compile_in_child(bomb.name, pieces, &module, args);
        Measured { pieces, module_bytes: module.len(), work, cost }
    };
    let within = bomb.within(&config(args)).ok().map(|pieces| compile(pieces, true));
    let beyond = compile(bomb.beyond, false);
    let mut broken = Vec::new();
    match &within {
        Some(within) => broken.extend(broken_within(bomb, within, args)),
        None => broken.push("a part of the limit refused".to_owned()),
    }
    broken.extend(broken_beyond(&beyond, args).map(|what| format!("beyond: {what}")));
    Row { name: bomb.name, what: bomb.what, within, beyond, broken }
}

/// What is wrong with a module within the limits.
fn broken_within(bomb: &WasmBomb, within: &Measured, args: &Args) -> Vec<String> {
    let Some(cost) = &within.cost else { return vec!["no result".to_owned()] };
    let mut broken = Vec::new();
    match (&cost.refused, within.work) {
        (None, Some(work)) if bomb.is_near_limit(work) => {}
        (None, _) => broken.push("far from the limit".to_owned()),
        (Some(_), _) => broken.push("refused".to_owned()),
    }
    broken.extend(over("s", cost.cpu_s, args.max_cpu_s));
    broken.extend(over("MiB", cost.peak_memory_mib, args.max_memory_mib));
    broken
}

/// What is wrong with a module beyond the limits.
fn broken_beyond(beyond: &Measured, args: &Args) -> impl Iterator<Item = String> {
    let mut broken = Vec::new();
    match &beyond.cost {
        None => broken.push("no result".to_owned()),
        Some(cost) => {
            broken.extend(cost.refused.is_none().then(|| "not refused".to_owned()));
            broken.extend(over("s", cost.cpu_s, args.max_refusal_s));
            broken.extend(over("MiB", cost.peak_memory_mib, args.max_memory_mib));
        }
    }
    broken.into_iter()
}

fn over(unit: &str, value: f64, limit: f64) -> Option<String> {
    (value > limit).then(|| format!("more than {limit} {unit}"))
}

/// Prints what the columns are.
pub fn print_header() {
    println!("{:<32}{:>32}{:>34}", "CPU seconds, MiB", "just within the limits", "far beyond them");
}

impl Row {
    /// Prints the bomb as a line of the table.
    pub fn print(&self) {
        let within = self.within.as_ref().map_or("-".to_owned(), Measured::column);
        let beyond = self.beyond.column();
        println!("{:<32}{within:>32}{beyond:>34}  {}", self.name, self.broken.join(", "));
    }
}

impl Measured {
    /// Pieces, share of the limit on work or that it was refused, CPU time and memory.
    fn column(&self) -> String {
        let Some(cost) = &self.cost else { return format!("{} -", self.pieces) };
        let share =
            self.work.map_or(String::new(), |work| format!("{:.0}%", 100.0 * work as f64 / WORK as f64));
        let answer = if cost.refused.is_some() { "refused" } else { &share };
        format!("{} {answer:>8} {:.3} {:5.0}", self.pieces, cost.cpu_s, cost.peak_memory_mib)
    }
}
