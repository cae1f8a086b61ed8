//! Changing a store.

use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use evmc_abi::CpuFeatures;
use evmc_artifact::Artifact;

use crate::error::StoreError;
use crate::file::{self, Lock};
use crate::format::{ArtifactRow, PackRow};
use crate::index::{Contents, Index};
use crate::key::StoreKey;
use crate::pack::{self, Pack};
use crate::signature::{Signer, Trust};
use crate::store::Store;

/// A pack is closed when it has this many bytes of artifacts.
const PACK_BYTES: usize = 64 << 20;

/// Who adds to a store. Any number may do so at once, also in different processes; each change takes the
/// lock of the folder, reads the index as it is then, and replaces it.
#[derive(Debug)]
pub struct StoreWriter {
    pub(crate) folder: PathBuf,
    pub(crate) signer: Option<Signer>,
}

/// What became of artifacts that were added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inserted {
    /// Artifacts under new keys.
    pub new: u64,
    /// Artifacts that took the place of others with the same keys, or keys that differ in the compiler alone.
    pub replaced: u64,
    /// Artifacts that were there already.
    pub unchanged: u64,
}

impl AddAssign for Inserted {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.replaced += other.replaced;
        self.unchanged += other.unchanged;
    }
}

/// What a repair found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Artifacts in the new index.
    pub kept: u64,
    /// Artifacts in packs that fail a check.
    pub damaged: u64,
}

