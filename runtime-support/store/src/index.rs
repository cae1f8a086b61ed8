//! The index: which artifacts a store has, and where.
//!
//! Reading maps the file and checks its shape and checksum once; rows are then read where they lie.
//! Writing goes through [`Contents`], the same in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use zerocopy::{FromBytes, IntoBytes};

use crate::error::StoreError;
use crate::file;
use crate::format::{ArtifactRow, INDEX_MAGIC, IndexHeader, IndexSignature, PackRow, VERSION};
use crate::key::StoreKey;
use crate::pack;
use crate::signature::{Signer, Trust};

/// Most packs of a store, as rows number them.
const MAX_PACKS: u64 = u32::MAX as u64;

/// An artifact of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is for.
    pub key: StoreKey,
    /// BLAKE3 that the artifact seals itself with.
    pub checksum: [u8; 32],
    /// The file that it lies in.
    pub pack: PathBuf,
    /// Where it begins there, in bytes.
    pub offset: u64,
    /// Its length, in bytes.
    pub len: u32,
}

/// The file of a store's index.
pub(crate) fn path(store: &Path) -> PathBuf {
    store.join("index")
}

/// An index as it lies in its file.
#[derive(Debug)]
pub(crate) struct Index {
    store: PathBuf,
    /// `None` where there is no file: a store without artifacts.
    map: Option<Mmap>,
    packs: Range<usize>,
    rows: Range<usize>,
    signer: Option<[u8; 32]>,
    generation: u64,
}

impl Index {
    /// Opens the index of a store; a folder without one is a store without artifacts.
    pub(crate) fn open(store: &Path, trust: &Trust) -> Result<Self, StoreError> {
        let path = path(store);
        let Some(map) = map(&path)? else {
            if let Trust::Keys(_) = trust {
                return Err(StoreError::Unsigned(path));
            }
            let store = store.to_owned();
            return Ok(Self { store, map: None, packs: 0..0, rows: 0..0, signer: None, generation: 0 });
        };
        let shape = Shape::read(&path, &map)?;
        let checksum = checksum(&map[..shape.rows.end]);
        if checksum != shape.checksum {
            return Err(damaged(&path, 0, "the checksum does not fit"));
        }
        trust.check(&path, &checksum, shape.signature.as_ref())?;
        Ok(Self {
            store: store.to_owned(),
            map: Some(map),
            packs: shape.packs,
            rows: shape.rows,
            signer: shape.signature.map(|signature| signature.key),
            generation: shape.generation,
        })
    }

    /// The public key that signed it.
    pub(crate) const fn signer(&self) -> Option<[u8; 32]> {
        self.signer
    }

    /// How often the index was written.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// All rows, sorted by key.
    pub(crate) fn rows(&self) -> &[ArtifactRow] {
        self.part(&self.rows)
    }

    pub(crate) fn packs(&self) -> &[PackRow] {
        self.part(&self.packs)
    }

    /// The rows of a code. Binary search: no locks, no memory.
    pub(crate) fn of_code(&self, code_hash: &[u8; 32]) -> &[ArtifactRow] {
        let rows = self.rows();
        let start = rows.partition_point(|row| row.code_hash < *code_hash);
        let len = rows[start..].partition_point(|row| row.code_hash == *code_hash);
        &rows[start..start + len]
    }

    /// A row for others; `None` where it names a pack that is not there.
    pub(crate) fn row(&self, row: &ArtifactRow) -> Option<Row> {
        let pack = self.packs().get(row.pack.get() as usize)?;
        Some(Row {
            key: row.key(),
            checksum: row.checksum,
            pack: pack::path(&self.store, &pack.id),
            offset: row.offset.get(),
            len: row.len.get(),
        })
    }

    /// The same in memory.
    pub(crate) fn contents(&self) -> Contents {
        let pack = |row: &ArtifactRow| self.packs().get(row.pack.get() as usize).copied();
        let rows = self.rows().iter().filter_map(|row| Some((row.key(), (*row, pack(row)?))));
        Contents { generation: self.generation, rows: rows.collect() }
    }

    fn part<T: FromBytes + zerocopy::Immutable + zerocopy::KnownLayout + zerocopy::Unaligned>(
        &self,
        range: &Range<usize>,
    ) -> &[T] {
        let bytes = self.map.as_ref().and_then(|map| map.get(range.clone())).unwrap_or_default();
        <[T]>::ref_from_bytes(bytes).unwrap_or_default()
    }
}

/// Maps a file; `None` where there is none, or nothing in it.
fn map(path: &Path) -> Result<Option<Mmap>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io(path))?,
    };
    // SAFETY: nothing of the store changes an index in place, it is replaced as a whole. Whoever does it
    // nevertheless can change what is read, which every reader of rows expects, or shorten the file, which
    // the crate's documentation forbids.
    let map = unsafe { Mmap::map(&file) }.map_err(StoreError::io(path))?;
    Ok(Some(map))
}

/// Where the parts of an index lie, and what its header says.
struct Shape {
    packs: Range<usize>,
    rows: Range<usize>,
    signature: Option<IndexSignature>,
    checksum: [u8; 32],
    generation: u64,
}

