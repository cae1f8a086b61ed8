//! Packs: files of many artifacts.
//!
//! A pack is written once and never changed; its name is the hash of its content, so equal packs are one
//! file and different ones never collide.

use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, IntoBytes};

use crate::format::{PACK_MAGIC, PackHeader, PackRow, PackSpan, VERSION};

/// Artifacts begin at multiples of this many bytes.
const ALIGN: usize = 64;

/// The folder of the packs.
pub(crate) fn folder(store: &Path) -> PathBuf {
    store.join("packs")
}

/// Where the pack with this content lies.
pub(crate) fn path(store: &Path, id: &[u8; 32]) -> PathBuf {
    folder(store).join(format!("{}.pack", blake3::Hash::from_bytes(*id).to_hex()))
}

/// A pack in memory.
pub(crate) struct Pack {
    pub bytes: Vec<u8>,
    /// Where each artifact lies.
    pub spans: Vec<(u64, u32)>,
}

impl Pack {
    /// Lays artifacts out, in the given order. Each must be shorter than 4 GiB.
    pub(crate) fn new(artifacts: &[&[u8]]) -> Self {
        let table = size_of::<PackHeader>() + artifacts.len() * size_of::<PackSpan>();
        let mut end = table;
        let spans: Vec<(u64, u32)> = artifacts
            .iter()
            .map(|artifact| {
                let offset = end.next_multiple_of(ALIGN);
                end = offset + artifact.len();
                (offset as u64, artifact.len() as u32)
            })
            .collect();
        let mut bytes = Vec::with_capacity(end);
        let count = artifacts.len() as u32;
        let header = PackHeader { magic: PACK_MAGIC, version: VERSION.into(), count: count.into() };
        bytes.extend_from_slice(header.as_bytes());
        for &(offset, len) in &spans {
            let span = PackSpan { offset: offset.into(), len: len.into(), reserved: 0.into() };
            bytes.extend_from_slice(span.as_bytes());
        }
        for (&(offset, _), artifact) in spans.iter().zip(artifacts) {
            bytes.resize(offset as usize, 0);
            bytes.extend_from_slice(artifact);
        }
        Self { bytes, spans }
    }

    /// What the index says of the pack.
    pub(crate) fn row(&self) -> PackRow {
        PackRow { id: *blake3::hash(&self.bytes).as_bytes(), len: (self.bytes.len() as u64).into() }
    }
}

/// Where artifacts may lie in the bytes of a pack, as far as its table can be read. Spans are within
/// `bytes`; nothing else about them is certain.
pub(crate) fn spans(bytes: &[u8]) -> Vec<(u64, u32)> {
    let Ok((header, rest)) = PackHeader::ref_from_prefix(bytes) else { return Vec::new() };
    if header.magic != PACK_MAGIC || header.version.get() != VERSION {
        return Vec::new();
    }
    let count = (header.count.get() as usize).min(rest.len() / size_of::<PackSpan>());
    let Ok((table, _)) = <[PackSpan]>::ref_from_prefix_with_elems(rest, count) else { return Vec::new() };
    let is_within = |&(offset, len): &(u64, u32)| {
        offset.checked_add(u64::from(len)).is_some_and(|end| end <= bytes.len() as u64)
    };
    table.iter().map(|span| (span.offset.get(), span.len.get())).filter(is_within).collect()
}
