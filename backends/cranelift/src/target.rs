//! Cranelift's settings for a target: position-independent, from the options alone.

use std::str::FromStr;

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable, SetError};
use evmc_backend::{BackendError, CpuLevel, OptLevel, Options};
use target_lexicon::{Architecture, BinaryFormat, Triple};

/// Processor features of x86-64-v3 that Cranelift knows.
const V3: [&str; 12] = [
    "has_sse3",
    "has_ssse3",
    "has_cmpxchg16b",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_avx",
    "has_avx2",
    "has_fma",
    "has_bmi1",
    "has_bmi2",
    "has_lzcnt",
];

/// The instruction set that the options ask for, at an optimisation level.
pub(crate) fn isa(options: &Options, level: OptLevel) -> Result<OwnedTargetIsa, BackendError> {
    let target = |reason: String| BackendError::Target { triple: options.triple.clone(), reason };
    let triple = Triple::from_str(&options.triple).map_err(|error| target(error.to_string()))?;
    if triple.architecture != Architecture::X86_64 || triple.binary_format != BinaryFormat::Elf {
        return Err(target("this backend compiles for x86-64 and ELF only".into()));
    }
    let flags = flags(level).map_err(|error| target(error.to_string()))?;
    let mut builder = isa::lookup(triple).map_err(|error| target(error.to_string()))?;
    if options.cpu == CpuLevel::V3 {
        for feature in V3 {
            builder.enable(feature).map_err(|error| target(error.to_string()))?;
        }
    }
    builder.finish(flags).map_err(|error| target(error.to_string()))
}

/// Settings that do not depend on the processor.
fn flags(level: OptLevel) -> Result<settings::Flags, SetError> {
    let mut builder = settings::builder();
    let (optimise, allocator) = match level {
        OptLevel::None => ("none", "single_pass"),
        OptLevel::Less => ("none", "backtracking"),
        OptLevel::Default | OptLevel::Aggressive => ("speed", "backtracking"),
    };
    builder.set("opt_level", optimise)?;
    builder.set("regalloc_algorithm", allocator)?;
    // Entry points of artifacts are aligned to 16 bytes.
    builder.set("log2_min_function_alignment", "4")?;
    // Calls in the place of their caller need them; here every function has one anyway.
    builder.set("preserve_frame_pointers", "true")?;
    builder.set("is_pic", "true")?;
    builder.set("unwind_info", "true")?;
    builder.set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" })?;
    // Large frames touch their pages in order, so the guard page of the stack stops them.
    builder.set("enable_probestack", "true")?;
    builder.set("probestack_strategy", "inline")?;
    Ok(settings::Flags::new(builder))
}
