//! Where fixtures come from: files, folders and archives.
//!
//! A [`Fixture`] is handed on as soon as it is found, so an archive is unpacked while its first tests
//! already run, and never lies in memory as a whole.

use std::{
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    archive::{self, Compression},
    error::CliError,
};

/// Greatest size of one fixture, in bytes; a larger one is an error, not a test.
const MAX_FIXTURE_BYTES: u64 = 512 << 20;

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
            Self::OnDisk(path) => {
                File::open(path).and_then(|file| archive::read_bounded(file, MAX_FIXTURE_BYTES))
            }
        }
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
    let is_json = |inner: &Path| inner.extension().is_some_and(|extension| extension == "json");
    let flow = archive::each_file(path, compression, MAX_FIXTURE_BYTES, is_json, |inner, text| {
        let name = format!("{}!{}", path.display(), inner.display());
        take(Fixture { name, text: Text::InMemory(text), named: false })
    })?;
    Ok(flow)
}