impl Shape {
    fn read(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let end = bytes.len() as u64;
        let (header, _) = IndexHeader::read_from_prefix(bytes)
            .map_err(|_| damaged(path, end, "the file ends within its header"))?;
        if header.magic != INDEX_MAGIC {
            return Err(damaged(path, 0, "not the index of a store"));
        }
        if header.version.get() != VERSION {
            let found = header.version.get();
            return Err(StoreError::Version { path: path.to_owned(), found, expected: VERSION });
        }
        let packs = part::<PackRow>(size_of::<IndexHeader>(), u64::from(header.packs.get()));
        let rows = packs.as_ref().and_then(|packs| part::<ArtifactRow>(packs.end, header.rows.get()));
        let (Some(packs), Some(rows)) = (packs, rows) else {
            return Err(damaged(path, 12, "more rows than a file can hold"));
        };
        let Some(rest) = bytes.get(rows.end..) else {
            return Err(damaged(path, end, "the file ends before its rows"));
        };
        let signature = match rest {
            [] => None,
            rest => Some(
                IndexSignature::read_from_bytes(rest)
                    .map_err(|_| damaged(path, rows.end as u64, "trailing bytes that are no signature"))?,
            ),
        };
        let (checksum, generation) = (header.checksum, header.generation.get());
        Ok(Self { packs, rows, signature, checksum, generation })
    }
}

/// The bytes of `count` values that begin at `start`.
fn part<T>(start: usize, count: u64) -> Option<Range<usize>> {
    let len = usize::try_from(count).ok()?.checked_mul(size_of::<T>())?;
    Some(start..start.checked_add(len)?)
}

fn damaged(path: &Path, offset: u64, reason: &'static str) -> StoreError {
    StoreError::Index { path: path.to_owned(), offset, reason }
}

/// The checksum of an index, of which `bytes` is all but the signature.
fn checksum(bytes: &[u8]) -> [u8; 32] {
    let at = std::mem::offset_of!(IndexHeader, checksum);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..at]).update(&[0; 32]).update(&bytes[at + 32..]);
    *hasher.finalize().as_bytes()
}

/// What an index says, in memory: each row with its pack.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub generation: u64,
    pub rows: BTreeMap<StoreKey, (ArtifactRow, PackRow)>,
}

impl Contents {
    /// The keys that differ from this one in the compiler alone, or not at all.
    fn by_any_compiler(key: &StoreKey) -> RangeInclusive<StoreKey> {
        let by = |compiler_build| StoreKey { compiler_build, ..*key };
        by([0; 32])..=by([u8::MAX; 32])
    }

    /// Whether there is an artifact that differs from this one in the compiler alone.
    pub(crate) fn has_by_other_compilers(&self, key: &StoreKey) -> bool {
        self.rows.range(Self::by_any_compiler(key)).any(|(other, _)| other != key)
    }

    /// Removes an artifact, and those that differ from it in the compiler alone.
    pub(crate) fn remove_by_any_compiler(&mut self, key: &StoreKey) {
        let keys: Vec<StoreKey> = self.rows.range(Self::by_any_compiler(key)).map(|(key, _)| *key).collect();
        for key in keys {
            self.rows.remove(&key);
        }
    }

    /// Makes it the index of a store.
    pub(crate) fn write(mut self, store: &Path, signer: Option<&Signer>) -> Result<(), StoreError> {
        self.generation += 1;
        file::replace(&path(store), &self.encode(signer)?)
    }

    fn encode(&self, signer: Option<&Signer>) -> Result<Vec<u8>, StoreError> {
        let mut numbers: BTreeMap<[u8; 32], (u64, PackRow)> = BTreeMap::new();
        for (_, pack) in self.rows.values() {
            numbers.entry(pack.id).or_insert((0, *pack));
        }
        if numbers.len() as u64 > MAX_PACKS {
            return Err(StoreError::TooMany { what: "packs", limit: MAX_PACKS });
        }
        numbers.values_mut().zip(0..).for_each(|(entry, number)| entry.0 = number);
        let header = IndexHeader {
            magic: INDEX_MAGIC,
            version: VERSION.into(),
            packs: (numbers.len() as u32).into(),
            rows: (self.rows.len() as u64).into(),
            generation: self.generation.into(),
            checksum: [0; 32],
        };
        let mut bytes = header.as_bytes().to_vec();
        for (_, pack) in numbers.values() {
            bytes.extend_from_slice(pack.as_bytes());
        }
        for (row, pack) in self.rows.values() {
            let number = numbers.get(&pack.id).map_or(u32::MAX, |(number, _)| *number as u32);
            bytes.extend_from_slice(ArtifactRow { pack: number.into(), ..*row }.as_bytes());
        }
        let checksum = checksum(&bytes);
        let at = std::mem::offset_of!(IndexHeader, checksum);
        bytes[at..at + checksum.len()].copy_from_slice(&checksum);
        if let Some(signer) = signer {
            bytes.extend_from_slice(signer.sign(&checksum).as_bytes());
        }
        Ok(bytes)
    }
}
