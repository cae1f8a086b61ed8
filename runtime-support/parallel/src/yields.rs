//! Disorder for tests: threads that let go of the processor at random places.
//!
//! What may go wrong between threads shows when one of them stands still at the wrong moment. On a machine with few
//! processors that is rare, so tests ask for it: each access to something shared is a place where a worker may
//! yield. The places are chosen by a generator with a seed; what the system makes of them is its own affair.

use std::{thread, time::Duration};

use fastrand::Rng;

/// One place in so many yields.
const YIELD_ONE_IN: u32 = 16;

/// One yield in so many sleeps for a while instead.
const SLEEP_ONE_IN: u32 = 64;

/// Longest sleep, in microseconds.
const MAX_SLEEP_MICROS: u64 = 50;

/// Where a worker may let go of the processor.
#[derive(Debug, Default)]
pub(crate) struct Yields(Option<Rng>);

impl Yields {
    /// Yields by this seed; without one there are none.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(seed.map(Rng::with_seed))
    }

    /// A place where the worker may yield.
    #[inline]
    pub(crate) fn here(&mut self) {
        if let Some(random) = &mut self.0 {
            perhaps_yield(random);
        }
    }
}

#[cold]
fn perhaps_yield(random: &mut Rng) {
    if random.u32(..YIELD_ONE_IN) != 0 {
        return;
    }
    if random.u32(..SLEEP_ONE_IN) == 0 {
        thread::sleep(Duration::from_micros(random.u64(..MAX_SLEEP_MICROS)));
    } else {
        thread::yield_now();
    }
}
