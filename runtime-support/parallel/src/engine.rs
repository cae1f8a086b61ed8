//! The engine: blocks in, outcomes out.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use evmc_revm::CodeSource;
use revm::{DatabaseRef, primitives::hardfork::SpecId};

use crate::{
    access::{AccessList, ListIndex},
    block::Block,
    cache::{Base, ReadCache},
    commit::{Committer, Records},
    error::BlockError,
    outcome::{Fallback, ListSource, Outcome},
    pool::Pool,
    run::{Plan, Run, is_small},
    versions::Versions,
};

/// In which order transactions are executed. The result is the same; with a single worker, or where all transactions but one are
/// too small to be handed around, so is the order.
#[derive(Clone, Debug, Default)]
pub enum Schedule {
    /// One after the other.
    #[default]
    Sequential,
    /// In any order, each on what this access list says that the ones before left behind. A list that is not the
    /// block's is found out, and the block executed sequentially.
    Bal(Arc<AccessList>),
    /// Ahead of their turn on what is known, and again where that does not hold.
    Optimistic,
}

/// How an engine works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Worker threads.
    pub threads: usize,
    /// Keep each worker on a processor of its own.
    pub pins: bool,
    /// Keep what was read of the state, for all workers: for databases whose reads take microseconds. In memory
    /// it is no use. The database must give every code by its hash.
    pub caches_reads: bool,
    /// Threads that do nothing but read ahead what a block is going to need. With any, reads are cached.
    pub readers: usize,
    /// Make the block's access list.
    pub records_list: bool,
    /// Apply the block's withdrawals after the transactions.
    pub applies_withdrawals: bool,
    /// Let workers yield at random places, by this seed: for tests.
    pub yield_seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 1,
            pins: false,
            caches_reads: false,
            readers: 0,
            records_list: false,
            applies_withdrawals: true,
            yield_seed: None,
        }
    }
}

/// Executes blocks on states of type `D`, with workers that stay from one block to the next.
pub struct BlockEngine<D: DatabaseRef> {
    pool: Pool<D>,
    options: Options,
    cache: Option<Arc<ReadCache>>,
    /// The cache has what the next block's state is like.
    is_cache_current: bool,
    /// The last execution's number.
    serial: u64,
}

/// Executions of this process.
static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

