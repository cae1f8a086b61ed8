//! Numbers through chains of filters that are trait objects: calls through tables, and state behind references.

#![no_std]

#[path = "kernel.rs"]
mod kernel;

use kernel::{Random, mix};

/// Makes another number of each.
trait Filter {
    fn apply(&mut self, value: i32) -> i32;
}

/// The mean of the last eight.
#[derive(Default)]
struct Mean {
    last: [i32; 8],
    at: usize,
    sum: i32,
}

impl Filter for Mean {
    fn apply(&mut self, value: i32) -> i32 {
        let old = core::mem::replace(&mut self.last[self.at % 8], value);
        self.at += 1;
        self.sum = self.sum.wrapping_add(value).wrapping_sub(old);
        self.sum >> 3
    }
}

/// What differs from the one before.
#[derive(Default)]
struct Difference {
    before: i32,
}

impl Filter for Difference {
    fn apply(&mut self, value: i32) -> i32 {
        value.wrapping_sub(core::mem::replace(&mut self.before, value))
    }
}

/// Nothing below or above.
struct Clamp {
    low: i32,
    high: i32,
}

impl Filter for Clamp {
    fn apply(&mut self, value: i32) -> i32 {
        value.clamp(self.low, self.high)
    }
}

/// The median of the last three.
#[derive(Default)]
struct Median {
    first: i32,
    second: i32,
}

impl Filter for Median {
    fn apply(&mut self, value: i32) -> i32 {
        let (low, high) = (self.first.min(self.second), self.first.max(self.second));
        self.first = core::mem::replace(&mut self.second, value);
        value.clamp(low, high)
    }
}

/// Counts how often values are negative, and adds that.
#[derive(Default)]
struct Count {
    negative: i32,
}

impl Filter for Count {
    fn apply(&mut self, value: i32) -> i32 {
        self.negative = self.negative.wrapping_add(i32::from(value < 0));
        value.wrapping_add(self.negative & 0xff)
    }
}

/// Swaps two filters of the chain now and then, so that no call has but one target.
fn shuffle(chain: &mut [&mut dyn Filter], random: u32) {
    let len = chain.len();
    chain.swap(random as usize % len, (random >> 8) as usize % len);
}

/// `n` numbers.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let mut random = Random(16);
    let (mut mean, mut other_mean) = (Mean::default(), Mean::default());
    let (mut difference, mut median, mut count) = (Difference::default(), Median::default(), Count::default());
    let mut clamp = Clamp { low: -1_000_000, high: 2_000_000 };
    let mut chain: [&mut dyn Filter; 6] =
        [&mut mean, &mut difference, &mut median, &mut clamp, &mut count, &mut other_mean];
    let mut sum = 0;
    for i in 0..n {
        let given = random.next();
        if i % 64 == 0 {
            shuffle(&mut chain, given);
        }
        let value = chain.iter_mut().fold((given >> 10) as i32 - (1 << 21), |value, filter| filter.apply(value));
        sum = mix(sum, value as u64);
    }
    sum as i64
}
