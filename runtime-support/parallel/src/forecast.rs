//! Whether it makes sense to execute a transaction ahead of its turn, by how others with the same recipient fared.
//!
//! Transactions that call the same contract tend to meet there, or not to. This is a guess that saves work and nothing
//! more: a transaction that is not executed ahead is executed in its turn.

use std::sync::{Mutex, MutexGuard, PoisonError};

use revm::primitives::{Address, AddressMap};

/// Executions in vain, beyond those that held, after which nobody tries any more.
const PATIENCE: i32 = 2;

/// Most by which executions that held may outnumber those in vain: what was long ago counts little.
const MEMORY: i32 = 4;

/// What is known of each recipient: executions in vain less those that held.
#[derive(Debug, Default)]
pub(crate) struct Forecast(Mutex<AddressMap<i32>>);

impl Forecast {
    /// Whether an execution ahead of its turn is likely to hold.
    pub(crate) fn is_good(&self, recipient: Option<&Address>) -> bool {
        recipient.is_none_or(|to| self.lock().get(to).is_none_or(|balance| *balance < PATIENCE))
    }

    /// Takes note of how an execution ahead of its turn fared.
    pub(crate) fn learn(&self, recipient: Option<&Address>, held: bool) {
        let Some(recipient) = recipient else { return };
        let mut known = self.lock();
        let balance = known.entry(*recipient).or_default();
        *balance = if held { (*balance - 1).max(-MEMORY) } else { *balance + 1 };
    }

    fn lock(&self) -> MutexGuard<'_, AddressMap<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_again_and_again_is_left_alone() {
        let (forecast, to) = (Forecast::default(), Address::repeat_byte(1));
        assert!(forecast.is_good(Some(&to)));
        forecast.learn(Some(&to), true);
        (0..2).for_each(|_| forecast.learn(Some(&to), false));
        assert!(forecast.is_good(Some(&to)), "one has held");
        forecast.learn(Some(&to), false);
        assert!(!forecast.is_good(Some(&to)));
        assert!(forecast.is_good(Some(&Address::repeat_byte(2))) && forecast.is_good(None));
    }
}