impl StoreWriter {
    /// A writer to the store in a folder, which is made if it is not there. A store whose index is signed
    /// takes a signer to change; with a signer, an unsigned one becomes signed.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path, signer: Option<Signer>) -> Result<Self, StoreError> {
        file::make_folder(&pack::folder(folder))?;
        Ok(Self { folder: folder.to_owned(), signer })
    }

    /// Adds artifacts, in place of what is there with equal keys, or with keys that differ in the compiler alone: of two
    /// compilers, the one that was used last is the one that is wanted. All or, on error, none.
    ///
    /// # Errors
    /// One of them is not a whole artifact; the index is damaged or signed by a key that we do not have; the
    /// system refuses.
    pub fn insert(&self, artifacts: &[impl AsRef<[u8]>]) -> Result<Inserted, StoreError> {
        let keyed = artifacts.iter().map(|artifact| keyed(artifact.as_ref()));
        let keyed: Vec<Keyed<'_>> = keyed.collect::<Result<_, _>>()?;
        let _lock = Lock::take(&self.folder)?;
        let mut contents = self.contents()?;
        let mut inserted = Inserted::default();
        let mut fresh = Vec::with_capacity(keyed.len());
        for artifact in keyed {
            match contents.rows.get(&artifact.key) {
                Some(there) if self.holds(there, artifact.bytes) => {
                    inserted.unchanged += 1;
                    continue;
                }
                None if !contents.has_by_other_compilers(&artifact.key) => inserted.new += 1,
                _ => inserted.replaced += 1,
            }
            fresh.push(artifact);
        }
        if !fresh.is_empty() || self.must_sign(&contents)? {
            self.add(&mut contents, fresh)?;
            contents.write(&self.folder, self.signer.as_ref())?;
        }
        Ok(inserted)
    }

    /// Takes over the artifacts of another store, whose packs lie in our folder already or will: theirs in place of
    /// ours as in [`Self::insert`]. Where we have nothing that they lack, the index becomes theirs, signature and all.
    ///
    /// # Errors
    /// The index is damaged or signed by a key that we do not have; the system refuses.
    pub fn adopt(&self, other: &Store) -> Result<(), StoreError> {
        let _lock = Lock::take(&self.folder)?;
        let ours = Index::open(&self.folder, &Trust::Anyone)?.contents();
        let theirs = other.contents();
        if self.signer.is_none() && ours.rows.keys().all(|key| theirs.rows.contains_key(key)) {
            let path = crate::index::path(other.folder());
            return match fs::read(&path) {
                Ok(bytes) => file::replace(&crate::index::path(&self.folder), &bytes),
                Err(_) if theirs.rows.is_empty() => Ok(()),
                Err(error) => Err(StoreError::io(&path)(error)),
            };
        }
        let mut contents = self.contents()?;
        theirs.rows.keys().for_each(|key| contents.remove_by_any_compiler(key));
        contents.rows.extend(theirs.rows);
        contents.write(&self.folder, self.signer.as_ref())
    }

    /// Makes a new index of all artifacts in the packs that pass every check. Where the old index can be read,
    /// it decides between artifacts with equal keys, and with keys that differ in the compiler alone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn repair(&self) -> Result<Repaired, StoreError> {
        let _lock = Lock::take(&self.folder)?;
        let old = match self.contents() {
            Err(StoreError::Index { .. } | StoreError::Version { .. }) => Contents::default(),
            other => other?,
        };
        let mut contents = Contents { generation: old.generation, ..Contents::default() };
        let mut repaired = Repaired::default();
        for path in pack_files(&self.folder)? {
            let bytes = fs::read(&path).map_err(StoreError::io(&path))?;
            // The name is the index' way to the pack, also where the content no longer agrees with it.
            let Some(id) = id_of(&path) else { continue };
            let pack = PackRow { id, len: (bytes.len() as u64).into() };
            for (offset, len) in pack::spans(&bytes) {
                let artifact = &bytes[offset as usize..][..len as usize];
                let Ok(found) = keyed(artifact) else {
                    repaired.damaged += 1;
                    continue;
                };
                let row = ArtifactRow::new(&found.key, found.checksum, 0, offset, len);
                let is_old = old.rows.get(&found.key).is_some_and(|(old, _)| old.checksum == found.checksum);
                let entry = contents.rows.entry(found.key).or_insert((row, pack));
                if is_old {
                    *entry = (row, pack);
                }
            }
        }
        // What another compiler had taken the place of is still in its pack.
        for key in old.rows.keys() {
            if let Some(row) = contents.rows.get(key).copied() {
                contents.remove_by_any_compiler(key);
                contents.rows.insert(*key, row);
            }
        }
        repaired.kept = contents.rows.len() as u64;
        contents.write(&self.folder, self.signer.as_ref())?;
        Ok(repaired)
    }

    /// The index as it is now, if we may change it. Under the lock.
    pub(crate) fn contents(&self) -> Result<Contents, StoreError> {
        let index = Index::open(&self.folder, &Trust::Anyone)?;
        if index.signer().is_some() && self.signer.is_none() {
            return Err(StoreError::NeedsKey(crate::index::path(&self.folder)));
        }
        Ok(index.contents())
    }

    /// Whether the artifact of a row is this one, and whole.
    fn holds(&self, (row, pack): &(ArtifactRow, PackRow), bytes: &[u8]) -> bool {
        let there = file::read_at(&pack::path(&self.folder, &pack.id), row.offset.get(), row.len.get());
        there.is_ok_and(|there| there == bytes)
    }

    /// Whether there is an index that lacks our signature.
    fn must_sign(&self, contents: &Contents) -> Result<bool, StoreError> {
        let Some(signer) = &self.signer else { return Ok(false) };
        let index = Index::open(&self.folder, &Trust::Anyone)?;
        Ok(!contents.rows.is_empty() && index.signer() != Some(signer.public()))
    }

    /// Writes artifacts to packs, and their rows to `contents`. Under the lock.
    pub(crate) fn add(
        &self,
        contents: &mut Contents,
        mut artifacts: Vec<Keyed<'_>>,
    ) -> Result<(), StoreError> {
        artifacts.sort_by_key(|artifact| artifact.key);
        let mut rest = &artifacts[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |artifact: &&Keyed<'_>| {
                bytes += artifact.bytes.len();
                bytes <= PACK_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            self.add_pack(contents, now)?;
            rest = later;
        }
        Ok(())
    }

    fn add_pack(&self, contents: &mut Contents, artifacts: &[Keyed<'_>]) -> Result<(), StoreError> {
        let pack = Pack::new(&artifacts.iter().map(|artifact| artifact.bytes).collect::<Vec<_>>());
        let row = pack.row();
        file::replace(&pack::path(&self.folder, &row.id), &pack.bytes)?;
        for (artifact, &(offset, len)) in artifacts.iter().zip(&pack.spans) {
            let found = ArtifactRow::new(&artifact.key, artifact.checksum, 0, offset, len);
            contents.remove_by_any_compiler(&artifact.key);
            contents.rows.insert(artifact.key, (found, row));
        }
        Ok(())
    }
}

/// An artifact with what the index says of it.
pub(crate) struct Keyed<'a> {
    pub key: StoreKey,
    pub checksum: [u8; 32],
    pub bytes: &'a [u8],
}

/// Checks an artifact, for whatever processor, and tells its key.
pub(crate) fn keyed(bytes: &[u8]) -> Result<Keyed<'_>, StoreError> {
    let found = Artifact::check_for(bytes, CpuFeatures::from_bits(u64::MAX))?;
    let descriptor = found.descriptor();
    Ok(Keyed { key: StoreKey::of(descriptor), checksum: descriptor.checksum, bytes })
}

/// The packs in a store's folder, in the order of their names.
pub(crate) fn pack_files(store: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let folder = pack::folder(store);
    let entries = fs::read_dir(&folder).map_err(StoreError::io(&folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::io(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The hash that a pack's name stands for.
pub(crate) fn id_of(path: &Path) -> Option<[u8; 32]> {
    let name = path.file_stem()?.to_str()?;
    blake3::Hash::from_hex(name).ok().map(<[u8; 32]>::from)
}
