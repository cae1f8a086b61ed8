//! Looking into contracts and artifacts: what `evmc inspect` does.
//!
//! * [`Inspection`]: what the frontend finds in one code, and with `--measure` what compiling it costs.
//! * [`Totals`]: the same over many.
//! * [`artifact`]: what an artifact says about itself.
//! * [`graph`], [`dot`], [`svg`]: the control flow graph and two ways of drawing it.
//! * [`wasm`]: what is in a module of WebAssembly.

pub mod artifact;
pub mod dot;
pub mod graph;
pub mod svg;
pub mod wasm;

use evmc_backend::Backend;
use evmc_compiler::driver::{self, CompileError, Config};
use rayon::prelude::*;
use serde::Serialize;

use crate::{
    build::{Emit, Frontend, compile, on_threads},
    cpu_time,
    error::CliError,
    input::{Contract, InputError},
};

/// What is in one contract.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Name of the contract.
    pub contract: String,
    /// Keccak-256 of its code.
    pub code_hash: String,
    /// Size of its code, in bytes.
    pub code_bytes: usize,
    /// What the frontend found.
    pub frontend: Frontend,
    /// What compiling it costs, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled: Option<Cost>,
}

/// What compiling a contract costs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// CPU time, in seconds.
    pub cpu_s: f64,
    /// Size of the artifact, in bytes.
    pub artifact_bytes: usize,
}

/// A contract that could not be inspected.
#[derive(Debug)]
pub enum Problem {
    /// Its input has no code.
    Input(InputError),
    /// The compiler refuses it.
    Refused {
        /// Name of the contract.
        contract: String,
        /// Why.
        error: CompileError,
    },
}

/// Inspects contracts on so many threads; with a backend, compiles them as well. Results are in the order
/// of the contracts.
pub fn inspect(
    contracts: &[Contract],
    config: &Config,
    backend: Option<&dyn Backend>,
    threads: usize,
    done: impl Fn() + Sync,
) -> Result<Vec<Result<Inspection, Problem>>, CliError> {
    on_threads(threads, || {
        let one = |contract: &Contract| {
            let result = inspect_one(contract, config, backend);
            done();
            result
        };
        contracts.par_iter().map(one).collect()
    })
}

/// Inspects one contract.
fn inspect_one(
    contract: &Contract,
    config: &Config,
    backend: Option<&dyn Backend>,
) -> Result<Inspection, Problem> {
    let code = contract.runtime().map_err(Problem::Input)?;
    let refused = |error| Problem::Refused { contract: contract.full_name(), error };
    let (frontend, compiled) = match backend {
        None => (driver::lower(code, config).map_err(refused)?.statistics, None),
        Some(backend) => {
            let (result, took) = cpu_time::measure(|| compile(code, Emit::So, config, backend));
            let (artifact, statistics) = result.map_err(refused)?;
            let cost = Cost { cpu_s: took.as_secs_f64(), artifact_bytes: artifact.len() };
            (statistics, Some(cost))
        }
    };
    Ok(Inspection {
        contract: contract.full_name(),
        code_hash: format!("0x{}", hex::encode(driver::code_hash(code))),
        code_bytes: code.len(),
        frontend: frontend.into(),
        compiled,
    })
}

/// Figures over many contracts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Contracts inspected.
    pub contracts: usize,
    /// Contracts that could not be.
    pub refused: usize,
    /// Contracts whose reachable jumps are all resolved.
    pub resolved: usize,
    /// Those in percent of the contracts inspected.
    pub resolved_percent: f64,
    /// Contracts whose search for functions was over its budget.
    pub recovery_given_up: usize,
    /// Contracts that need no generic code.
    pub without_generic_code: usize,
    /// Size of all code, in bytes.
    pub code_bytes: usize,
    /// Basic blocks.
    pub blocks: u64,
    /// Functions whose stack slots are values.
    pub specialised_functions: u64,
    /// Reachable jumps.
    pub jumps: u64,
    /// Reachable jumps whose destinations are found at run time.
    pub open_jumps: u64,
    /// Stretches.
    pub stretches: u64,
    /// What compiling costs, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled: Option<CostTotals>,
    /// Greatest memory of this process, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

/// Figures over the cost of many compilations.
#[derive(Clone, Debug, Serialize)]
pub struct CostTotals {
    /// CPU time of all, in seconds.
    pub cpu_s: f64,
    /// Median CPU time of one, in seconds.
    pub median_s: f64,
    /// The time that 99 % stay below, in seconds.
    pub p99_s: f64,
    /// The longest time, in seconds.
    pub max_s: f64,
    /// Hash of the code that took longest.
    pub slowest: String,
    /// Size of all artifacts, in bytes.
    pub artifact_bytes: usize,
}

impl Totals {
    /// Adds up.
    pub fn new(inspections: &[Inspection], refused: usize) -> Self {
        let mut totals = Self { contracts: inspections.len(), refused, ..Self::default() };
        for Inspection { code_bytes, frontend, .. } in inspections {
            totals.resolved += usize::from(frontend.resolved);
            totals.recovery_given_up += usize::from(frontend.recovery_given_up);
            totals.without_generic_code += usize::from(frontend.generic_functions == 0);
            totals.code_bytes += code_bytes;
            totals.blocks += u64::from(frontend.blocks);
            totals.specialised_functions += u64::from(frontend.specialised_functions);
            totals.jumps += u64::from(frontend.jumps);
            totals.open_jumps += u64::from(frontend.open_jumps);
            totals.stretches += u64::from(frontend.stretches);
        }
        totals.resolved_percent = 100.0 * totals.resolved as f64 / inspections.len().max(1) as f64;
        totals.compiled = CostTotals::new(inspections);
        totals.peak_memory_bytes = peak_memory_bytes();
        totals
    }
}

impl CostTotals {
    /// Adds up; `None` where nothing was compiled.
    fn new(inspections: &[Inspection]) -> Option<Self> {
        let cost = |one: &Inspection| one.compiled.map(|cost| (cost, one.code_hash.clone()));
        let mut costs: Vec<_> = inspections.iter().filter_map(cost).collect();
        costs.sort_by(|(a, _), (b, _)| a.cpu_s.total_cmp(&b.cpu_s));
        let (slowest_cost, slowest) = costs.last()?.clone();
        let at = |share: f64| {
            let index = (share * costs.len() as f64) as usize;
            costs[index.min(costs.len() - 1)].0.cpu_s
        };
        Some(Self {
            cpu_s: costs.iter().map(|(cost, _)| cost.cpu_s).sum(),
            median_s: at(0.5),
            p99_s: at(0.99),
            max_s: slowest_cost.cpu_s,
            slowest,
            artifact_bytes: costs.iter().map(|(cost, _)| cost.artifact_bytes).sum(),
        })
    }
}

/// Greatest resident memory of this process so far, in bytes, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}
