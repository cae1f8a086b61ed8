//! Stores of artifacts on the command line: where they are, and what is built into them.

pub mod build;
pub mod remote;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use evmc_store::{Signer, Store, StoreError, Trust};
use url::Url;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder.
    Folder(PathBuf),
    /// In object storage.
    Remote(Url),
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::Folder(text.into()));
        }
        Url::parse(text).map(Self::Remote).map_err(|error| format!("not an address: {error}"))
    }
}

/// One of several equal parts of the work: of all codes, those whose hash falls into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: u64,
    count: u64,
}

impl Shard {
    /// Whether a code belongs to it. Each code belongs to exactly one shard of a number, on every machine.
    pub fn has(self, code_hash: &[u8; 32]) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = *code_hash;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index @ 1.., count)) if index <= count => Ok(Self { index: index - 1, count }),
            _ => Err("expected is I/N with I from 1 to N, such as 2/8".to_owned()),
        }
    }
}

/// Opens the store in a folder for reading; with `keys`, only if one of these signed it.
pub fn open(folder: &Path, keys: &[PathBuf]) -> Result<Store, StoreError> {
    Store::open(folder, &trust(keys)?)
}

/// Trust in the public keys in these files, or in anyone where there are none.
pub fn trust(keys: &[PathBuf]) -> Result<Trust, StoreError> {
    keys.iter().try_fold(Trust::Anyone, |trust, key| trust.and_key_of(key))
}

/// The secret key in a file, if one is named.
pub fn signer(key: Option<&Path>) -> Result<Option<Signer>, StoreError> {
    key.map(Signer::read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_in_one_shard() {
        let shards: Vec<Shard> =
            (1..=7).map(|index| format!("{index}/7").parse().expect("a shard")).collect();
        for number in 0..200_u8 {
            let hash = evmc_compiler::driver::code_hash(&[number]);
            assert_eq!(shards.iter().filter(|shard| shard.has(&hash)).count(), 1);
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_told_from_folders() {
        assert_eq!("a/b".parse(), Ok(Location::Folder("a/b".into())));
        assert!(matches!("s3://bucket/x".parse(), Ok(Location::Remote(_))));
        assert!("s3://[".parse::<Location>().is_err());
    }
}
