//! One block under one schedule: what each worker does.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use revm::{DatabaseRef, context::TxEnv, primitives::hardfork::SpecId, state::EvmState};

use crate::{
    access::{AccessList, ListIndex},
    ahead::ReadAhead,
    block::Block,
    board::{Board, Place},
    cache::Base,
    commit::{Committer, Records},
    committed::Changes,
    error::BlockError,
    forecast::Forecast,
    handler::LaneError,
    lane::{Basis, Executed, Lane, Speculated, block_error},
    system,
    versions::Versions,
};

/// Gas limit up to which a transaction is small: enough for a payment, and not for much of a call.
const SMALL_GAS_LIMIT: u64 = 25_000;

/// Whether handing a transaction's outcome from one processor to another takes longer than executing it.
pub(crate) const fn is_small(tx: &TxEnv) -> bool {
    tx.gas_limit <= SMALL_GAS_LIMIT
}

/// What an execution ahead of its turn goes by.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// There are none.
    Sequential,
    /// The block's access list.
    Listed(Arc<ListIndex>),
    /// What others wrote so far.
    Optimistic(Arc<Versions>),
}

/// A block that is being executed.
pub(crate) struct Run<D: DatabaseRef> {
    pub(crate) block: Arc<Block>,
    pub(crate) base: Base<D>,
    plan: Plan,
    applies_withdrawals: bool,
    /// The access list is made of the states that executions leave.
    keeps_states: bool,
    board: Board<Ahead>,
    forecast: Forecast,
    read_ahead: ReadAhead,
    /// Workers that are not through.
    working: AtomicUsize,
    progress: Mutex<Progress<D::Error>>,
}

/// What the committing worker has in hand.
struct Progress<E: fmt::Debug + fmt::Display> {
    committer: Committer,
    has_begun: bool,
    error: Option<BlockError<E>>,
}

/// What was executed ahead of its turn, or how it differs from the access list.
type Ahead = std::result::Result<Box<Speculated>, String>;

/// A result, or why there is none.
type Result<T, E> = std::result::Result<T, BlockError<E>>;

impl<D: DatabaseRef> Run<D> {
    /// A block of which nothing has been executed.
    pub(crate) fn new(
        block: Arc<Block>,
        base: Base<D>,
        plan: Plan,
        records: Records,
        applies_withdrawals: bool,
        workers: usize,
    ) -> Self {
        let committer = Committer::new(&block, records);
        let progress = Mutex::new(Progress { committer, has_begun: false, error: None });
        let board = Board::new(block.transactions.len());
        let keeps_states = records == Records::All;
        Self {
            block,
            base,
            plan,
            applies_withdrawals,
            keeps_states,
            board,
            forecast: Forecast::default(),
            read_ahead: ReadAhead::default(),
            working: AtomicUsize::new(workers),
            progress,
        }
    }

