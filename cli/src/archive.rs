//! Archives of files: tar, compressed with gzip or zstd.
//!
//! An archive is unpacked as a stream, one file at a time; nothing is written to disk and nothing but the
//! current file lies in memory.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Size of the read buffer in front of an archive, in bytes.
const READ_BUFFER_BYTES: usize = 1 << 20;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file cannot be opened.
    #[error("cannot read {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// It is damaged or not an archive.
    #[error("cannot unpack {}", .0.display())]
    Damaged(PathBuf, #[source] io::Error),
}

/// The compression of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `.tar.gz`, `.tgz`.
    Gzip,
    /// `.tar.zst`, `.tzst`.
    Zstd,
}

impl Compression {
    /// The compression that a file's name says, `None` if it is no archive.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        if ends(&[".tar.gz", ".tgz"]) {
            Some(Self::Gzip)
        } else if ends(&[".tar.zst", ".tzst"]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// A reader of the archive's unpacked bytes.
    fn reader(self, file: File) -> io::Result<Box<dyn Read>> {
        let file = BufReader::with_capacity(READ_BUFFER_BYTES, file);
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
        })
    }
}

/// Hands the files of an archive that `wanted` names to `take`, in the archive's order, until `take`
/// breaks. Files may have at most `limit` bytes.
///
/// # Errors
/// See [`ArchiveError`]; a file beyond the limit counts as damage.
pub fn each_file(
    path: &Path,
    compression: Compression,
    limit: u64,
    wanted: impl Fn(&Path) -> bool,
    mut take: impl FnMut(&Path, Vec<u8>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ArchiveError> {
    let damaged = |source| ArchiveError::Damaged(path.to_owned(), source);
    let file = File::open(path).map_err(|source| ArchiveError::Open(path.to_owned(), source))?;
    let mut archive = tar::Archive::new(compression.reader(file).map_err(damaged)?);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let inner = entry.path().map_err(damaged)?.into_owned();
        if !entry.header().entry_type().is_file() || !wanted(&inner) {
            continue;
        }
        let bytes = read_bounded(entry, limit).map_err(damaged)?;
        if take(&inner, bytes).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads to the end, or fails with [`io::ErrorKind::FileTooLarge`] where that is beyond `limit` bytes.
pub fn read_bounded(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
