//! The corpus of real contract codes, for tests that want it.

use std::io::Read;
use std::path::PathBuf;

/// A contract code and its hash as the corpus writes it.
pub struct Contract {
    pub hash: String,
    pub code: Vec<u8>,
}

/// The folder that `EVMC_DATA` names, by default `../shared/data` beside the repository.
fn data_folder() -> PathBuf {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    std::env::var_os("EVMC_DATA").map_or_else(default, PathBuf::from)
}

/// The corpus, or `None` (said on stderr) where it is not there.
pub fn corpus() -> Option<Vec<Contract>> {
    let path = data_folder().join("corpus/given.tar.zst");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    for entry in archive.entries().expect("tar") {
        let mut entry = entry.expect("tar entry");
        if entry.path().expect("path").ends_with("contracts.tsv") {
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            return Some(text.lines().skip(1).map(contract).collect());
        }
    }
    panic!("no contracts.tsv in {}", path.display());
}

fn contract(line: &str) -> Contract {
    let columns: Vec<&str> = line.split('\t').collect();
    Contract { hash: columns[0].to_owned(), code: hex::decode(columns[5]).expect("hex") }
}
