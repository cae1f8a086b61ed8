//! What waits for the one thread that works it off: a queue with a bound, and an end.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A bounded queue. No lock is held while anybody works.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    most: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Whether the last that was taken is still being worked on.
    is_busy: bool,
    is_stopped: bool,
}

impl<T> Queue<T> {
    /// A queue with room for `most`.
    pub(crate) const fn new(most: usize) -> Self {
        let state = State { waiting: VecDeque::new(), is_busy: false, is_stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), most }
    }

    /// Adds a job and gives the length of the queue. `None` where it is full or stopped.
    pub(crate) fn push(&self, job: T) -> Option<usize> {
        let mut state = self.lock();
        if state.is_stopped || state.waiting.len() >= self.most {
            return None;
        }
        state.waiting.push_back(job);
        self.changed.notify_all();
        Some(state.waiting.len())
    }

    /// Says that the last job is done, waits for the next, and gives it with the length of the queue. `None` when
    /// stopped.
    pub(crate) fn next(&self) -> Option<(T, usize)> {
        let mut state = self.lock();
        state.is_busy = false;
        self.changed.notify_all();
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                state.is_busy = true;
                return Some((job, state.waiting.len()));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits, but no longer than until the queue is stopped; says whether it is.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        self.wait(time, |state| state.is_stopped)
    }

    /// Waits until there is nothing to do; `false` if that takes longer than `time`.
    pub(crate) fn wait_idle(&self, time: Duration) -> bool {
        self.wait(time, |state| !state.is_busy && state.waiting.is_empty())
    }

    /// Ends all waiting and forgets what waits.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        state.waiting.clear();
        self.changed.notify_all();
    }

    /// Whether it was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    /// Waits for something to hold; `false` if that takes longer than `time`.
    fn wait(&self, time: Duration, holds: impl Fn(&State<T>) -> bool) -> bool {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while !holds(&state) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_full_queue_turns_away_and_a_stopped_one_ends() {
        let queue = Queue::new(2);
        assert_eq!([queue.push('a'), queue.push('b'), queue.push('c')], [Some(1), Some(2), None]);
        assert_eq!(queue.next(), Some(('a', 1)));
        assert_eq!(queue.push('c'), Some(2));
        assert!(!queue.wait_idle(Duration::ZERO) && !queue.pause(Duration::ZERO));
        queue.stop();
        assert_eq!((queue.push('d'), queue.next()), (None, None));
        assert!(queue.wait_idle(Duration::ZERO) && queue.pause(Duration::from_secs(60)));
    }

    #[test]
    fn who_waits_is_woken() {
        let queue = Queue::new(2);
        thread::scope(|scope| {
            let worker =
                scope.spawn(|| std::iter::from_fn(|| queue.next()).map(|(job, _)| job).collect::<Vec<_>>());
            assert!(queue.push(1).is_some() && queue.wait_idle(Duration::from_secs(60)));
            assert!(queue.push(2).is_some() && queue.wait_idle(Duration::from_secs(60)));
            queue.stop();
            assert_eq!(worker.join().expect("no panic"), [1, 2]);
        });
    }
}
