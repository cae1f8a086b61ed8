//! `evmc inspect` of WebAssembly.

use evmc_artifact::CheckedArtifact;
use evmc_compiler::frontend::wasm as frontend;
use evmc_wasm_module::ModuleInfo;

use crate::{
    args::{CompileArgs, MeterArgs, WasmEngineName},
    build::Emit,
    cpu_time,
    error::CliError,
    inspect::{Cost, wasm::ModuleReport},
    wasm::{RefusalError, Source},
};

/// The report on a module; where `measured`, also what compiling it costs.
pub fn report(
    source: &Source,
    compile: &CompileArgs,
    meter: &MeterArgs,
    measured: bool,
) -> Result<ModuleReport, CliError> {
    let wasm = super::wasm_config(meter)?;
    let (ir, info, work) = frontend::weigh(&source.bytes, &wasm)
        .map_err(|error| super::refused(&source.origin, RefusalError::Module(error)))?;
    let mut report = ModuleReport::new(&source.origin, Some(source.bytes.len()), &info, Some(&ir));
    report.work = Some(work);
    if measured {
        let engine = super::engine(WasmEngineName::Native, compile, meter)?;
        let (artifact, took) = cpu_time::measure(|| engine.emit(&source.bytes, Emit::So));
        let artifact = artifact.map_err(|error| super::refused(&source.origin, error))?;
        report.compiled = Some(Cost { cpu_s: took.as_secs_f64(), artifact_bytes: artifact.len() });
    }
    Ok(report)
}

/// The report on the module that an artifact was made from.
pub fn report_artifact(origin: &str, artifact: &CheckedArtifact<'_>) -> Result<ModuleReport, CliError> {
    let info = ModuleInfo::from_bytes(artifact.module())
        .map_err(|error| CliError::BadArtifact { path: origin.into(), reason: error.to_string() })?;
    let bytes = artifact.descriptor().code_len as usize;
    Ok(ModuleReport::new(origin, Some(bytes), &info, None))
}
