//! Compiling contracts to files: what `evmc build` does.
//!
//! Each contract is compiled on its own, so the work spreads over threads and one refusal does not stop
//! the others. Names of output files are decided before anything is compiled; neither they nor the bytes
//! depend on the number of threads.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use evmc_backend::Backend;
use evmc_compiler::{
    driver::{self, CompileError, Config},
    frontend::evm::Statistics,
    pipeline,
};
use evmc_ir::text::print;
use rayon::prelude::*;
use serde::Serialize;

use crate::{
    cpu_time,
    error::CliError,
    input::{Contract, InputError},
    output,
};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Emit {
    /// The IR after all passes, as text
    Ir,
    /// The machine code as text
    Asm,
    /// A relocatable object file
    Obj,
    /// The artifact: a shared object
    So,
}

impl Emit {
    /// Ending of the files.
    const fn extension(self) -> &'static str {
        match self {
            Self::Ir => "eir",
            Self::Asm => "s",
            Self::Obj => "o",
            Self::So => "so",
        }
    }
}

/// Which code of a contract is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What calls run.
    Runtime,
    /// What deploys it.
    Initcode,
}

impl Part {
    /// That code of a contract.
    pub fn of(self, contract: &Contract) -> Result<&[u8], InputError> {
        match self {
            Self::Runtime => contract.runtime(),
            Self::Initcode => contract.initcode(),
        }
    }
}

/// Statistics of the frontend as they are told.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Frontend {
    /// Basic blocks of the bytecode.
    pub blocks: u32,
    /// Functions whose stack slots are values.
    pub specialised_functions: u32,
    /// Functions with the stack in memory.
    pub generic_functions: u32,
    /// Reachable jumps.
    pub jumps: u32,
    /// Reachable jumps whose destinations are found at run time.
    pub open_jumps: u32,
    /// Stretches: runs of operations whose gas is charged at once.
    pub stretches: u32,
    /// Whether the search for functions was over its budget.
    pub recovery_given_up: bool,
    /// Whether every reachable jump is resolved.
    pub resolved: bool,
}

impl From<Statistics> for Frontend {
    fn from(found: Statistics) -> Self {
        Self {
            blocks: found.blocks,
            specialised_functions: found.specialised_functions,
            generic_functions: found.generic_functions,
            jumps: found.jumps,
            open_jumps: found.open_jumps,
            stretches: found.stretches,
            recovery_given_up: found.recovery_given_up,
            resolved: found.is_resolved(),
        }
    }
}

/// A compiled contract.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// Name of the contract.
    pub contract: String,
    /// Where it was read from.
    pub origin: String,
    /// Keccak-256 of its code.
    pub code_hash: String,
    /// Size of its code, in bytes.
    pub code_bytes: usize,
    /// The file that was written.
    pub output: PathBuf,
    /// Size of that file, in bytes.
    pub output_bytes: usize,
    /// CPU time of compilation, in seconds.
    pub cpu_s: f64,
    /// What the frontend found.
    pub frontend: Frontend,
}

/// A contract that was not compiled.
#[derive(Debug)]
pub enum Refusal {
    /// Its input has no code that can be compiled.
    Input(InputError),
    /// The compiler refuses it.
    Compiler {
        /// Name of the contract.
        contract: String,
        /// Why.
        error: CompileError,
    },
    /// Its file cannot be written.
    Output(CliError),
}

/// A contract and the file that it is compiled to.
#[derive(Debug)]
pub struct Job<'a> {
    contract: &'a Contract,
    output: PathBuf,
}

/// Says where each contract goes.
///
/// `target` is a file for a single contract, unless it is a folder or ends in `/`; without it, files go to
/// the current folder. Contracts of the same name are told apart by their code hash.
pub fn plan<'a>(contracts: &'a [Contract], part: Part, target: Option<&Path>, emit: Emit) -> Vec<Job<'a>> {
    let named: Vec<_> = contracts
        .iter()
        .map(|contract| (contract.name.as_str(), part.of(contract).unwrap_or_default()))
        .collect();
    let outputs = outputs(&named, target, emit);
    contracts.iter().zip(outputs).map(|(contract, output)| Job { contract, output }).collect()
}

