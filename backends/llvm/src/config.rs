//! `llvm.toml`: what the backend asks of LLVM, as data.

use std::collections::BTreeMap;

use evmc_backend::{CpuLevel, OptLevel};
use inkwell::OptimizationLevel;
use serde::Deserialize;

/// The configuration that is compiled in.
const BUILT_IN: &str = include_str!("../../../llvm.toml");

/// Major version of the LLVM that this crate is linked with.
const LINKED_VERSION: u32 = 22;

/// A processor name that stands for every level, on architectures without levels.
const ANY_LEVEL: &str = "generic";

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not TOML, or a key is unknown or missing.
    #[error("{0}")]
    Syntax(String),
    /// It is for another LLVM.
    #[error("it is for LLVM {0}; this build has LLVM {LINKED_VERSION}")]
    Version(u32),
}

/// What the backend asks of LLVM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Major version of LLVM.
    version: u32,
    /// For each triple the processors by the names of the levels.
    targets: BTreeMap<String, BTreeMap<String, String>>,
    /// Optimisation levels.
    levels: Levels,
}

/// One entry for each level.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    #[serde(rename = "0")]
    none: Level,
    #[serde(rename = "1")]
    less: Level,
    #[serde(rename = "2")]
    default: Level,
    #[serde(rename = "3")]
    aggressive: Level,
}

/// An optimisation level.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Level {
    /// Effort of the code generator.
    codegen: Codegen,
    /// Passes in the notation of `opt -passes`.
    passes: String,
    /// What runs behind them on modules of WebAssembly.
    #[serde(default)]
    wasm_passes: String,
}

/// Effort of LLVM's code generator.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Codegen {
    None,
    Less,
    Default,
    Aggressive,
}

impl Level {
    /// Passes for a module, of WebAssembly or not.
    pub fn passes(&self, is_wasm: bool) -> String {
        let own = if is_wasm { self.wasm_passes.as_str() } else { "" };
        [self.passes.as_str(), own]
            .into_iter()
            .filter(|passes| !passes.is_empty())
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Effort of the code generator in LLVM's terms.
    pub fn codegen(&self) -> OptimizationLevel {
        match self.codegen {
            Codegen::None => OptimizationLevel::None,
            Codegen::Less => OptimizationLevel::Less,
            Codegen::Default => OptimizationLevel::Default,
            Codegen::Aggressive => OptimizationLevel::Aggressive,
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// It is not one, or is one for another LLVM.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        match config.version {
            LINKED_VERSION => Ok(config),
            version => Err(ConfigError::Version(version)),
        }
    }

    /// What is asked at a level.
    pub(crate) fn level(&self, level: OptLevel) -> &Level {
        match level {
            OptLevel::None => &self.levels.none,
            OptLevel::Less => &self.levels.less,
            OptLevel::Default => &self.levels.default,
            OptLevel::Aggressive => &self.levels.aggressive,
        }
    }

    /// LLVM's name of a processor level of a target, or why there is none.
    pub(crate) fn processor(&self, triple: &str, cpu: CpuLevel) -> Result<&str, String> {
        let Some(processors) = self.targets.get(triple) else {
            let known: Vec<_> = self.targets.keys().map(String::as_str).collect();
            return Err(format!("llvm.toml has no such target, only {}", known.join(", ")));
        };
        let found = processors.get(cpu.name()).or_else(|| processors.get(ANY_LEVEL));
        found.map(String::as_str).ok_or_else(|| format!("llvm.toml names no processor for {}", cpu.name()))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::parse(BUILT_IN).expect("the configuration that is compiled in is valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_one_is_complete() {
        let config = Config::default();
        for cpu in [CpuLevel::Baseline, CpuLevel::V3] {
            assert_eq!(config.processor("x86_64-unknown-linux-gnu", cpu), Ok(cpu.name()));
            assert_eq!(config.processor("aarch64-unknown-linux-gnu", cpu), Ok("generic"));
            assert!(config.processor("riscv64-unknown-linux-gnu", cpu).is_err());
        }
    }

    #[test]
    fn mistakes_are_told() {
        let changed = |from: &str, to: &str| Config::parse(&BUILT_IN.replacen(from, to, 1)).map(drop);
        let key = changed("codegen =", "effort =").unwrap_err().to_string();
        assert!(key.contains("unknown field `effort`"), "{key}");
        let key = changed("version = 22", "version = 22\nfast = true").unwrap_err().to_string();
        assert!(key.contains("unknown field `fast`"), "{key}");
        assert_eq!(changed("version = 22", "version = 21"), Err(ConfigError::Version(21)));
    }
}
