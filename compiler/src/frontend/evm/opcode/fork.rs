//! The forks of Ethereum mainnet, as far as their rules reach the code generator.
//!
//! A fork that changed neither an opcode nor its static gas nor anything else that the runtime
//! distinguishes (difficulty-bomb delays, the DAO fork) is an alias of the fork before it.
//! Constantinople without its fix (EIP-1283) is not supported: mainnet never ran it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A set of EVM rules, oldest first. The numbers are stable: artifacts store them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fork {
    /// July 2015.
    Frontier = 0,
    /// EIP-7: `DELEGATECALL`.
    Homestead = 1,
    /// EIP-150: state access repriced.
    Tangerine = 2,
    /// EIP-160: `EXP` repriced; EIP-161, EIP-170.
    SpuriousDragon = 3,
    /// EIP-140, EIP-211, EIP-214.
    Byzantium = 4,
    /// Constantinople with EIP-1283 removed: EIP-145, EIP-1014, EIP-1052.
    Petersburg = 5,
    /// EIP-1344, EIP-1884, EIP-2200.
    Istanbul = 6,
    /// EIP-2929: warm and cold accesses.
    Berlin = 7,
    /// EIP-3198: `BASEFEE`; EIP-3529, EIP-3541.
    London = 8,
    /// Paris: EIP-4399, `DIFFICULTY` gives `PREVRANDAO`.
    Merge = 9,
    /// EIP-3855: `PUSH0`; EIP-3860.
    Shanghai = 10,
    /// EIP-1153, EIP-4844, EIP-5656, EIP-6780, EIP-7516.
    Cancun = 11,
    /// EIP-7702.
    Prague = 12,
    /// EIP-7939: `CLZ`. The newest fork of mainnet.
    #[default]
    Osaka = 13,
    /// EIP-7843, EIP-8024, EIP-8037, EIP-8038; in preparation.
    Amsterdam = 14,
}

/// Every spelling that names a fork, in lower case without separators.
const NAMES: &[(&str, Fork)] = &[
    ("frontier", Fork::Frontier),
    ("frontierthawing", Fork::Frontier),
    ("homestead", Fork::Homestead),
    ("daofork", Fork::Homestead),
    ("tangerine", Fork::Tangerine),
    ("tangerinewhistle", Fork::Tangerine),
    ("eip150", Fork::Tangerine),
    ("spurious", Fork::SpuriousDragon),
    ("spuriousdragon", Fork::SpuriousDragon),
    ("eip158", Fork::SpuriousDragon),
    ("byzantium", Fork::Byzantium),
    ("petersburg", Fork::Petersburg),
    ("constantinoplefix", Fork::Petersburg),
    ("istanbul", Fork::Istanbul),
    ("muirglacier", Fork::Istanbul),
    ("berlin", Fork::Berlin),
    ("london", Fork::London),
    ("arrowglacier", Fork::London),
    ("grayglacier", Fork::London),
    ("merge", Fork::Merge),
    ("paris", Fork::Merge),
    ("shanghai", Fork::Shanghai),
    ("cancun", Fork::Cancun),
    ("prague", Fork::Prague),
    ("osaka", Fork::Osaka),
    ("amsterdam", Fork::Amsterdam),
];

impl Fork {
    /// Every fork, oldest first; a fork's number is its index.
    pub const ALL: [Self; 15] = [
        Self::Frontier,
        Self::Homestead,
        Self::Tangerine,
        Self::SpuriousDragon,
        Self::Byzantium,
        Self::Petersburg,
        Self::Istanbul,
        Self::Berlin,
        Self::London,
        Self::Merge,
        Self::Shanghai,
        Self::Cancun,
        Self::Prague,
        Self::Osaka,
        Self::Amsterdam,
    ];

    /// The usual name, as command line and artifacts print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frontier => "Frontier",
            Self::Homestead => "Homestead",
            Self::Tangerine => "Tangerine",
            Self::SpuriousDragon => "SpuriousDragon",
            Self::Byzantium => "Byzantium",
            Self::Petersburg => "Petersburg",
            Self::Istanbul => "Istanbul",
            Self::Berlin => "Berlin",
            Self::London => "London",
            Self::Merge => "Merge",
            Self::Shanghai => "Shanghai",
            Self::Cancun => "Cancun",
            Self::Prague => "Prague",
            Self::Osaka => "Osaka",
            Self::Amsterdam => "Amsterdam",
        }
    }

    /// The fork with this number, or `None` where there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no fork that this compiler knows.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown fork `{0}`")]
pub struct UnknownFork(
    /// The text as it was given.
    pub String,
);

impl FromStr for Fork {
    type Err = UnknownFork;

    /// Reads a fork's name or alias; case, `-`, `_` and spaces do not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain: String =
            text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
        NAMES
            .iter()
            .find(|(name, _)| *name == plain)
            .map(|&(_, fork)| fork)
            .ok_or_else(|| UnknownFork(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_round_trip() {
        for (number, fork) in Fork::ALL.into_iter().enumerate() {
            assert_eq!(fork.name().parse(), Ok(fork));
            assert_eq!(Fork::from_number(number as u8), Some(fork));
        }
        assert_eq!(Fork::from_number(15), None);
        assert_eq!("eip-150".parse(), Ok(Fork::Tangerine));
        assert_eq!("PARIS".parse(), Ok(Fork::Merge));
        assert!("Constantinople".parse::<Fork>().is_err());
    }
}