/// Files for codes with names, in the order of the codes; `target` is as in [`plan`].
pub fn outputs(named: &[(&str, &[u8])], target: Option<&Path>, emit: Emit) -> Vec<PathBuf> {
    if let ([_], Some(path)) = (named, target)
        && !names_folder(path)
    {
        return vec![path.to_owned()];
    }
    let folder = target.unwrap_or(Path::new(""));
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for (name, _) in named {
        *uses.entry(name).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let output = |&(name, code): &(&str, &[u8])| {
        let mut stem = file_name(name);
        if uses.get(name).is_some_and(|uses| *uses > 1) {
            stem = format!("{stem}-{}", hex::encode(&driver::code_hash(code)[..4]));
        }
        let mut unique = stem.clone();
        for number in 2.. {
            if taken.insert(unique.clone()) {
                break;
            }
            unique = format!("{stem}-{number}");
        }
        folder.join(format!("{unique}.{}", emit.extension()))
    };
    named.iter().map(output).collect()
}

/// Whether a path is meant as a folder.
fn names_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// A contract's name as a file's name: what could mean a folder or a hidden file is replaced.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.$".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(128).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

/// Compiles all jobs on `threads` threads; results are in the order of the jobs. `done` is called after
/// each of them.
pub fn build(
    jobs: &[Job<'_>],
    part: Part,
    emit: Emit,
    config: &Config,
    backend: &dyn Backend,
    threads: usize,
    done: impl Fn() + Sync,
) -> Result<Vec<Result<Built, Refusal>>, CliError> {
    on_threads(threads, || {
        let one = |job: &Job<'_>| {
            let result = build_one(job, part, emit, config, backend);
            done();
            result
        };
        jobs.par_iter().map(one).collect()
    })
}

/// Runs `work`, whose parallel parts use so many threads.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, CliError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| CliError::System {
        action: "start the compiler's threads",
        source: std::io::Error::other(error),
    })?;
    Ok(pool.install(work))
}

/// Compiles one contract and writes the file.
fn build_one(
    job: &Job<'_>,
    part: Part,
    emit: Emit,
    config: &Config,
    backend: &dyn Backend,
) -> Result<Built, Refusal> {
    let contract = job.contract;
    let code = part.of(contract).map_err(Refusal::Input)?;
    let (compiled, took) = cpu_time::measure(|| compile(code, emit, config, backend));
    let (bytes, statistics) =
        compiled.map_err(|error| Refusal::Compiler { contract: contract.full_name(), error })?;
    output::write_file(&job.output, &bytes).map_err(Refusal::Output)?;
    Ok(Built {
        contract: contract.full_name(),
        origin: contract.origin.clone(),
        code_hash: format!("0x{}", hex::encode(driver::code_hash(code))),
        code_bytes: code.len(),
        output: job.output.clone(),
        output_bytes: bytes.len(),
        cpu_s: took.as_secs_f64(),
        frontend: statistics.into(),
    })
}

/// Compiles code as far as `emit` says.
///
/// # Errors
/// The compiler's refusal.
pub fn compile(
    code: &[u8],
    emit: Emit,
    config: &Config,
    backend: &dyn Backend,
) -> Result<(Vec<u8>, Statistics), CompileError> {
    if emit == Emit::So {
        let compiled = driver::compile(code, config, backend)?;
        return Ok((compiled.artifact, compiled.statistics));
    }
    let lowered = driver::lower(code, config)?;
    let bytes = match emit {
        Emit::Ir => print(&lowered.module).into_bytes(),
        Emit::Asm => {
            backend.assembly(&lowered.module, &pipeline::with_legal_passes(&config.backend))?.into_bytes()
        }
        Emit::Obj | Emit::So => {
            backend.compile(&lowered.module, &pipeline::with_legal_passes(&config.backend))?.bytes
        }
    };
    Ok((bytes, lowered.statistics))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(name: &str, code: u8) -> Contract {
        Contract::bare(name.to_owned(), "test".to_owned(), Ok(vec![code]))
    }

    fn outputs(contracts: &[Contract], target: Option<&str>) -> Vec<String> {
        let jobs = plan(contracts, Part::Runtime, target.map(Path::new), Emit::So);
        jobs.iter().map(|job| job.output.display().to_string()).collect()
    }

    #[test]
    fn files_have_names_of_their_own() {
        assert_eq!(outputs(&[contract("A", 0)], None), ["A.so"]);
        assert_eq!(outputs(&[contract("A", 0)], Some("x/y.so")), ["x/y.so"]);
        assert_eq!(outputs(&[contract("A", 0)], Some("x/")), ["x/A.so"]);
        let two = [contract("../A", 0), contract("B", 0)];
        assert_eq!(outputs(&two, Some("out")), ["out/_.._A.so", "out/B.so"]);
        let same = outputs(&[contract("A", 0), contract("A", 1), contract("A", 1)], None);
        assert_eq!(same.iter().collect::<HashSet<_>>().len(), 3, "{same:?}");
    }
}
