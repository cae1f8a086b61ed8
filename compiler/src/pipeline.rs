//! The passes, in order, and the loop that runs them.

use std::time::{Duration, Instant};

use evmc_abi::descriptor::Language;
use evmc_backend::{LegalPasses, OptLevel, Options};
use evmc_ir::Module;

use crate::passes::{
    clamp, counted_loop, dead_code, dead_store, ensure, fold, forward, gvn, inline, merge_blocks,
    merge_checks, nan, narrow, simplify, stretches, trivial_params,
};

/// A pass over a module.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name: the file, the command line flag and the trace span are the same.
    pub name: &'static str,
    /// What it does, in one line.
    pub what: &'static str,
    /// Lowest level at which it runs.
    pub from: OptLevel,
    /// Languages of the modules that it runs on.
    pub languages: &'static [Language],
    /// Runs it; gives the number of changes.
    pub run: fn(&mut Module) -> usize,
}

/// A pass that must come before another, and why.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The pass that comes first.
    pub before: &'static str,
    /// The pass that comes later.
    pub after: &'static str,
    /// Why.
    pub why: &'static str,
}

/// Passes that any module gains from.
const ALL: &[Language] = Language::ALL;

/// Passes about words, VM memory, storage or stretches, of which WebAssembly has none.
const EVM: &[Language] = &[Language::Evm];

/// Passes about what only WebAssembly has.
const WASM: &[Language] = &[Language::Wasm];

/// The language that a module comes from.
pub fn language(module: &Module) -> Language {
    if module.instance.is_some() { Language::Wasm } else { Language::Evm }
}

/// THE pass list.
pub const PIPELINE: &[Pass] = &[
    Pass {
        name: "trivial_params",
        what: "removes block parameters that always hold one value",
        from: OptLevel::None,
        languages: ALL,
        run: trivial_params::run,
    },
    Pass {
        name: "fold",
        what: "folds operations and branches on constants",
        from: OptLevel::None,
        languages: ALL,
        run: fold::run,
    },
    Pass {
        name: "dead_code",
        what: "removes what nothing uses or reaches",
        from: OptLevel::None,
        languages: ALL,
        run: dead_code::run,
    },
    Pass {
        name: "merge_blocks",
        what: "merges a block into its only predecessor and threads jumps through empty blocks",
        from: OptLevel::Less,
        languages: ALL,
        run: merge_blocks::run,
    },
    Pass {
        name: "inline",
        what: "puts small functions and those with one call in the place of their calls",
        from: OptLevel::Default,
        languages: ALL,
        run: inline::run,
    },
    Pass {
        name: "trivial_params",
        what: "the same behind inlining",
        from: OptLevel::Default,
        languages: ALL,
        run: trivial_params::run,
    },
    Pass {
        name: "fold",
        what: "the same behind inlining",
        from: OptLevel::Default,
        languages: ALL,
        run: fold::run,
    },
    Pass {
        name: "forward",
        what: "replaces loads and hashes of words of memory and storage that are known",
        from: OptLevel::Default,
        languages: EVM,
        run: forward::run,
    },
    Pass {
        name: "ensure",
        what: "removes checks of memory accesses that an earlier one makes superfluous",
        from: OptLevel::Less,
        languages: EVM,
        run: ensure::run,
    },
    Pass {
        name: "dead_code",
        what: "the same behind inlining",
        from: OptLevel::Default,
        languages: ALL,
        run: dead_code::run,
    },
    Pass {
        name: "merge_blocks",
        what: "the same behind inlining",
        from: OptLevel::Default,
        languages: ALL,
        run: merge_blocks::run,
    },
    Pass {
        name: "merge_checks",
        what: "merges gas charges and checks of memory accesses where nothing can observe it",
        from: OptLevel::Default,
        languages: EVM,
        run: merge_checks::run,
    },
    Pass {
        name: "nan",
        what: "settles which NaN a result is only where somebody can tell",
        from: OptLevel::Less,
        languages: WASM,
        run: nan::run,
    },
    Pass {
        name: "simplify",
        what: "rewrites operations by algebraic rules and by what is known of their operands",
        from: OptLevel::Less,
        languages: ALL,
        run: simplify::run,
    },
    Pass {
        name: "gvn",
        what: "computes what was computed before only once",
        from: OptLevel::Default,
        languages: ALL,
        run: gvn::run,
    },
    Pass {
        name: "forward",
        what: "the same where two keys are seen to be one",
        from: OptLevel::Default,
        languages: EVM,
        run: forward::run,
    },
    Pass {
        name: "dead_store",
        what: "removes stores to memory that nothing reads",
        from: OptLevel::Default,
        languages: EVM,
        run: dead_store::run,
    },
    Pass {
        name: "clamp",
        what: "counts down in 64 bits where gas allows too few turns for more",
        from: OptLevel::Default,
        languages: EVM,
        run: clamp::run,
    },
    Pass {
        name: "narrow",
        what: "computes in fewer bits what is a word of 256 in the source",
        from: OptLevel::Less,
        languages: EVM,
        run: narrow::run,
    },
    Pass {
        name: "simplify",
        what: "the same on narrow operations",
        from: OptLevel::Less,
        languages: ALL,
        run: simplify::run,
    },
    Pass {
        name: "fold",
        what: "the same on simpler code",
        from: OptLevel::Less,
        languages: ALL,
        run: fold::run,
    },
    Pass {
        name: "dead_code",
        what: "the same on simpler code",
        from: OptLevel::Less,
        languages: ALL,
        run: dead_code::run,
    },
    Pass {
        name: "merge_blocks",
        what: "the same on simpler code",
        from: OptLevel::Less,
        languages: ALL,
        run: merge_blocks::run,
    },
    Pass {
        name: "counted_loop",
        what: "gives loops whose turns can be counted a copy without checks",
        from: OptLevel::Default,
        languages: WASM,
        run: counted_loop::run,
    },
    Pass {
        name: "merge_blocks",
        what: "the same around copies of loops",
        from: OptLevel::Default,
        languages: WASM,
        run: merge_blocks::run,
    },
    Pass {
        name: "stretches",
        what: "numbers first what failed checks may name, so that artifacts need not have the others",
        from: OptLevel::None,
        languages: EVM,
        run: stretches::run,
    },
];