impl<D: DatabaseRef + Send + Sync + 'static> BlockEngine<D> {
    /// An engine whose frames run with the code that `codes` has.
    ///
    /// # Errors
    /// When the system refuses the threads or the address space for their stacks.
    pub fn new(options: Options, codes: &Arc<dyn CodeSource>) -> io::Result<Self> {
        let pool = Pool::start(&options, codes)?;
        let is_cached = options.caches_reads || options.readers > 0;
        let cache = is_cached.then(|| Arc::new(ReadCache::new()));
        Ok(Self { pool, options, cache, is_cache_current: true, serial: 0 })
    }

    /// Tells that the next block begins where `outcome`, that of the last one, has left the state: what was read of it stays in
    /// the cache, as far as it is still so. Without this, each block begins with an empty one.
    ///
    /// The outcome of another execution than this engine's last changes nothing. Not to be used where something else changes the state in between, such as the rewards of miners.
    pub fn advance(&mut self, outcome: &Outcome) {
        if let Some(cache) = &self.cache
            && outcome.serial == self.serial
        {
            cache.apply(&outcome.state);
            self.is_cache_current = true;
        }
    }

    /// Executes a block on the state before it.
    ///
    /// # Errors
    /// When the block is invalid, or the state cannot be read; the same ones under every schedule.
    pub fn execute(
        &mut self,
        block: &Arc<Block>,
        base: &Arc<D>,
        schedule: &Schedule,
    ) -> Result<Outcome, BlockError<D::Error>> {
        let base = &self.cached(base);
        let mut outcome = self.on_base(block, base, schedule)?;
        outcome.serial = self.serial;
        Ok(outcome)
    }

    fn on_base(
        &mut self,
        block: &Arc<Block>,
        base: &Base<D>,
        schedule: &Schedule,
    ) -> Result<Outcome, BlockError<D::Error>> {
        match schedule {
            _ if !self.can_be_ahead(block) => self.sequential(block, base, None),
            Schedule::Sequential => self.sequential(block, base, None),
            Schedule::Optimistic => {
                let plan = Plan::Optimistic(Arc::new(Versions::new()));
                self.run(block, base, plan, self.records()).map(Committer::finish)
            }
            Schedule::Bal(_) if !block.spec().is_enabled_in(SpecId::SPURIOUS_DRAGON) => {
                self.sequential(block, base, Some(Fallback::Fork))
            }
            Schedule::Bal(list) => match self.by_list(block, base, list)? {
                Ok(outcome) => Ok(outcome),
                Err(why) => self.sequential(block, base, Some(Fallback::WrongList(why))),
            },
        }
    }

    /// Whether there is a second worker, and something for it to do.
    fn can_be_ahead(&self, block: &Block) -> bool {
        let is_large = |tx: &&_| !is_small(tx);
        self.pool.threads() > 1 && block.transactions.iter().filter(is_large).nth(1).is_some()
    }

    /// Executes by an access list and nothing else.
    ///
    /// # Errors
    /// [`BlockError::List`] where the list is not the block's; else those of [`Self::execute`].
    pub fn execute_by_list(
        &mut self,
        block: &Arc<Block>,
        base: &Arc<D>,
        list: &Arc<AccessList>,
    ) -> Result<Outcome, BlockError<D::Error>> {
        let base = &self.cached(base);
        let mut outcome = self.by_list(block, base, list)?.map_err(BlockError::List)?;
        outcome.serial = self.serial;
        Ok(outcome)
    }

    /// Begins an execution: the state before the block with what is known of it.
    fn cached(&mut self, base: &Arc<D>) -> Base<D> {
        self.serial = EXECUTIONS.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(cache) = &self.cache
            && !std::mem::take(&mut self.is_cache_current)
        {
            cache.clear();
        }
        Base::new(Arc::clone(base), self.cache.clone())
    }

    /// Executes by a list; the inner error tells how that differs from the block's.
    fn by_list(
        &mut self,
        block: &Arc<Block>,
        base: &Base<D>,
        list: &Arc<AccessList>,
    ) -> Result<Result<Outcome, String>, BlockError<D::Error>> {
        let index = match ListIndex::new(Arc::clone(list)) {
            Ok(index) => Arc::new(index),
            Err(difference) => return Ok(Err(difference)),
        };
        let plan = Plan::Listed(Arc::clone(&index));
        let committer = match self.run(block, base, plan, Records::Surroundings) {
            Ok(committer) => committer,
            Err(error @ (BlockError::State(_) | BlockError::Worker(_))) => return Err(error),
            Err(BlockError::List(difference)) => return Ok(Err(difference)),
            // The block may be valid all the same.
            Err(error) => return Ok(Err(error.to_string())),
        };
        let met = committer.met;
        let mut outcome = committer.finish();
        let surroundings = outcome.access_list(base).map_err(BlockError::State)?.unwrap_or_default();
        outcome.list = ListSource::Given(Arc::clone(list));
        Ok(index.check_whole(met, &surroundings).map(|()| outcome))
    }

    fn sequential(
        &mut self,
        block: &Arc<Block>,
        base: &Base<D>,
        fallback: Option<Fallback>,
    ) -> Result<Outcome, BlockError<D::Error>> {
        let mut outcome = self.run(block, base, Plan::Sequential, self.records())?.finish();
        outcome.stats.fallback = fallback;
        Ok(outcome)
    }

    fn records(&self) -> Records {
        if self.options.records_list { Records::All } else { Records::Nothing }
    }

    fn run(
        &mut self,
        block: &Arc<Block>,
        base: &Base<D>,
        plan: Plan,
        records: Records,
    ) -> Result<Committer, BlockError<D::Error>> {
        let workers = if matches!(plan, Plan::Sequential) { 1 } else { self.pool.threads() };
        let applies_withdrawals = self.options.applies_withdrawals;
        let run = Run::new(Arc::clone(block), base.clone(), plan, records, applies_withdrawals, workers);
        let run = Arc::new(run);
        self.pool.run(&run, workers).map_err(BlockError::Worker)?;
        run.result()
    }
}
