//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use evmc_artifact::CheckError;
use thiserror::Error;

/// Why a store cannot be used, or not in this way.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index is not as it was written.
    #[error("{}: damaged at byte {offset}: {reason}; `evmc store verify --repair` rebuilds it from the artifacts", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The index was written by a version that this one does not read.
    #[error("{}: index of version {found}, this program reads version {expected}; build the store again", path.display())]
    Version {
        /// The index.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A signature is asked for and there is none.
    #[error("{}: the index is not signed; sign it with `evmc build --store DIR --sign KEY`", .0.display())]
    Unsigned(PathBuf),
    /// The signature is by a key that is not trusted.
    #[error("{}: the index is signed by {key}, which is not trusted", path.display())]
    Untrusted {
        /// The index.
        path: PathBuf,
        /// The public key, in hexadecimal.
        key: String,
    },
    /// The signature is not of this index.
    #[error("{}: the signature does not fit the index", .0.display())]
    Signature(PathBuf),
    /// Somebody without the key wants to change a signed store.
    #[error("{}: the index is signed, so changing it needs the key: pass --sign KEY", .0.display())]
    NeedsKey(PathBuf),
    /// A file is not a key.
    #[error("{}: not an Ed25519 key in PEM form ({reason}); `openssl genpkey -algorithm ed25519` makes one", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What is to be added is not an artifact.
    #[error("not an artifact: {0}")]
    Artifact(#[from] CheckError),
    /// More than the format has room for.
    #[error("a store holds at most {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it may hold.
        limit: u64,
    },
}

impl StoreError {
    /// Makes an error of the system one of a path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}
