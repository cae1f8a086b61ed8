//! Compiling in the background on the command line: by this program's own binary, told in words.

use std::{collections::BTreeMap, ffi::OsString, fmt::Write, fs, path::Path, sync::Arc, time::Duration};

use clap::ValueEnum;
use evmc_background::{BackgroundCompiler, Options};
use evmc_revm::StoreCodes;
use serde::Serialize;

use crate::{
    args::{CompileArgs, ReplayArgs},
    error::CliError,
};

/// Time between two looks at whether all is done. What is waited for has limits of its own.
const LOOK: Duration = Duration::from_secs(1);

/// Makes the folder of a store that is to be filled.
///
/// # Errors
/// The system refuses.
pub fn make_folder(folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(|source| CliError::Write { path: folder.to_owned(), source })
}

/// Starts compiling for a store as the arguments say.
///
/// # Errors
/// The system refuses, or a file is missing.
pub fn start(codes: &Arc<StoreCodes>, args: &ReplayArgs) -> Result<BackgroundCompiler, CliError> {
    let failed = |source| CliError::System { action: "compile in the background", source };
    let mut options = Options::new(std::env::current_exe().map_err(failed)?);
    options.arguments = arguments(&args.compile);
    options.sign.clone_from(&args.sign);
    options.gas_per_byte = args.gas_per_byte;
    BackgroundCompiler::start(Arc::clone(codes), options).map_err(failed)
}

/// Arguments of `evmc build` that say the same as these.
fn arguments(compile: &CompileArgs) -> Vec<OsString> {
    let backend = compile.backend.to_possible_value();
    let backend = backend.as_ref().map_or("cranelift", |value| value.get_name());
    let level = compile.level.to_string();
    let mut all = vec!["--backend", backend, "--target", &compile.target, "-O", &level];
    all.extend(["--cpu", compile.cpu.name()]);
    all.extend(compile.no_specialise.then_some("--no-specialise"));
    all.extend(compile.verify_ir.then_some("--verify-ir"));
    let mut all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
    if let Some(config) = &compile.llvm_config {
        all.extend(["--llvm-config".into(), config.into()]);
    }
    all
}

/// What was compiled in the background.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Codes that were worth it.
    pub queued: u64,
    /// Codes that the store has now.
    pub compiled: u64,
    /// Codes that were not compiled, by reason.
    pub failed: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Waits until what is asked for is compiled, and tells what came of it.
    pub fn at_the_end(compiler: &BackgroundCompiler) -> Self {
        while !compiler.wait_idle(LOOK) {}
        let counts = compiler.counts();
        let failed = counts.failed.into_iter().map(|(failure, count)| (failure.name(), count)).collect();
        Self { queued: counts.queued, compiled: counts.compiled, failed }
    }

    /// The report for people, one line.
    pub fn to_text(&self) -> String {
        let Self { queued, compiled, failed } = self;
        let mut text = format!("in the background: {queued} codes queued, {compiled} compiled");
        for (reason, count) in failed {
            // Writing to a string does not fail.
            let _ = write!(text, ", {count} failed ({reason})");
        }
        text + "\n"
    }
}
