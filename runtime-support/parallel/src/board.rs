//! Who does what: transactions are claimed in order, and what came of each is left at its place.
//!
//! One worker at a time takes results away and commits them. Whoever leaves something signals; the first to signal does
//! it, and goes on until nobody has signalled since it last looked. So nothing is left lying, and
//! nobody waits: a worker that finds another at it goes on to claim.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// What there is about a transaction.
#[derive(Debug)]
pub(crate) enum Place<T> {
    /// Nothing: it is not claimed, or being executed.
    Open,
    /// It is to be executed when its turn comes.
    InTurn,
    /// It was executed.
    Executed(T),
    /// It is being committed, or was.
    Done,
    /// It is committed, and this is for who made it to clear away: memory is best freed where it was allocated.
    Spent(T),
}

/// The transactions of a block.
#[derive(Debug)]
pub(crate) struct Board<T> {
    places: Box<[Mutex<Place<T>>]>,
    /// The first transaction that nobody has claimed.
    next: AtomicUsize,
    /// Transactions that are committed.
    committed: AtomicUsize,
    /// Signals since a worker began to commit.
    signals: AtomicUsize,
}

impl<T> Board<T> {
    /// A board for so many transactions.
    pub(crate) fn new(count: usize) -> Self {
        let places = std::iter::repeat_with(|| Mutex::new(Place::Open)).take(count).collect();
        let zero = || AtomicUsize::new(0);
        Self { places, next: zero(), committed: zero(), signals: zero() }
    }

    /// A transaction for the caller to execute; `None` when there are no more.
    pub(crate) fn claim(&self) -> Option<usize> {
        // Looking first keeps the counter from growing without end.
        if self.next.load(Ordering::Relaxed) >= self.places.len() {
            return None;
        }
        let claimed = self.next.fetch_add(1, Ordering::Relaxed);
        (claimed < self.places.len()).then_some(claimed)
    }

    /// Has nobody claim anything any more.
    pub(crate) fn close(&self) {
        self.next.store(self.places.len(), Ordering::Relaxed);
    }

    /// Whether all transactions before this one are committed.
    pub(crate) fn is_turn(&self, number: usize) -> bool {
        self.committed.load(Ordering::Acquire) == number
    }

    /// Leaves what came of a transaction.
    pub(crate) fn leave(&self, number: usize, place: Place<T>) {
        *self.lock(number) = place;
    }

    /// Clears away what a worker has made, if it is committed.
    pub(crate) fn clear(&self, number: usize) -> bool {
        let mut place = self.lock(number);
        let is_spent = matches!(&*place, Place::Spent(_) | Place::Done);
        if is_spent {
            let spent = std::mem::replace(&mut *place, Place::Done);
            drop(place);
            drop(spent);
        }
        is_spent
    }

    /// Takes what is left of the transaction whose turn it is. `Open` stays open.
    pub(crate) fn take(&self, number: usize) -> Place<T> {
        let mut place = self.lock(number);
        match &*place {
            Place::Open => Place::Open,
            _ => std::mem::replace(&mut place, Place::Done),
        }
    }

    /// Notes that so many transactions are committed.
    pub(crate) fn set_committed(&self, count: usize) {
        self.committed.store(count, Ordering::Release);
    }

    /// Tells that something was left. `true` if the caller is to commit.
    pub(crate) fn signal(&self) -> bool {
        self.signals.fetch_add(1, Ordering::AcqRel) == 0
    }

    /// Signals so far; to be asked before looking for what was left.
    pub(crate) fn signals(&self) -> usize {
        self.signals.load(Ordering::Acquire)
    }

    /// Ends the caller's committing. `false` if something was left since `seen`.
    pub(crate) fn rest(&self, seen: usize) -> bool {
        self.signals.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn lock(&self, number: usize) -> std::sync::MutexGuard<'_, Place<T>> {
        self.places[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transaction_is_claimed_once() {
        let board: Board<()> = Board::new(2);
        assert_eq!([board.claim(), board.claim(), board.claim()], [Some(0), Some(1), None]);
    }

    #[test]
    fn who_signals_while_another_commits_is_heard() {
        let board: Board<u32> = Board::new(2);
        assert!(board.signal());
        let seen = board.signals();
        assert!(matches!(board.take(0), Place::Open));
        board.leave(0, Place::Executed(7));
        assert!(!board.signal(), "another commits");
        assert!(!board.rest(seen), "something was left since");
        assert!(matches!(board.take(0), Place::Executed(7)));
        assert!(board.rest(board.signals()) && board.signal());
    }
}
