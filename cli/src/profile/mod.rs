//! The codes in which blocks spend their operations: what `evmc profile` counts and `evmc build --profile`
//! compiles.
//!
//! A few codes make up most of what blocks execute, so a store with these is small, soon built, and worth as
//! much as one with all. What counts is operations, not gas: gas is spent on state and precompiles too,
//! which run no faster natively.
//!
//! A code is counted once for each class of forks that share compiled code ([`evmc_abi::fork`]), as that is what it
//! is compiled for. Initcode is counted but not listed: it runs once.

mod count;

use std::{cmp::Reverse, collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, Bytes};
use evmc_compiler::driver;
use miette::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use count::Counter;

use crate::{
    error::CliError,
    fork::Fork,
    input::{self, Contract, MAX_CODE_BYTES},
};

/// The name of the format, as each file gives it.
const FORMAT: &str = "evmc-profile/1";

/// A file that is no profile.
#[derive(Debug, Error, Diagnostic)]
pub enum ProfileError {
    /// The text is not JSON, or has other members.
    #[error("{file} is not a profile")]
    #[diagnostic(code(evmc::profile), help("expected is what evmc profile --output wrote"))]
    Json {
        /// The file.
        file: String,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// A member cannot be used.
    #[error("{file} is not a profile: {reason}")]
    #[diagnostic(code(evmc::profile), help("expected is what evmc profile --output wrote"))]
    Member {
        /// The file.
        file: String,
        /// Which member, and what is wrong with it.
        reason: String,
    },
}

/// Codes with what blocks spent in them, the busiest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    format: String,
    /// Blocks that were executed.
    pub blocks: u64,
    /// Operations that were executed in all of them, those of initcode too.
    pub operations: u64,
    /// Operations of initcode.
    pub initcode_operations: u64,
    /// Distinct codes that were executed, the same under another class of forks being another one.
    pub distinct_codes: u64,
    /// The listed codes.
    pub codes: Vec<ProfiledCode>,
}

/// A code with what was spent in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfiledCode {
    /// Keccak-256 of the code.
    pub code_hash: B256,
    /// The first fork of the class under which it was executed.
    pub fork: String,
    /// One account that has it.
    pub address: Address,
    /// Frames that it was executed in.
    pub frames: u64,
    /// Operations that were executed in them, without those of the frames that they called.
    pub operations: u64,
    /// The code.
    pub code: Bytes,
}

impl Profile {
    /// The busiest codes of those in `counted` that make up `percent` per cent of all operations; fewer
    /// would not.
    pub fn of(counted: &Counter, percent: f64) -> Self {
        let operations = counted.operations();
        let mut codes: Vec<ProfiledCode> = counted.codes().collect();
        let distinct_codes = codes.len() as u64;
        codes.sort_by_key(|code| (Reverse(code.operations), code.code_hash, code.fork.clone()));
        let mut covered = 0;
        let is_missing = |code: &ProfiledCode| {
            let goes_on = (covered as f64) < operations as f64 * percent / 100.0;
            covered += code.operations;
            goes_on
        };
        let codes = codes.into_iter().take_while(is_missing).collect();
        let initcode_operations = counted.initcode_operations;
        let blocks = counted.blocks;
        Self { format: FORMAT.to_owned(), blocks, operations, initcode_operations, distinct_codes, codes }
    }

    /// Operations of the listed codes.
    pub fn covered(&self) -> u64 {
        self.codes.iter().map(|code| code.operations).sum()
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// When the file cannot be read or is not a profile.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        Ok(parse(&input::read_file(path)?, &path.display().to_string())?)
    }

    /// The codes to compile for each class of forks. A fork's name was checked when the profile was read.
    pub fn contracts(&self, origin: &Path) -> BTreeMap<Fork, Vec<Contract>> {
        let mut contracts: BTreeMap<Fork, Vec<Contract>> = BTreeMap::new();
        for code in &self.codes {
            let Ok(fork) = code.fork.parse() else { continue };
            let (name, origin) = (code.code_hash.to_string(), origin.display().to_string());
            let contract = Contract::bare(name, origin, Ok(code.code.to_vec()));
            contracts.entry(fork).or_default().push(contract);
        }
        contracts
    }
}

/// Reads a profile and checks it.
fn parse(text: &[u8], file: &str) -> Result<Profile, ProfileError> {
    let profile: Profile = serde_json::from_slice(text)
        .map_err(|source| ProfileError::Json { file: file.to_owned(), source })?;
    check(&profile).map_err(|reason| ProfileError::Member { file: file.to_owned(), reason })?;
    Ok(profile)
}

/// What is wrong with a profile, in words.
fn check(profile: &Profile) -> Result<(), String> {
    if profile.format != FORMAT {
        return Err(format!("its format is {:?}, not {FORMAT:?}", profile.format));
    }
    for (index, code) in profile.codes.iter().enumerate() {
        let ProfiledCode { code_hash, fork, code, .. } = code;
        if fork.parse::<Fork>().is_err() {
            return Err(format!("codes[{index}].fork: {fork:?} is not a fork"));
        }
        if code.len() > MAX_CODE_BYTES {
            return Err(format!("codes[{index}].code: {} bytes, of {MAX_CODE_BYTES} at most", code.len()));
        }
        if driver::code_hash(code) != code_hash.0 {
            return Err(format!("codes[{index}].code: its hash is not {code_hash}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A profile with one code.
    fn document(fork: &str, code: &str) -> Value {
        // The hash is that of 0x00, as Ethereum's documentation of EXTCODEHASH has it.
        let hash = "0xbc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a";
        let one = json!({"code_hash": hash, "fork": fork, "address": Address::ZERO, "frames": 1, "operations": 2, "code": code});
        json!({"format": FORMAT, "blocks": 1, "operations": 2, "initcode_operations": 0, "distinct_codes": 1, "codes": [one]})
    }

    fn refusal(document: &Value) -> String {
        let error = parse(document.to_string().as_bytes(), "p.json").expect_err("not a profile");
        error.to_string()
    }

    #[test]
    fn a_profile_is_checked_when_it_is_read() {
        let good = document("Cancun", "0x00");
        let profile = parse(good.to_string().as_bytes(), "p.json").expect("a profile");
        let contracts = profile.contracts(Path::new("p.json"));
        assert_eq!(contracts[&Fork::Cancun][0].runtime().expect("code"), [0]);
        assert!(refusal(&document("Cancun", "0x01")).contains("codes[0].code: its hash is not"));
        assert!(refusal(&document("Cancoon", "0x00")).contains("codes[0].fork"));
        let mut other = good;
        other["format"] = json!("evmc-profile/2");
        assert!(refusal(&other).contains("its format"));
        other["extra"] = json!(1);
        assert_eq!(refusal(&other), "p.json is not a profile");
    }
}
