//! Adversarial modules of WebAssembly: made of nothing but what is dear to compile.
//!
//! A module may be far larger than a contract, so what bounds compiling it is the limit on work. Each [`WasmBomb`] makes
//! modules of any number of pieces, and is asked for two: one that weighs nearly the limit ([`WasmBomb::within`]), which holds
//! weights against what compiling takes, and one far beyond it, which is to be refused.
//!
//! * [`repeated`]: one giant function that repeats a few operators.
//! * [`shapes`]: nesting, tables of branches, locals, values that are held across blocks.
//! * [`sections`]: many functions and signatures, large segments, code that cannot be reached.
//! * [`parts`]: what all of them are built of.
//!
//! No bomb is meant to run.

mod parts;
mod repeated;
mod sections;
mod shapes;

use evmc_compiler::driver::{self, CompileError, Config};
use evmc_compiler::frontend::wasm::{WORK, WasmConfig};

/// A family of adversarial modules.
#[derive(Clone, Copy, Debug)]
pub struct WasmBomb {
    /// Its name, unique; begins with `wasm_`.
    pub name: &'static str,
    /// What the module is.
    pub what: &'static str,
    /// A module of this many pieces.
    pub generate: fn(usize) -> Vec<u8>,
    /// How many pieces are just within the limits.
    within: Within,
    /// How many are far beyond them.
    pub beyond: usize,
}

/// How many pieces are just within the limits.
#[derive(Clone, Copy, Debug)]
enum Within {
    /// As many as the limit on work allows; this many are a small part of that.
    Work(usize),
    /// This many; what bounds them is another limit.
    Pieces(usize),
}

/// Every family.
pub fn all() -> impl Iterator<Item = &'static WasmBomb> {
    [repeated::BOMBS, shapes::BOMBS, sections::BOMBS].into_iter().flatten()
}

/// Work that modules within the limit are made for.
const AIM: f64 = 0.97 * WORK as f64;

/// A module that weighs less of the limit says little about it.
const LEAST_SHARE: f64 = 0.85;

/// How much work compiling a module is.
///
/// # Errors
/// It is refused.
pub fn weight(wasm: &[u8], config: &Config) -> Result<u64, CompileError> {
    Ok(driver::lower_wasm(wasm, config, &WasmConfig::default())?.work)
}

impl WasmBomb {
    /// The number of pieces that is just within the limits. Weights are linear in it, or nearly so: a part of the limit
    /// tells how many are all of it.
    ///
    /// # Errors
    /// A part of the limit is refused.
    pub fn within(&self, config: &Config) -> Result<usize, CompileError> {
        let few = match self.within {
            Within::Pieces(pieces) => return Ok(pieces),
            Within::Work(few) => few,
        };
        let weigh = |pieces| weight(&(self.generate)(pieces), config).map(|work| work as f64);
        let (one, two) = (weigh(few)?, weigh(2 * few)?);
        let piece = (two - one) / few as f64;
        Ok(2 * few + ((AIM - two) / piece).max(0.0) as usize)
    }

    /// Whether a module within the limits weighs enough to say something about them.
    pub fn is_near_limit(&self, work: u64) -> bool {
        matches!(self.within, Within::Pieces(_)) || work as f64 >= LEAST_SHARE * WORK as f64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_tell_the_language() {
        let names: BTreeSet<_> = all().map(|bomb| bomb.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.iter().all(|name| name.starts_with("wasm_")));
    }

    #[test]
    fn modules_are_valid_and_weigh_more_with_each_piece() {
        let weigh = |bomb: &WasmBomb, pieces| {
            let work = weight(&(bomb.generate)(pieces), &Config::default());
            work.unwrap_or_else(|error| panic!("{}, {pieces} pieces: {error}", bomb.name))
        };
        for bomb in all() {
            let few = match bomb.within {
                Within::Work(few) => few / 10,
                Within::Pieces(_) => 1_000,
            };
            let (one, two) = (weigh(bomb, few), weigh(bomb, 2 * few));
            let grows = matches!(bomb.within, Within::Work(_));
            assert_eq!(two > one, grows, "{}: {one}, then {two}", bomb.name);
        }
    }
}
