//! Real blocks under every schedule, on several numbers of threads that are disturbed, compared with what mainnet
//! made of them.

use std::sync::Arc;

use evmc::replay::{self, ReplayBlock};
use evmc_parallel::{AccessList, BlockEngine, Options, Outcome, PreState, Schedule};
use evmc_revm::{CodeSource, FrameCounts};

/// A schedule, without what it needs from a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Schedule::Sequential`].
    Sequential,
    /// [`Schedule::Bal`], with the list of a run before.
    Bal,
    /// [`Schedule::Optimistic`].
    Optimistic,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sequential, Self::Bal, Self::Optimistic];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Bal => "bal",
            Self::Optimistic => "optimistic",
        }
    }

    /// The schedule, with the block's access list.
    pub fn schedule(self, list: &Arc<AccessList>) -> Schedule {
        match self {
            Self::Sequential => Schedule::Sequential,
            Self::Bal => Schedule::Bal(Arc::clone(list)),
            Self::Optimistic => Schedule::Optimistic,
        }
    }
}

/// An engine that makes access lists, disturbed by a seed. One with 2 or 8 threads reads through a cache that others fill.
pub fn engine(
    codes: &Arc<dyn CodeSource>,
    threads: usize,
    seed: u64,
    applies_withdrawals: bool,
) -> BlockEngine<PreState> {
    let options = Options {
        threads,
        readers: if matches!(threads, 2 | 8) { 2 } else { 0 },
        records_list: true,
        applies_withdrawals,
        yield_seed: Some(seed),
        ..Options::default()
    };
    BlockEngine::new(options, codes).expect("the system has threads")
}

/// The access list that an outcome of [`engine`] has.
pub fn list(outcome: &Outcome, base: &PreState) -> AccessList {
    outcome.access_list(base).expect("the state is in memory").expect("it was asked for")
}

/// What came of blocks under one schedule, with one engine.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Blocks that came to what mainnet made of them.
    pub equal: usize,
    /// The others, with how they differ.
    pub different: Vec<String>,
    /// How frames were run.
    pub frames: FrameCounts,
    /// Transactions whose execution ahead of their turn did not hold.
    pub conflicts: u64,
    /// Transactions that were executed a second time.
    pub re_executions: u64,
}

impl Played {
    /// Executes a block and compares its outcome and the access list, which should be `made`.
    pub fn play(
        &mut self,
        engine: &mut BlockEngine<PreState>,
        block: &ReplayBlock,
        kind: Kind,
        made: &Arc<AccessList>,
    ) {
        let outcome = engine.execute(&block.block, &block.state, &kind.schedule(made));
        let mut differences = replay::differences(block, &outcome);
        if let Ok(outcome) = outcome {
            if list(&outcome, &block.state).to_rlp() != made.to_rlp() {
                differences.push("the access list".to_owned());
            }
            self.frames += outcome.stats.frames;
            self.conflicts += outcome.stats.conflicts;
            self.re_executions += outcome.stats.re_executions;
        }
        if differences.is_empty() {
            self.equal += 1;
        } else {
            self.different.push(format!("block {}: {}", block.number, differences.join("; ")));
        }
    }
}
