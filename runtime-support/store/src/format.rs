//! How index and packs lie in their files. Everything is little-endian.
//!
//! ```text
//! index = header, packs × pack row, rows × row (sorted by key), [signature]
//! pack  = header, count × span of an artifact, artifacts
//! ```
//!
//! The index' checksum is BLAKE3 of all in front of the signature, with the checksum itself as zeros.
//! A pack has none: each artifact is sealed by itself.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::key::StoreKey;

/// First bytes of an index.
pub(crate) const INDEX_MAGIC: [u8; 8] = *b"EVMCIDX\0";
/// First bytes of a pack.
pub(crate) const PACK_MAGIC: [u8; 8] = *b"EVMCPAK\0";
/// Version of both formats.
pub(crate) const VERSION: u32 = 1;

/// Start of an index.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct IndexHeader {
    /// [`INDEX_MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U32,
    /// Number of packs.
    pub packs: U32,
    /// Number of rows.
    pub rows: U64,
    /// How often the index was written.
    pub generation: U64,
    /// See the module.
    pub checksum: [u8; 32],
}

/// A pack that rows name by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PackRow {
    /// BLAKE3 of the pack, which is also its name.
    pub id: [u8; 32],
    /// Length of the file, in bytes.
    pub len: U64,
}

/// An artifact.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct ArtifactRow {
    pub code_hash: [u8; 32],
    pub gas_table_hash: [u8; 32],
    pub compiler_build: [u8; 32],
    /// The artifact's own checksum.
    pub checksum: [u8; 32],
    pub cpu_features: U64,
    /// Where it lies in its pack, in bytes.
    pub offset: U64,
    /// Its length, in bytes.
    pub len: U32,
    /// Number of its pack.
    pub pack: U32,
    pub abi_version: U32,
    pub fork_class: U16,
    pub language: u8,
    pub backend: u8,
    pub opt_level: u8,
    /// Always 0.
    pub reserved: [u8; 7],
}

impl ArtifactRow {
    /// The key that the row is sorted by.
    pub(crate) fn key(&self) -> StoreKey {
        StoreKey {
            code_hash: self.code_hash,
            language: self.language,
            fork_class: self.fork_class.get(),
            gas_table_hash: self.gas_table_hash,
            abi_version: self.abi_version.get(),
            backend: self.backend,
            opt_level: self.opt_level,
            cpu_features: self.cpu_features.get(),
            compiler_build: self.compiler_build,
        }
    }

    /// A row with this key, for an artifact that lies there.
    pub(crate) fn new(key: &StoreKey, checksum: [u8; 32], pack: u32, offset: u64, len: u32) -> Self {
        Self {
            code_hash: key.code_hash,
            gas_table_hash: key.gas_table_hash,
            compiler_build: key.compiler_build,
            checksum,
            cpu_features: key.cpu_features.into(),
            offset: offset.into(),
            len: len.into(),
            pack: pack.into(),
            abi_version: key.abi_version.into(),
            fork_class: key.fork_class.into(),
            language: key.language,
            backend: key.backend,
            opt_level: key.opt_level,
            reserved: [0; 7],
        }
    }
}

/// End of a signed index.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct IndexSignature {
    /// Ed25519 public key.
    pub key: [u8; 32],
    /// Its signature, see [`crate::signature`].
    pub signature: [u8; 64],
}

/// Start of a pack.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PackHeader {
    /// [`PACK_MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U32,
    /// Number of artifacts.
    pub count: U32,
}

/// Where an artifact lies in a pack.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PackSpan {
    /// In bytes from the start of the pack.
    pub offset: U64,
    /// In bytes.
    pub len: U32,
    /// Always 0.
    pub reserved: U32,
}
