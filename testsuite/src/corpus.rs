//! The archive of real contracts: one table of tab-separated values, one contract a line.

use std::{fs::File, io, io::Read, path::Path};

/// A contract of the corpus.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Keccak-256 of the code, as the archive writes it.
    pub code_hash: String,
    /// Runtime bytecode.
    pub code: Vec<u8>,
}

/// Reads the contracts from an archive (`.tar.zst` with `contracts.tsv` in it).
///
/// # Errors
/// The file cannot be read, or a line has not the form of the table.
pub fn read(archive: &Path) -> io::Result<Vec<Contract>> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(archive)?)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.ends_with("contracts.tsv") {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return text.lines().skip(1).map(contract).collect();
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no contracts.tsv in the archive"))
}

/// Reads a line: the first column is the code hash, the last the code.
fn contract(line: &str) -> io::Result<Contract> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("not a contract: {line:.80}"));
    let (code_hash, rest) = line.split_once('\t').ok_or_else(invalid)?;
    let (_, code) = rest.rsplit_once('\t').ok_or_else(invalid)?;
    let code = hex::decode(code).map_err(|_| invalid())?;
    Ok(Contract { code_hash: code_hash.to_owned(), code })
}
