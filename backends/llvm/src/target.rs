//! LLVM's target machines: position-independent, from options and configuration alone.

use std::sync::Once;

use evmc_backend::{BackendError, Options};
use evmc_ir::{Module, Type, TypeClass};
use inkwell::OptimizationLevel;
use inkwell::targets::{CodeModel, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple};

use crate::config::Config;

/// Features of a machine for modules without vectors and floats. The convention of internal functions has
/// vector registers that a callee must preserve, and C functions do not: without such registers, no function
/// saves them around its calls of the host. Words are in 64-bit registers anyway.
const WITHOUT_VECTORS: &str = "-mmx,-sse,-x87";

/// Whether any value of a module is a vector or of floating point, or may be one where it calls other modules.
pub(crate) fn uses_vectors(module: &Module) -> bool {
    if module.instance.is_some() {
        return true;
    }
    let is_vector = |ty: Type| matches!(ty.class(), TypeClass::Float | TypeClass::Vector);
    module.functions.values().any(|func| func.values.values().any(|value| is_vector(value.ty)))
}

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
    uses_vectors: bool,
) -> Result<TargetMachine, BackendError> {
    let refused = |reason: String| BackendError::Target { triple: options.triple.clone(), reason };
    register_targets();
    let processor = config.processor(&options.triple, options.cpu).map_err(refused)?;
    let features = if is_x86(options) && !uses_vectors { WITHOUT_VECTORS } else { "" };
    let triple = TargetTriple::create(&options.triple);
    let target = Target::from_triple(&triple).map_err(|error| refused(error.to_string()))?;
    let machine =
        target.create_target_machine(&triple, processor, features, effort, RelocMode::PIC, CodeModel::Small);
    machine.ok_or_else(|| refused("LLVM has no machine for it".into()))
}

/// Whether the options are for x86-64.
pub(crate) fn is_x86(options: &Options) -> bool {
    options.triple.starts_with("x86_64")
}