/// The passes over the legal form, where a backend has one, from [`OptLevel::Default`] on: halves of
/// words are known better and asked for less than the words.
pub const LEGAL: &[fn(&mut Module) -> usize] = &[simplify::run, narrow::run, simplify::run, dead_code::run];

/// Options with the passes over the legal form that their level asks for.
pub fn with_legal_passes(options: &Options) -> Options {
    let mut options = options.clone();
    if options.level >= OptLevel::Default {
        options.legal_passes = LegalPasses(|module| {
            // Without words the legal form is the form that there was before.
            if language(module) == Language::Evm {
                for pass in LEGAL {
                    pass(module);
                }
            }
        });
    }
    options
}

/// What the order of [`PIPELINE`] must respect.
pub const ORDER: &[Order] = &[
    Order {
        before: "trivial_params",
        after: "fold",
        why: "a constant behind a parameter is not seen as one",
    },
    Order { before: "fold", after: "dead_code", why: "folding leaves constants unused and blocks unreached" },
    Order { before: "forward", after: "ensure", why: "pointers that went through memory are seen as sums" },
    Order { before: "inline", after: "ensure", why: "what a caller made sure of is seen in its callee" },
    Order { before: "merge_blocks", after: "merge_checks", why: "checks are merged inside blocks" },
    Order {
        before: "ensure",
        after: "merge_checks",
        why: "it splits blocks and hides what checks are about",
    },
    Order {
        before: "merge_checks",
        after: "simplify",
        why: "checks are told from other code by their shape, which rules change",
    },
    Order { before: "simplify", after: "gvn", why: "rules give one form to what can be written in several" },
    Order { before: "nan", after: "gvn", why: "it settles a value anew in each block where it is seen" },
    Order { before: "gvn", after: "clamp", why: "a step that is computed twice is not seen as one" },
    Order { before: "clamp", after: "narrow", why: "it knows counters and constants as words" },
    Order { before: "forward", after: "dead_store", why: "a store is dead once its loads take the value" },
    Order {
        before: "simplify",
        after: "narrow",
        why: "simpler forms have tighter bounds and ask for fewer bits",
    },
    Order { before: "merge_blocks", after: "counted_loop", why: "it looks at loops of one block" },
    Order { before: "nan", after: "counted_loop", why: "it copies what is left" },
    Order { before: "dead_code", after: "stretches", why: "what is not reached names none" },
];

/// What a pass did.
#[derive(Clone, Copy, Debug)]
pub struct PassReport {
    /// Its name.
    pub name: &'static str,
    /// Number of changes.
    pub changes: usize,
    /// Time it took.
    pub time: Duration,
}

/// Runs every pass of a level for the module's language; `check` sees the module before the first and after each.
///
/// # Errors
/// The first that `check` gives.
pub fn run<E>(
    module: &mut Module,
    level: OptLevel,
    mut check: impl FnMut(&'static str, &Module) -> Result<(), E>,
) -> Result<Vec<PassReport>, E> {
    check("lower", module)?;
    let mut reports = Vec::with_capacity(PIPELINE.len());
    let language = language(module);
    for pass in PIPELINE.iter().filter(|pass| pass.from <= level && pass.languages.contains(&language)) {
        let start = Instant::now();
        let changes = (pass.run)(module);
        reports.push(PassReport { name: pass.name, changes, time: start.elapsed() });
        check(pass.name, module)?;
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_respects_its_order() {
        let place = |name| PIPELINE.iter().position(|pass| pass.name == name).expect(name);
        for order in ORDER {
            assert!(place(order.before) < place(order.after), "{}", order.why);
        }
    }
}
