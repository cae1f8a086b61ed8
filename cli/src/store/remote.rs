//! Stores in object storage.
//!
//! There a store has the same files as in a folder. Packs are immutable and named by their content, so they
//! are transferred once and in any order; the index goes last. Where the storage can, the index is only
//! put in place of the one that was read before, so that machines which push at once merge instead of
//! overwriting each other.

use std::{fs, path::Path};

use evmc_store::{Signer, Store, StoreWriter, Trust};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, UpdateVersion, path::Path as RemotePath};
use serde::Serialize;
use url::Url;

use crate::{error::CliError, output};

/// How often an index is merged again because somebody else was faster.
const ATTEMPTS: usize = 10;

/// What was transferred.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Transferred {
    /// Artifacts in the store that was written to, in the end.
    pub artifacts: usize,
    /// Packs transferred.
    pub packs: usize,
    /// Their length, in bytes.
    pub pack_bytes: u64,
    /// Packs that were there already.
    pub packs_unchanged: usize,
}

/// A store in object storage.
pub struct Remote {
    url: Url,
    storage: Box<dyn ObjectStore>,
    folder: RemotePath,
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    /// The store at an address.
    pub fn open(url: &Url) -> Result<Self, CliError> {
        let environment = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        let environment = environment.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let opened = object_store::parse_url_opts(url, environment);
        let (storage, folder) = opened.map_err(|error| failure(url, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|source| CliError::System { action: "start the runtime for object storage", source })?;
        Ok(Self { url: url.clone(), storage, folder, runtime })
    }

    /// Adds all artifacts of a store in a folder to this one. With `signer`, the index is signed with it, else it
    /// stays signed only where nothing is merged.
    pub fn push(
        &self,
        store: &Store,
        signer: impl Fn() -> Result<Option<Signer>, CliError>,
    ) -> Result<Transferred, CliError> {
        let mut done = self.push_packs(store)?;
        for _ in 0..ATTEMPTS {
            let scratch = tempfile::tempdir()
                .map_err(|source| CliError::System { action: "make a temporary folder", source })?;
            let version = self.fetch_index(scratch.path())?;
            let writer = StoreWriter::open(scratch.path(), signer()?)?;
            writer.adopt(store)?;
            done.artifacts = Store::open(scratch.path(), &Trust::Anyone)?.len();
            if done.artifacts == 0 || self.put_index(scratch.path(), version)? {
                return Ok(done);
            }
        }
        Err(failure(&self.url, &"others change the index all the time; try again"))
    }

    /// Brings all artifacts to the store in a folder, if the index has the signature that `trust` asks for.
    pub fn pull(
        &self,
        folder: &Path,
        trust: &Trust,
        signer: Option<Signer>,
    ) -> Result<Transferred, CliError> {
        let scratch = tempfile::tempdir()
            .map_err(|source| CliError::System { action: "make a temporary folder", source })?;
        self.fetch_index(scratch.path())?;
        let theirs = Store::open(scratch.path(), trust)?;
        let writer = StoreWriter::open(folder, signer)?;
        let mut done = Transferred::default();
        let bar = output::progress(Some(theirs.packs().count() as u64), false);
        for (path, id) in theirs.packs() {
            let path = folder.join(path.strip_prefix(scratch.path()).unwrap_or(&path));
            if path.exists() {
                done.packs_unchanged += 1;
            } else {
                self.pull_pack(&path, &id, &mut done)?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        writer.adopt(&theirs)?;
        done.artifacts = Store::open(folder, &Trust::Anyone)?.len();
        Ok(done)
    }

    fn pull_pack(&self, path: &Path, id: &[u8; 32], done: &mut Transferred) -> Result<(), CliError> {
        let at = self.at_pack(path);
        let bytes = self.get(&at)?.ok_or_else(|| failure(&self.url, &format!("{at} is missing")))?.0;
        if blake3::hash(&bytes) != *id {
            return Err(failure(&self.url, &format!("{at} is damaged: its content has another hash")));
        }
        output::write_file(path, &bytes)?;
        done.packs += 1;
        done.pack_bytes += bytes.len() as u64;
        Ok(())
    }

    fn push_packs(&self, store: &Store) -> Result<Transferred, CliError> {
        let mut done = Transferred::default();
        let bar = output::progress(Some(store.packs().count() as u64), false);
        for (path, _) in store.packs() {
            let at = self.at_pack(&path);
            if self.run(self.storage.head(&at)).is_ok() {
                done.packs_unchanged += 1;
            } else {
                let bytes =
                    fs::read(&path).map_err(|source| CliError::Read { path: path.clone(), source })?;
                done.packs += 1;
                done.pack_bytes += bytes.len() as u64;
                self.run(self.storage.put(&at, bytes.into())).map_err(|error| failure(&self.url, &error))?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(done)
    }

    /// Writes the index to a folder; gives its version, or `None` where there is no index.
    fn fetch_index(&self, folder: &Path) -> Result<Option<UpdateVersion>, CliError> {
        let Some((bytes, version)) = self.get(&self.folder.clone().join("index"))? else { return Ok(None) };
        output::write_file(&folder.join("index"), &bytes)?;
        Ok(Some(version))
    }

    /// Puts the index of a folder in place of the one with `version`; `false` where that is no longer there.
    fn put_index(&self, folder: &Path, version: Option<UpdateVersion>) -> Result<bool, CliError> {
        let path = folder.join("index");
        let bytes = fs::read(&path).map_err(|source| CliError::Read { path, source })?;
        let at = self.folder.clone().join("index");
        let put = |mode: PutMode| self.run(self.storage.put_opts(&at, bytes.clone().into(), mode.into()));
        match put(version.map_or(PutMode::Create, PutMode::Update)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(false)
            }
            Err(object_store::Error::NotImplemented { .. }) => {
                put(PutMode::Overwrite).map(|_| true).map_err(|error| failure(&self.url, &error))
            }
            Err(error) => Err(failure(&self.url, &error)),
        }
    }

    /// The bytes of an object and its version, or `None` where it is not there.
    fn get(&self, at: &RemotePath) -> Result<Option<(Vec<u8>, UpdateVersion)>, CliError> {
        let got = self.run(async {
            let result = self.storage.get(at).await?;
            let version =
                UpdateVersion { e_tag: result.meta.e_tag.clone(), version: result.meta.version.clone() };
            Ok((result.bytes().await?.to_vec(), version))
        });
        match got {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(&self.url, &error)),
        }
    }

    /// Where a pack lies, which is in the file `path` of a folder.
    fn at_pack(&self, path: &Path) -> RemotePath {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.folder.clone().join("packs").join(name.as_ref())
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

fn failure(url: &Url, reason: &dyn std::fmt::Display) -> CliError {
    CliError::Remote { url: url.to_string(), reason: reason.to_string() }
}