    /// The committer when all is done, or what stood in the way.
    pub(crate) fn result(&self) -> Result<Committer, D::Error> {
        let mut progress = self.progress();
        match progress.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::replace(
                &mut progress.committer,
                Committer::new(&Block::default(), Records::Nothing),
            )),
        }
    }

    /// A worker's part.
    pub(crate) fn work(&self, lane: &mut Lane<D>) {
        match &self.plan {
            Plan::Sequential => {
                lane.goes_by_list = false;
                self.all_in_turn(lane);
            }
            plan => {
                lane.goes_by_list = matches!(plan, Plan::Listed(_));
                self.ahead_of_turn(plan, lane);
            }
        }
        self.working.fetch_sub(1, Ordering::Relaxed);
    }

    /// A reader's part.
    pub(crate) fn read_ahead(&self) {
        let list: Option<&AccessList> = match &self.plan {
            Plan::Listed(index) => Some(index.list()),
            Plan::Sequential | Plan::Optimistic(_) => None,
        };
        let is_over = || self.working.load(Ordering::Relaxed) == 0;
        self.read_ahead.read(&self.base, &self.block.transactions, list, is_over);
    }

    /// Executes what there is to claim, and commits what there is to commit.
    fn ahead_of_turn(&self, plan: &Plan, lane: &mut Lane<D>) {
        let mut made = VecDeque::new();
        loop {
            // The first one to come begins with what nobody claims.
            if self.board.signal() {
                self.commit_all(lane);
            }
            let Some(number) = self.claim() else { break };
            lane.yields().here();
            let place = self.ahead(plan, number, lane);
            self.board.leave(number, place);
            lane.yields().here();
            made.push_back(number);
            if made.front().is_some_and(|oldest| self.board.clear(*oldest)) {
                made.pop_front();
            }
        }
        for number in made {
            self.board.clear(number);
        }
    }

    /// A transaction to execute ahead of its turn.
    fn claim(&self) -> Option<usize> {
        std::iter::from_fn(|| self.board.claim()).find(|number| !self.is_small(*number))
    }

    /// Whether a transaction is executed in its turn, by whoever commits.
    fn is_small(&self, number: usize) -> bool {
        is_small(&self.block.transactions[number])
    }

    /// All transactions, one after the other.
    fn all_in_turn(&self, lane: &mut Lane<D>) {
        let progress = &mut *self.progress();
        let mut all = || {
            self.begin(lane, &mut progress.committer)?;
            (0..self.block.transactions.len())
                .try_for_each(|_| self.in_turn(lane, &mut progress.committer))?;
            self.end(lane, &mut progress.committer)
        };
        progress.error = all().err();
    }

    /// Executes a transaction before its turn, if that makes sense.
    fn ahead(&self, plan: &Plan, number: usize, lane: &mut Lane<D>) -> Place<Ahead> {
        let tx = &self.block.transactions[number];
        match plan {
            Plan::Listed(list) => {
                Place::Executed(lane.execute_listed(tx, number, list).map(|mut speculated| {
                    speculated.executed.state = EvmState::default();
                    Box::new(speculated)
                }))
            }
            Plan::Optimistic(versions)
                if !self.board.is_turn(number) && self.forecast.is_good(tx.kind.to()) =>
            {
                let Some(mut speculated) = lane.speculate(tx, number, versions) else {
                    self.forecast.learn(tx.kind.to(), false);
                    return Place::InTurn;
                };
                versions.publish(number, &speculated.executed.state);
                if !self.keeps_states {
                    speculated.executed.state = EvmState::default();
                }
                Place::Executed(Ok(Box::new(speculated)))
            }
            Plan::Optimistic(_) | Plan::Sequential => Place::InTurn,
        }
    }

    /// Commits what is there, until there is nothing more.
    fn commit_all(&self, lane: &mut Lane<D>) {
        loop {
            let seen = self.board.signals();
            {
                let progress = &mut *self.progress();
                while progress.error.is_none() {
                    match self.commit_next(lane, progress) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => {
                            progress.error = Some(error);
                            self.board.close();
                        }
                    }
                }
            }
            lane.yields().here();
            if self.board.rest(seen) {
                return;
            }
        }
    }

    /// Commits the transaction whose turn it is; `false` if nobody has executed it yet.
    fn commit_next(&self, lane: &mut Lane<D>, progress: &mut Progress<D::Error>) -> Result<bool, D::Error> {
        let committer = &mut progress.committer;
        let turn = committer.turn();
        if turn == self.block.transactions.len() {
            return Ok(false);
        }
        let place = if self.is_small(turn) { Place::InTurn } else { self.board.take(turn) };
        if !matches!(place, Place::InTurn | Place::Executed(_)) {
            return Ok(false);
        }
        if !std::mem::replace(&mut progress.has_begun, true) {
            self.begin(lane, committer)?;
        }
        match place {
            Place::Executed(ahead) => {
                let mut speculated = ahead.map_err(BlockError::List)?;
                self.commit_speculated(lane, committer, &mut speculated)?;
                self.board.leave(turn, Place::Spent(Ok(speculated)));
            }
            _ => {
                committer.stats.in_turn += 1;
                self.in_turn(lane, committer)?;
            }
        }
        self.board.set_committed(turn + 1);
        if turn + 1 == self.block.transactions.len() {
            self.end(lane, committer)?;
        }
        Ok(true)
    }

    /// Commits an execution that took place ahead of its turn, if it holds, and else executes again.
    fn commit_speculated(
        &self,
        lane: &mut Lane<D>,
        committer: &mut Committer,
        speculated: &mut Speculated,
    ) -> Result<(), D::Error> {
        let Speculated { executed, changes, basis } = speculated;
        let holds = match basis {
            Basis::List(met) => {
                committer.met += *met;
                true
            }
            Basis::Reads(reads) => {
                let holds = reads.hold(&committer.state, &self.base).map_err(BlockError::State)?;
                let tx = &self.block.transactions[committer.turn()];
                self.forecast.learn(tx.kind.to(), holds);
                holds
            }
        };
        if holds {
            return self.commit(committer, executed, Some(changes));
        }
        committer.stats.conflicts += 1;
        committer.stats.re_executions += 1;
        if let Plan::Optimistic(versions) = &self.plan {
            versions.retract(committer.turn(), changes);
        }
        self.in_turn(lane, committer)
    }

    /// Executes the transaction whose turn it is, and commits it.
    fn in_turn(&self, lane: &mut Lane<D>, committer: &mut Committer) -> Result<(), D::Error> {
        let turn = committer.turn();
        let tx = &self.block.transactions[turn];
        committer.admit(tx)?;
        let executed = lane.execute(tx, &mut committer.state);
        let mut executed = executed.map_err(|error| block_error(turn, error))?;
        match &self.plan {
            Plan::Optimistic(versions) => versions.publish(turn, &executed.state),
            Plan::Listed(list) => {
                committer.met += list.check(turn, &executed.state, &self.base).map_err(BlockError::List)?;
            }
            Plan::Sequential => {}
        }
        self.commit(committer, &mut executed, None)
    }

    fn commit(
        &self,
        committer: &mut Committer,
        executed: &mut Executed,
        changes: Option<&Changes>,
    ) -> Result<(), D::Error> {
        let turn = committer.turn();
        let tx = &self.block.transactions[turn];
        committer.admit(tx)?;
        let paid = committer.commit(tx, executed, changes, &self.base).map_err(BlockError::State)?;
        if let (Plan::Optimistic(versions), Some(recipient)) = (&self.plan, paid) {
            let info = committer.state.info_of(&recipient).map(Option::<&_>::cloned);
            versions.publish_info(turn, recipient, info.flatten());
        }
        Ok(())
    }

    /// What precedes the transactions.
    fn begin(&self, lane: &mut Lane<D>, committer: &mut Committer) -> Result<(), D::Error> {
        for (contract, data) in system::before(&self.block) {
            let executed = lane.call_system(contract, data, &mut committer.state);
            if let Some(executed) = executed.map_err(|error| system_error(contract, error))? {
                committer.commit_system(0, executed);
            }
        }
        Ok(())
    }

    /// What follows the transactions.
    fn end(&self, lane: &mut Lane<D>, committer: &mut Committer) -> Result<(), D::Error> {
        if self.applies_withdrawals && self.block.spec().is_enabled_in(SpecId::SHANGHAI) {
            for withdrawal in &self.block.withdrawals {
                let paid = committer.withdraw(withdrawal.address, withdrawal.amount_wei(), &self.base);
                paid.map_err(BlockError::State)?;
            }
        }
        if !system::has_requests(&self.block) {
            return Ok(());
        }
        for (contract, kind) in system::REQUESTS {
            let executed = lane.call_system(contract, Default::default(), &mut committer.state);
            let Some(executed) = executed.map_err(|error| system_error(contract, error))? else { continue };
            if !executed.is_success() {
                return Err(BlockError::System(contract));
            }
            let output = executed.result.as_ref().and_then(|result| result.output());
            let data = output.cloned().unwrap_or_default();
            if !data.is_empty() {
                committer.requests.push((kind, data));
            }
            let number = committer.turn() as u64 + 1;
            committer.commit_system(number, executed);
        }
        Ok(())
    }

    fn progress(&self) -> MutexGuard<'_, Progress<D::Error>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure of a system call in the engine's terms.
fn system_error<E: fmt::Debug + fmt::Display>(
    contract: revm::primitives::Address,
    error: LaneError<E>,
) -> BlockError<E> {
    match block_error(0, error) {
        BlockError::Transaction { .. } => BlockError::System(contract),
        error => error,
    }
}
