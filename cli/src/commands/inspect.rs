//! `evmc inspect`: what is in contracts, modules and artifacts.

use std::path::Path;

use evmc_abi::descriptor::Language;
use serde::Serialize;

use super::{backend, config, default_jobs, select, warn, wasm};
use crate::{
    args::InspectArgs,
    error::{CliError, ExitStatus, print_error},
    input::Contract,
    inspect::{
        self, Inspection, Problem, Totals,
        artifact::{self, ArtifactReport},
        dot,
        graph::Graph,
        svg,
        wasm::ModuleReport,
    },
    output,
    wasm::source,
};

/// An inspection as JSON.
#[derive(Default, Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<ArtifactReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    modules: Vec<ModuleReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contracts: Vec<Inspection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Totals>,
}

/// Looks into the inputs and tells what is there.
pub fn run(args: &InspectArgs) -> Result<ExitStatus, CliError> {
    let mut answer = Answer::default();
    let mut inputs = Vec::new();
    let mut status = ExitStatus::Success;
    for input in &args.inputs {
        let known = if let Some(bytes) = artifact::read(Path::new(input))? {
            report(input, &bytes, &mut answer)
        } else if let Some(module) = source::read(input)? {
            wasm::inspect::report(&module, &args.compile, &args.meter, args.measure)
                .map(|report| answer.modules.push(report))
        } else {
            inputs.push(input.clone());
            Ok(())
        };
        if let Err(error) = known {
            print_error(error);
            status = ExitStatus::Failed;
        }
    }
    if !inputs.is_empty() {
        let contracts = select(&inputs, args.contract.as_deref())?;
        contracts.iter().for_each(|contract| warn(&contract.warnings));
        if let Some(path) = &args.cfg {
            draw(args, path, &contracts)?;
        }
        let outcome = inspect_contracts(args, &contracts, &mut answer)?;
        status = if status == ExitStatus::Success { outcome } else { status };
    }
    print(args, &answer)?;
    Ok(status)
}

/// Checks an artifact and reads its descriptor, and what it holds of a module.
fn report(input: &str, bytes: &[u8], answer: &mut Answer) -> Result<(), CliError> {
    let path = Path::new(input);
    let artifact = artifact::check(path, bytes)?;
    answer.artifacts.push(ArtifactReport::new(path, &artifact));
    if artifact.language() == Language::Wasm {
        answer.modules.push(wasm::inspect::report_artifact(input, &artifact)?);
    }
    Ok(())
}

/// Inspects the contracts and adds up.
fn inspect_contracts(
    args: &InspectArgs,
    contracts: &[Contract],
    answer: &mut Answer,
) -> Result<ExitStatus, CliError> {
    let config = config(&args.compile, args.fork);
    let backend = args.measure.then(|| backend(&args.compile)).transpose()?;
    let threads = args.jobs.map_or_else(default_jobs, usize::from);
    let bar = output::progress(Some(contracts.len() as u64), contracts.len() < 2);
    let generator = backend.as_deref().map(|backend| backend as _);
    let results = inspect::inspect(contracts, &config, generator, threads, || bar.inc(1))?;
    bar.finish_and_clear();
    let mut status = ExitStatus::Success;
    let mut refused = 0;
    for result in results {
        match result {
            Ok(inspection) => answer.contracts.push(inspection),
            Err(Problem::Input(error)) => {
                print_error(error);
                status = ExitStatus::Unusable;
            }
            Err(Problem::Refused { contract, error }) => {
                refused += 1;
                print_error(CliError::Refused { contract, source: Box::new(error) });
                status = ExitStatus::Failed;
            }
        }
    }
    if args.stats {
        answer.stats = Some(Totals::new(&answer.contracts, refused));
        answer.contracts.clear();
    }
    Ok(status)
}

/// Draws the graph of the one contract.
fn draw(args: &InspectArgs, path: &Path, contracts: &[Contract]) -> Result<(), CliError> {
    let [contract] = contracts else {
        return Err(CliError::usage(
            format!("--cfg draws one contract, here are {}", contracts.len()),
            "choose one with --contract NAME",
        ));
    };
    let draw = match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => svg::draw,
        Some("dot") => dot::draw,
        _ => return Err(CliError::usage("--cfg takes a file that ends in .svg or .dot", "name it so")),
    };
    let graph = Graph::new(contract.runtime()?, args.fork);
    output::write_file(path, draw(&graph).as_bytes())
}

/// Prints the answer in the form that was asked for.
fn print(args: &InspectArgs, answer: &Answer) -> Result<(), CliError> {
    if args.json {
        return output::write_json(Path::new("-"), answer);
    }
    let mut parts: Vec<String> = answer.artifacts.iter().map(ArtifactReport::to_text).collect();
    parts.extend(answer.modules.iter().map(ModuleReport::to_text));
    parts.extend(answer.contracts.iter().map(contract_text));
    parts.extend(answer.stats.iter().map(totals_text));
    output::print(parts.join("\n"))
}

/// One contract for people.
fn contract_text(one: &Inspection) -> String {
    let found = &one.frontend;
    let mut text = format!(
        "contract      {}\ncode hash     {}\ncode          {} bytes, {} blocks\nfunctions     {} \
         specialised, {} generic\njumps         {} reachable, {} open\nstretches     {}\n",
        one.contract,
        one.code_hash,
        one.code_bytes,
        found.blocks,
        found.specialised_functions,
        found.generic_functions,
        found.jumps,
        found.open_jumps,
        found.stretches,
    );
    if found.recovery_given_up {
        text += "recovery      given up: over its budget\n";
    }
    if let Some(cost) = one.compiled {
        text += &format!("artifact      {} bytes, {:.1} ms\n", cost.artifact_bytes, cost.cpu_s * 1e3);
    }
    text
}

/// Figures over many contracts for people.
fn totals_text(totals: &Totals) -> String {
    let mut text = format!(
        "contracts     {} ({} bytes of code), {} refused\nresolved      {} ({:.2} %) have every reachable \
         jump resolved\njumps         {} reachable, {} open\nfunctions     {} specialised; {} contracts need \
         no generic code\nrecovery      given up for {}\nblocks        {}\nstretches     {}\n",
        totals.contracts,
        totals.code_bytes,
        totals.refused,
        totals.resolved,
        totals.resolved_percent,
        totals.jumps,
        totals.open_jumps,
        totals.specialised_functions,
        totals.without_generic_code,
        totals.recovery_given_up,
        totals.blocks,
        totals.stretches,
    );
    if let Some(cost) = &totals.compiled {
        text += &format!(
            "compile       {:.1} s of CPU time; median {:.2} ms, p99 {:.1} ms, max {:.1} ms ({})\n\
             artifacts     {} bytes\n",
            cost.cpu_s,
            cost.median_s * 1e3,
            cost.p99_s * 1e3,
            cost.max_s * 1e3,
            cost.slowest,
            cost.artifact_bytes,
        );
    }
    if let Some(bytes) = totals.peak_memory_bytes {
        text += &format!("peak memory   {} MiB\n", bytes >> 20);
    }
    text
}
