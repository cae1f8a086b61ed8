//! LLVM's target machines: position-independent, from options and configuration alone.

use std::sync::Once;

use evmc_backend::{BackendError, Options};
use inkwell::OptimizationLevel;
use inkwell::targets::{CodeModel, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple};

use crate::config::Config;

/// Registers the targets of this build with LLVM, once in a process.
fn register_targets() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        Target::initialize_x86(&InitializationConfig::default());
        Target::initialize_aarch64(&InitializationConfig::default());
    });
}

/// The target machine for these options, with an effort of the code generator.
pub(crate) fn machine(
    options: &Options,
    config: &Config,
    effort: OptimizationLevel,
) -> Result<TargetMachine, BackendError> {
    let refused = |reason: String| BackendError::Target { triple: options.triple.clone(), reason };
    register_targets();
    let processor = config.processor(&options.triple, options.cpu).map_err(refused)?;
    let triple = TargetTriple::create(&options.triple);
    let target = Target::from_triple(&triple).map_err(|error| refused(error.to_string()))?;
    let machine =
        target.create_target_machine(&triple, processor, "", effort, RelocMode::PIC, CodeModel::Small);
    machine.ok_or_else(|| refused("LLVM has no machine for it".into()))
}

/// Whether the options are for x86-64.
pub(crate) fn is_x86(options: &Options) -> bool {
    options.triple.starts_with("x86_64")
}
