//! Removing what no node needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use evmc_abi::{ABI_VERSION, fork};

use crate::error::StoreError;
use crate::file::{self, Lock, TEMPORARY};
use crate::format::PackRow;
use crate::index::Contents;
use crate::key::StoreKey;
use crate::pack;
use crate::store::{name_of, quarantine_folder, read_quarantine};
use crate::writer::{StoreWriter, id_of, keyed, pack_files};

/// Longest time that anybody takes to write a file of a few words.
const WRITING: Duration = Duration::from_secs(600);

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Artifacts taken out of the index.
    pub artifacts: u64,
    /// Files removed.
    pub files: u64,
    /// Bytes of files removed, less those of packs written anew.
    pub bytes: i64,
}

impl StoreWriter {
    /// Removes artifacts that nothing can run any more (another ABI, another gas table), those in quarantine and,
    /// where `compiler` is given, those of other compilers; then packs that nobody names, and files that
    /// a killed writer left. A pack that is less than half in use is written anew.
    ///
    /// A node that opened the store before finds some packs gone; it interprets until it opens it again.
    ///
    /// # Errors
    /// The index is damaged or signed by a key that we do not have; the system refuses.
    pub fn collect_garbage(&self, compiler: Option<&[u8; 32]>) -> Result<Collected, StoreError> {
        let _lock = Lock::take(&self.folder)?;
        let mut contents = self.contents()?;
        let quarantine = read_quarantine(&self.folder)?;
        let before = contents.rows.len();
        contents.rows.retain(|key, (row, _)| {
            can_run(key)
                && !quarantine.contains(&row.checksum)
                && compiler.is_none_or(|compiler| key.compiler_build == *compiler)
        });
        let mut collected =
            Collected { artifacts: (before - contents.rows.len()) as u64, ..Collected::default() };
        collected.bytes -= self.rewrite_sparse_packs(&mut contents)?;
        let used: BTreeSet<[u8; 32]> = contents.rows.values().map(|(_, pack)| pack.id).collect();
        contents.write(&self.folder, self.signer.as_ref())?;
        // Only now that no index names them.
        for path in pack_files(&self.folder)? {
            if id_of(&path).is_none_or(|id| !used.contains(&id)) {
                collected.remove(&path)?;
            }
        }
        for checksum in &quarantine {
            file::remove(&quarantine_folder(&self.folder).join(name_of(checksum)))?;
        }
        collected.remove_temporaries(&self.folder, Duration::ZERO)?;
        collected.remove_temporaries(&pack::folder(&self.folder), Duration::ZERO)?;
        let quarantine = quarantine_folder(&self.folder);
        if quarantine.exists() {
            collected.remove_temporaries(&quarantine, WRITING)?;
        }
        Ok(collected)
    }

    /// Moves what is left of packs that are less than half in use to new packs; gives their length in bytes.
    fn rewrite_sparse_packs(&self, contents: &mut Contents) -> Result<i64, StoreError> {
        let mut in_use: BTreeMap<[u8; 32], (PackRow, u64)> = BTreeMap::new();
        for (row, pack) in contents.rows.values() {
            in_use.entry(pack.id).or_insert((*pack, 0)).1 += u64::from(row.len.get());
        }
        in_use.retain(|_, (pack, bytes)| *bytes * 2 < pack.len.get());
        let mut moved = Vec::new();
        for (row, pack) in contents.rows.values() {
            if in_use.contains_key(&pack.id) {
                let path = pack::path(&self.folder, &pack.id);
                moved.push(file::read_at(&path, row.offset.get(), row.len.get()).unwrap_or_default());
            }
        }
        contents.rows.retain(|_, (_, pack)| !in_use.contains_key(&pack.id));
        // What cannot be read or is damaged is garbage too.
        let whole: Vec<_> = moved.iter().filter_map(|bytes| keyed(bytes).ok()).collect();
        let bytes = whole.iter().map(|artifact| artifact.bytes.len() as i64).sum();
        self.add(contents, whole)?;
        Ok(bytes)
    }
}

impl Collected {
    fn remove(&mut self, path: &Path) -> Result<(), StoreError> {
        self.bytes += fs::metadata(path).map_or(0, |data| data.len() as i64);
        self.files += 1;
        file::remove(path)
    }

    /// Removes files that somebody began to write, and that nobody has touched for so long. Nobody writes to index and packs
    /// under the lock; what goes to quarantine is written without.
    fn remove_temporaries(&mut self, folder: &Path, untouched: Duration) -> Result<(), StoreError> {
        for entry in fs::read_dir(folder).map_err(StoreError::io(folder))? {
            let path = entry.map_err(StoreError::io(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(TEMPORARY)) && age(&path) >= untouched {
                self.remove(&path)?;
            }
        }
        Ok(())
    }
}

/// How long ago a file was written to; nothing where that is not known, or lies ahead.
fn age(path: &Path) -> Duration {
    let written = fs::metadata(path).and_then(|data| data.modified()).ok();
    written.and_then(|time| time.elapsed().ok()).unwrap_or_default()
}

/// Whether a node of this version could run an artifact with this key.
fn can_run(key: &StoreKey) -> bool {
    let rules = fork::rules(key.fork_class);
    key.abi_version == ABI_VERSION && rules.is_some_and(|rules| rules.gas_table_hash == key.gas_table_hash)
}
