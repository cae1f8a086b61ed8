//! A store as it is read.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use evmc_abi::descriptor::{Backend, Language};
use evmc_abi::{ABI_VERSION, CpuFeatures, fork};
use evmc_artifact::{Artifact, CheckError, CheckedArtifact};
use thiserror::Error;

use crate::error::StoreError;
use crate::file;
use crate::format::ArtifactRow;
use crate::index::{Contents, Index, Row};
use crate::key::StoreKey;
use crate::pack;
use crate::signature::Trust;

/// Why an artifact that the index names is not used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It did harm before.
    #[error("in quarantine")]
    Quarantined,
    /// Its pack cannot be read there.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is damaged, or not for this machine.
    #[error("{0}")]
    Check(#[from] CheckError),
    /// It is whole, but not the artifact that the index names.
    #[error("not the artifact that the index names")]
    OtherArtifact,
}

impl Refusal {
    /// A name for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Unreadable(_) => "unreadable",
            Self::Check(_) => "check",
            Self::OtherArtifact => "other-artifact",
        }
    }
}

/// What somebody looks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Keccak-256 of the bytecode.
    pub code_hash: &'a [u8; 32],
    /// Number of the fork that it is to run under.
    pub fork: u16,
    /// What the processor has.
    pub features: CpuFeatures,
}

impl Wanted<'_> {
    /// Whether an artifact with this key could serve.
    fn fits(&self, row: &ArtifactRow) -> bool {
        row.abi_version.get() == ABI_VERSION
            && row.language == Language::Evm as u8
            && row.cpu_features.get() & !self.features.bits() == 0
            && fork::rules(self.fork).is_some_and(|rules| {
                row.fork_class.get() == rules.class && row.gas_table_hash == rules.gas_table_hash
            })
    }
}

/// An opened store: what it held when it was opened.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    index: Index,
    /// Checksums of artifacts in quarantine.
    quarantine: RwLock<HashSet<[u8; 32]>>,
}

impl Store {
    /// Opens the store in a folder.
    ///
    /// # Errors
    /// There is no such folder, its index is damaged, or does not have the signature that `trust` asks for.
    pub fn open(folder: &Path, trust: &Trust) -> Result<Self, StoreError> {
        let is_folder = fs::metadata(folder).map_err(StoreError::io(folder))?.is_dir();
        if !is_folder {
            return Err(StoreError::io(folder)(io::ErrorKind::NotADirectory.into()));
        }
        let quarantine = RwLock::new(read_quarantine(folder)?);
        Ok(Self { folder: folder.to_owned(), index: Index::open(folder, trust)?, quarantine })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Number of artifacts.
    pub fn len(&self) -> usize {
        self.index.rows().len()
    }

    /// Whether there are no artifacts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that grows with each change of the store; 0 where it never had an artifact.
    pub const fn generation(&self) -> u64 {
        self.index.generation()
    }

    /// The public key that signed the index.
    pub const fn signer(&self) -> Option<[u8; 32]> {
        self.index.signer()
    }

    /// All artifacts, in the order of their keys.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.index.rows().iter().filter_map(|row| self.index.row(row))
    }

    /// The files that hold the artifacts, each with the BLAKE3 of its content.
    pub fn packs(&self) -> impl Iterator<Item = (PathBuf, [u8; 32])> {
        self.index.packs().iter().map(|pack| (pack::path(&self.folder, &pack.id), pack.id))
    }

    /// What the index says, in memory.
    pub(crate) fn contents(&self) -> Contents {
        self.index.contents()
    }

    /// Whether a whole artifact with this key is there. Processor features need not be equal, as only the
    /// compiler knows what an artifact will need; those in `key` are what it may need.
    pub fn has(&self, key: &StoreKey) -> bool {
        let rows = self.index.of_code(&key.code_hash).iter();
        let is_wanted = |row: &&ArtifactRow| {
            let may_need = row.cpu_features.get() & !key.cpu_features == 0;
            may_need && StoreKey { cpu_features: key.cpu_features, ..row.key() } == *key
        };
        rows.filter(is_wanted).filter_map(|row| self.index.row(row)).any(|row| self.verify(&row).is_ok())
    }

    /// The checksum of the best artifact that the index names, which may turn out to be damaged or be in quarantine. `None` where
    /// it names none that could serve.
    pub fn best(&self, wanted: &Wanted<'_>) -> Option<[u8; 32]> {
        let rows = self.index.of_code(wanted.code_hash).iter().filter(|row| wanted.fits(row));
        rows.max_by_key(|row| row.key().rank()).map(|row| row.checksum)
    }

