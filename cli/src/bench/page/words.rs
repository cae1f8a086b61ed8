//! What pages say about contracts, and what they say about WebAssembly.
//!
//! Everything that depends on what was measured is here; the page around it is the same.

use super::plural;
use crate::bench::report::{Language, Report};

/// The parts of a page's text that depend on what was measured.
pub struct Words {
    /// The page's title.
    pub title: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// What was run, as one and as many.
    pub work: (&'static str, &'static str),
    /// What a time is the time of, with its article.
    pub a_work: &'static str,
    /// What is compiled.
    pub code: &'static str,
    /// What a bar of the chart means.
    pub bars: String,
    /// What the picture's times are of.
    pub picture: &'static str,
    /// How times and outcomes were taken.
    pub method: &'static str,
    /// What compile time is.
    pub compile: &'static str,
    /// What a reader must not take the figures for.
    pub caveats: &'static str,
    /// The command line that repeats the run.
    pub command: &'static str,
    /// What the reference is called in a sentence.
    pub reference: String,
    /// The introduction.
    pub lede: String,
}

impl Words {
    /// The words for a report.
    pub fn of(report: &Report) -> Self {
        match report.language {
            Language::Evm => Self::evm(report),
            Language::Wasm => Self::wasm(report),
        }
    }

    fn evm(report: &Report) -> Self {
        let reference = format!("the {}", report.reference);
        Self {
            title: "evmc: compiled contracts against the interpreter",
            question: "How much faster is a compiled contract?",
            work: ("transaction", "transactions"),
            a_work: "a transaction",
            code: "contract",
            bars: format!(
                "Each bar begins at 1×, which is {reference}, and ends at how many times as fast the compiled contract was"
            ),
            picture: "whole transactions",
            method: EVM_METHOD,
            compile: EVM_COMPILE,
            caveats: EVM_CAVEATS,
            command: "evmc bench --html bench.html",
            lede: format!(
                "Ethereum nodes run smart contracts by interpreting their bytecode, one operation after the other. evmc \
                 translates that bytecode to machine code ahead of time. Here both did the same {} on the same machine, with \
                 the same outcome.",
                plural(report.rows.len(), "transaction", "transactions")
            ),
            reference,
        }
    }

    fn wasm(report: &Report) -> Self {
        let reference = report.reference.clone();
        Self {
            title: "evmc: a function of WebAssembly in several engines",
            question: "How fast is compiled WebAssembly?",
            work: ("call", "calls"),
            a_work: "a call",
            code: "module",
            bars: format!(
                "Each bar begins at 1×, which is {}, and ends at how many times as fast the other engine was",
                super::escape(&reference)
            ),
            picture: "calls",
            method: WASM_METHOD,
            compile: WASM_COMPILE,
            caveats: WASM_CAVEATS,
            command: "evmc bench MODULE --invoke NAME ARG… --html bench.html",
            lede: format!(
                "evmc translates WebAssembly to machine code ahead of time, with gas or without. Here {} did the same {} on \
                 the same machine, with the same results.",
                plural(report.engines.len(), "engine", "engines"),
                plural(report.rows.len(), "call", "calls")
            ),
            reference,
        }
    }
}

const EVM_METHOD: &str = "What counts is CPU time of the thread for the whole transaction: validation, execution, and collecting the \
changes to the state, always from the same state. A ratio is the interpreter’s time divided by the engine’s in the same \
round; shown is the median over the rounds. The outcome of every batch (status, gas, output, logs and state) was compared with \
the interpreter’s, and where the benchmark says what must come out, with that.";

const EVM_COMPILE: &str = "Compile time is CPU time from bytecode to machine code in memory, for all contracts that the transaction \
calls. It is not part of run time.";

const EVM_CAVEATS: &str = "\
<li>These are transactions that compute a lot. Real blocks spend much of their time on state, hashing, signatures and \
precompiled contracts, which a compiler does not make faster; the gain for a whole block is far smaller.</li>\
<li>State is in memory. With a database behind it, the difference becomes smaller.</li>\
<li>The same transaction ran again and again, after it was compiled: code and data were warm in the processor’s caches, and \
what an engine remembers from one transaction to the next, such as hashes of mapping keys, was there.</li>\
<li>Another processor gives other ratios, mostly by some percent.</li>";

const WASM_METHOD: &str = "What counts is CPU time of the thread for the call, through each engine’s interface for functions of any \
type, again and again in one instance. A ratio is the reference’s time divided by the engine’s in the same round; shown is the \
median over the rounds. The results of every batch were compared with the reference’s; after the first call also the exported \
memories, except of engines whose NaNs are not determined, and among engines that count gas by the same table the gas used.";

const WASM_COMPILE: &str =
    "Compile time is CPU time from the module to machine code. It is not part of run time.";

const WASM_CAVEATS: &str = "\
<li>Engines promise different things: to count gas or fuel, or to give the same NaN everywhere, costs time. Below it is said \
what each of them does.</li>\
<li>The same call ran again and again: code and data were warm in the processor’s caches.</li>\
<li>One function says little about others, and another processor gives other ratios.</li>";
