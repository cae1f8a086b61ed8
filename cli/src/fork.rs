//! Forks as the command line, the state tests and revm name them.
//!
//! The compiler's [`Fork`] is the one that everything here speaks; this module is the only place that
//! maps it to revm's `SpecId` and to the rules that lie outside of both.

use std::str::FromStr;

pub use evmc_compiler::frontend::evm::opcode::Fork;
use revm::primitives::{eip4844, hardfork::SpecId};

/// What the runner needs to know of a fork beyond its opcodes.
pub trait ForkRules {
    /// revm's name for it.
    fn spec(self) -> SpecId;

    /// Greatest number of blobs in one transaction (EIP-4844, EIP-7691, EIP-7594).
    fn max_blobs_per_tx(self) -> u64;

    /// Denominator of the blob fee's exponent (EIP-4844, EIP-7691).
    fn blob_base_fee_update_fraction(self) -> u64;
}

/// Each fork with revm's name for it, oldest first.
const SPECS: [(Fork, SpecId); 15] = [
    (Fork::Frontier, SpecId::FRONTIER),
    (Fork::Homestead, SpecId::HOMESTEAD),
    (Fork::Tangerine, SpecId::TANGERINE),
    (Fork::SpuriousDragon, SpecId::SPURIOUS_DRAGON),
    (Fork::Byzantium, SpecId::BYZANTIUM),
    (Fork::Petersburg, SpecId::PETERSBURG),
    (Fork::Istanbul, SpecId::ISTANBUL),
    (Fork::Berlin, SpecId::BERLIN),
    (Fork::London, SpecId::LONDON),
    (Fork::Merge, SpecId::MERGE),
    (Fork::Shanghai, SpecId::SHANGHAI),
    (Fork::Cancun, SpecId::CANCUN),
    (Fork::Prague, SpecId::PRAGUE),
    (Fork::Osaka, SpecId::OSAKA),
    (Fork::Amsterdam, SpecId::AMSTERDAM),
];

impl ForkRules for Fork {
    fn spec(self) -> SpecId {
        SPECS[self as usize].1
    }

    fn max_blobs_per_tx(self) -> u64 {
        match self {
            Self::Prague => eip4844::MAX_BLOB_NUMBER_PER_BLOCK_PRAGUE,
            _ => eip4844::MAX_BLOB_NUMBER_PER_BLOCK_CANCUN,
        }
    }

    fn blob_base_fee_update_fraction(self) -> u64 {
        if self >= Self::Prague {
            eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE
        } else {
            eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN
        }
    }
}

/// Parses a fork for clap, with an error that lists what there is.
pub fn parse_fork(text: &str) -> Result<Fork, String> {
    Fork::from_str(text).map_err(|_| {
        let names: Vec<_> = SPECS.iter().map(|(fork, _)| fork.name()).collect();
        format!("unknown fork; known are {} and their aliases", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        for (index, (fork, spec)) in SPECS.into_iter().enumerate() {
            assert_eq!((fork as usize, spec as usize), (index, index));
        }
        assert_eq!(SPECS.len(), Fork::ALL.len());
    }
}
