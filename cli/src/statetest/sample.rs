//! A fixed part of the subtests.
//!
//! Every test of every file under every fork is a stratum of its own, of which every so-manieth subtest is taken,
//! counted from a place that a hash of its name decides. So each file, test and fork has its share, and the
//! choice depends on nothing but the names.

use std::str::FromStr;

/// `N/M`: of M subtests, N are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    taken: u64,
    of: u64,
}

impl Sample {
    /// Whether subtest `number` of a stratum is in the sample.
    pub fn takes(self, stratum: &str, number: usize) -> bool {
        (fnv1a(stratum.as_bytes()) % self.of + number as u64) % self.of < self.taken
    }
}

impl FromStr for Sample {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected N/M with 0 < N <= M, such as 1/5";
        let (taken, of) = text.split_once('/').ok_or(WRONG)?;
        let (taken, of): (u64, u64) = (taken.parse().map_err(|_| WRONG)?, of.parse().map_err(|_| WRONG)?);
        if taken == 0 || taken > of { Err(WRONG) } else { Ok(Self { taken, of }) }
    }
}

/// The 64-bit FNV-1a hash: the same on every machine and in every version.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stratum_has_its_share() {
        let sample: Sample = "2/5".parse().unwrap();
        for stratum in ["a.json::a [Cancun]", "a.json::a [Osaka]", "b.json::b [Osaka]"] {
            let taken = (0..100).filter(|&number| sample.takes(stratum, number)).count();
            assert_eq!(taken, 40);
        }
        let small = (0..1000).filter(|number| sample.takes(&format!("{number}.json"), 0)).count();
        assert!((350..450).contains(&small), "{small}");
    }

    #[test]
    fn hashes_are_those_that_are_published() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn mistakes_are_told() {
        for text in ["", "1", "0/5", "6/5", "1/x", "-1/5"] {
            assert!(text.parse::<Sample>().is_err(), "{text}");
        }
    }
}