    /// Gives `take` the best artifact that passes every check, if there is one. Those that seem to fit and
    /// fail a check are told to `refused`.
    pub fn with_artifact<R>(
        &self,
        wanted: &Wanted<'_>,
        mut refused: impl FnMut(&Row, Refusal),
        take: impl FnOnce(&Row, &CheckedArtifact<'_>) -> R,
    ) -> Option<R> {
        let rows = self.index.of_code(wanted.code_hash).iter().filter(|row| wanted.fits(row));
        let mut rows: Vec<Row> = rows.filter_map(|row| self.index.row(row)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.key.rank()));
        for row in rows {
            let bytes = match self.read(&row) {
                Ok(bytes) => bytes,
                Err(refusal) => {
                    refused(&row, refusal);
                    continue;
                }
            };
            let checked = check(&row, &bytes, wanted.features)
                .and_then(|found| Ok(found.expect(wanted.code_hash, wanted.fork)?));
            match checked {
                Ok(checked) => return Some(take(&row, &checked)),
                Err(refusal) => refused(&row, refusal),
            }
        }
        None
    }

    /// Reads an artifact and checks it, whatever processor it is for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, row: &Row) -> Result<(), Refusal> {
        let bytes = self.read(row)?;
        check(row, &bytes, CpuFeatures::from_bits(u64::MAX)).map(drop)
    }

    /// Puts an artifact in quarantine: from now on it is refused, here and by whoever opens the store later.
    ///
    /// # Errors
    /// The folder cannot be written to; here the artifact is refused nevertheless.
    pub fn quarantine(&self, checksum: &[u8; 32], reason: &str) -> Result<(), StoreError> {
        self.quarantine.write().unwrap_or_else(PoisonError::into_inner).insert(*checksum);
        let folder = quarantine_folder(&self.folder);
        file::make_folder(&folder)?;
        file::replace(&folder.join(name_of(checksum)), reason.as_bytes())
    }

    /// Whether an artifact is in quarantine.
    pub fn is_quarantined(&self, checksum: &[u8; 32]) -> bool {
        self.quarantine.read().unwrap_or_else(PoisonError::into_inner).contains(checksum)
    }

    /// What is in it, in numbers.
    pub fn statistics(&self) -> Statistics {
        let mut found = Statistics::default();
        for row in self.rows() {
            found.artifacts += 1;
            found.artifact_bytes += u64::from(row.len);
            found.quarantined += u64::from(self.is_quarantined(&row.checksum));
            let backend = Backend::from_number(row.key.backend).map_or("unknown", Backend::name);
            *found.by_backend.entry(backend).or_default() += 1;
            *found.by_fork_class.entry(row.key.fork_class).or_default() += 1;
            *found.by_level.entry(row.key.opt_level).or_default() += 1;
        }
        found.packs = self.index.packs().len() as u64;
        found.pack_bytes = self.index.packs().iter().map(|pack| pack.len.get()).sum();
        found
    }

    fn read(&self, row: &Row) -> Result<Vec<u8>, Refusal> {
        if self.is_quarantined(&row.checksum) {
            return Err(Refusal::Quarantined);
        }
        file::read_at(&row.pack, row.offset, row.len).map_err(|error| Refusal::Unreadable(error.to_string()))
    }
}

/// What a store holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Number of artifacts.
    pub artifacts: u64,
    /// Their length, in bytes.
    pub artifact_bytes: u64,
    /// Number of packs.
    pub packs: u64,
    /// Their length, in bytes, with what no row names any more.
    pub pack_bytes: u64,
    /// Number of artifacts in quarantine.
    pub quarantined: u64,
    /// Artifacts by name of the backend.
    pub by_backend: BTreeMap<&'static str, u64>,
    /// Artifacts by class of forks.
    pub by_fork_class: BTreeMap<u16, u64>,
    /// Artifacts by optimisation level.
    pub by_level: BTreeMap<u8, u64>,
}

/// Checks that `bytes` are the artifact of a row, for a processor with `features`.
pub(crate) fn check<'a>(
    row: &Row,
    bytes: &'a [u8],
    features: CpuFeatures,
) -> Result<CheckedArtifact<'a>, Refusal> {
    let found = Artifact::check_for(bytes, features)?;
    let descriptor = found.descriptor();
    if descriptor.checksum != row.checksum || StoreKey::of(descriptor) != row.key {
        return Err(Refusal::OtherArtifact);
    }
    Ok(found)
}

pub(crate) fn quarantine_folder(store: &Path) -> PathBuf {
    store.join("quarantine")
}

/// The name of an artifact's file in quarantine.
pub(crate) fn name_of(checksum: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*checksum).to_hex().to_string()
}

/// The checksums that the names in the quarantine's folder stand for.
pub(crate) fn read_quarantine(store: &Path) -> Result<HashSet<[u8; 32]>, StoreError> {
    let folder = quarantine_folder(store);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        other => other.map_err(StoreError::io(&folder))?,
    };
    let mut found = HashSet::new();
    for entry in entries {
        let name = entry.map_err(StoreError::io(&folder))?.file_name();
        found.extend(name.to_str().and_then(|name| blake3::Hash::from_hex(name).ok()).map(<[u8; 32]>::from));
    }
    Ok(found)
}
