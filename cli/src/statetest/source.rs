//! Where fixtures come from: files, folders and archives.
//!
//! A [`Fixture`] is handed on as soon as it is found, so an archive is unpacked while its first tests
//! already run, and never lies in memory as a whole.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::error::CliError;

/// Greatest size of one fixture, in bytes; a larger one is an error, not a test.
const MAX_FIXTURE_BYTES: u64 = 512 << 20;

/// Size of the read buffer in front of an archive, in bytes.
const READ_BUFFER_BYTES: usize = 1 << 20;

/// A file that may hold state tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// How messages call it: its path, or `ARCHIVE!PATH`.
    pub name: String,
    /// Where its text is.
    pub text: Text,
    /// Whether the user named this file, so that it must be a test.
    pub named: bool,
}

/// The text of a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Still on disk.
    OnDisk(PathBuf),
    /// Unpacked.
    InMemory(Vec<u8>),
}

impl Fixture {
    /// A file that the user named.
    pub fn named(path: &Path) -> Self {
        Self { name: path.display().to_string(), text: Text::OnDisk(path.to_owned()), named: true }
    }
}

impl Text {
    /// The text itself; a file is read when its turn comes.
    pub fn read(self) -> io::Result<Vec<u8>> {
        match self {
            Self::InMemory(bytes) => Ok(bytes),
            Self::OnDisk(path) => File::open(path).and_then(read_bounded),
        }
    }
}

/// The compression of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// The compression that a file's name says, `None` if it is no archive.
    fn of(path: &Path) -> Option<Self> {
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

/// Hands every fixture under `paths` to `take`, in a stable order, until `take` breaks.
pub fn each_fixture(
    paths: &[PathBuf],
    take: &mut dyn FnMut(Fixture) -> ControlFlow<()>,
) -> Result<(), CliError> {
    for path in paths {
        let flow = if path.is_dir() {
            from_folder(path, take)?
        } else if let Some(compression) = Compression::of(path) {
            from_archive(path, compression, take)?
        } else {
            take(Fixture::named(path))
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The `.json` files and archives under a folder, by name.
fn from_folder(
    folder: &Path,
    take: &mut dyn FnMut(Fixture) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, CliError> {
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| CliError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let path = entry.path();
        let flow = if !entry.file_type().is_file() {
            ControlFlow::Continue(())
        } else if let Some(compression) = Compression::of(path) {
            from_archive(path, compression, take)?
        } else if path.extension().is_some_and(|extension| extension == "json") {
            take(Fixture { named: false, ..Fixture::named(path) })
        } else {
            ControlFlow::Continue(())
        };
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The `.json` files of an archive, in its order.
fn from_archive(
    path: &Path,
    compression: Compression,
    take: &mut dyn FnMut(Fixture) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, CliError> {
    let damaged = |source| CliError::Archive { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    let mut archive = tar::Archive::new(compression.reader(file).map_err(damaged)?);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let inner = entry.path().map_err(damaged)?.into_owned();
        let wanted = entry.header().entry_type().is_file()
            && inner.extension().is_some_and(|extension| extension == "json");
        if !wanted {
            continue;
        }
        let name = format!("{}!{}", path.display(), inner.display());
        let text = Text::InMemory(read_bounded(entry).map_err(damaged)?);
        if take(Fixture { name, text, named: false }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads to the end, or fails where that is beyond [`MAX_FIXTURE_BYTES`].
fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FIXTURE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FIXTURE_BYTES {
        let message = format!("larger than {} MiB", MAX_FIXTURE_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
