//! Accounts as JSON: `{ADDRESS: {"balance", "nonce", "code", "storage"}}`.
//!
//! State tests, genesis files and `evmc run --state` all have this form. What is absent is zero or empty;
//! numbers may be hexadecimal or decimal text, or JSON integers.

use std::{collections::BTreeMap, fmt, str::FromStr};

use alloy_primitives::{Address, Bytes, U256};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::world::{Account, World};

/// Accounts by address.
pub type Alloc = BTreeMap<Address, AllocAccount>;

/// One account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AllocAccount {
    /// In wei.
    pub balance: Number,
    /// Code as deployed.
    pub code: Bytes,
    /// Number of transactions sent or contracts created.
    pub nonce: Number,
    /// Storage slots.
    pub storage: BTreeMap<Number, Number>,
}

/// The world with these accounts.
pub fn world(alloc: &Alloc) -> World {
    let mut world = World::default();
    for (address, account) in alloc {
        let storage = account.storage.iter().map(|(slot, value)| (slot.0, value.0));
        let nonce = account.nonce.saturating_u64();
        let account = Account::new(account.balance.0, nonce, account.code.clone(), storage);
        world.insert(*address, account);
    }
    world
}

/// A 256-bit number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub U256);

impl Number {
    /// The number as 64 bits, `None` where it does not fit.
    pub fn to_u64(self) -> Option<u64> {
        self.0.try_into().ok()
    }

    /// The number as 64 bits, the greatest one where it does not fit.
    pub fn saturating_u64(self) -> u64 {
        self.0.saturating_to()
    }

    /// The number as 128 bits, the greatest one where it does not fit.
    pub fn saturating_u128(self) -> u128 {
        self.0.saturating_to()
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some("") => Ok(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16),
            None => U256::from_str_radix(text, 10),
        };
        parsed.map(Self).map_err(|_| format!("{text:?} is not a number of at most 256 bits"))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one as hexadecimal or decimal text")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(U256::from(value)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_three_forms() {
        let parse = |text| serde_json::from_str::<Number>(text).map(|number| number.0);
        assert_eq!(parse("\"0x00ff\"").ok(), Some(U256::from(255)));
        assert_eq!(parse("\"0x\"").ok(), Some(U256::ZERO));
        assert_eq!(parse("\"12\"").ok(), Some(U256::from(12)));
        assert_eq!(parse("12").ok(), Some(U256::from(12)));
        assert!(parse("\"0xzz\"").is_err());
        assert!(parse(&format!("\"0x1{}\"", "0".repeat(64))).is_err());
    }
}
