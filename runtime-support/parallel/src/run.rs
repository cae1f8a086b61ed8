//! One block under one schedule: what each worker does.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use revm::{DatabaseRef, primitives::hardfork::SpecId};

use crate::{
    access::ListIndex,
    block::Block,
    board::{Board, Place},
    commit::{Committer, Records},
    error::BlockError,
    handler::LaneError,
    lane::{Basis, Executed, Lane, Speculated, block_error},
    system,
    versions::Versions,
};

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
    pub(crate) base: Arc<D>,
    plan: Plan,
    applies_withdrawals: bool,
    board: Board<Ahead>,
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
        base: Arc<D>,
        plan: Plan,
        records: Records,
        applies_withdrawals: bool,
    ) -> Self {
        let committer = Committer::new(&block, records);
        let progress = Mutex::new(Progress { committer, has_begun: false, error: None });
        let board = Board::new(block.transactions.len());
        Self { block, base, plan, applies_withdrawals, board, progress }
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
            Plan::Sequential => self.all_in_turn(lane),
            plan => {
                while let Some(number) = self.board.claim() {
                    lane.yields().here();
                    let place = self.ahead(plan, number, lane);
                    self.board.leave(number, place);
                    lane.yields().here();
                    if self.board.signal() {
                        self.commit_all(lane);
                    }
                }
            }
        }
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
            Plan::Listed(list) => Place::Executed(lane.execute_listed(tx, number, list).map(Box::new)),
            Plan::Optimistic(versions) if !self.board.is_turn(number) => {
                let Some(speculated) = lane.speculate(tx, number, versions) else { return Place::InTurn };
                versions.publish(number, &speculated.executed.state);
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
        let place = self.board.take(turn);
        if matches!(place, Place::Open | Place::Done) {
            return Ok(false);
        }
        if !std::mem::replace(&mut progress.has_begun, true) {
            self.begin(lane, committer)?;
        }
        match place {
            Place::Executed(ahead) => {
                let speculated = ahead.map_err(BlockError::List)?;
                self.commit_speculated(lane, committer, *speculated)?;
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
        speculated: Speculated,
    ) -> Result<(), D::Error> {
        let Speculated { executed, basis } = speculated;
        let holds = match basis {
            Basis::List(met) => {
                committer.met += met;
                true
            }
            Basis::Reads(reads) => reads.hold(&committer.state, &*self.base).map_err(BlockError::State)?,
        };
        if holds {
            return self.commit(committer, executed);
        }
        committer.stats.conflicts += 1;
        committer.stats.re_executions += 1;
        if let Plan::Optimistic(versions) = &self.plan {
            versions.retract(committer.turn(), &executed.state);
        }
        self.in_turn(lane, committer)
    }

    /// Executes the transaction whose turn it is, and commits it.
    fn in_turn(&self, lane: &mut Lane<D>, committer: &mut Committer) -> Result<(), D::Error> {
        let turn = committer.turn();
        let tx = &self.block.transactions[turn];
        committer.admit(tx)?;
        let executed = lane.execute(tx, &mut committer.state);
        let executed = executed.map_err(|error| block_error(turn, error))?;
        if let Plan::Optimistic(versions) = &self.plan {
            versions.publish(turn, &executed.state);
        }
        self.commit(committer, executed)
    }

    fn commit(&self, committer: &mut Committer, executed: Executed) -> Result<(), D::Error> {
        let turn = committer.turn();
        let tx = &self.block.transactions[turn];
        committer.admit(tx)?;
        let paid = committer.commit(tx, executed, &*self.base).map_err(BlockError::State)?;
        if let (Plan::Optimistic(versions), Some(recipient)) = (&self.plan, paid) {
            let info = committer.state.info(&recipient).map(Option::<&_>::cloned);
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
                let paid = committer.withdraw(withdrawal.address, withdrawal.amount_wei(), &*self.base);
                paid.map_err(BlockError::State)?;
            }
        }
        if !system::has_requests(&self.block) {
            return Ok(());
        }
        for (contract, kind) in system::REQUESTS {
            let executed = lane.call_system(contract, Default::default(), &mut committer.state);
            let Some(executed) = executed.map_err(|error| system_error(contract, error))? else { continue };
            if !executed.result.is_success() {
                return Err(BlockError::System(contract));
            }
            let data = executed.result.output().cloned().unwrap_or_default();
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
