//! Where scripts come from: files and folders.

use std::path::{Path, PathBuf};

use crate::{
    error::CliError,
    input::{self, InputError},
};

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How messages call it: its path.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The files under `paths`: those that are named, and of folders all that end in `.wast`, by name.
///
/// # Errors
/// A path that cannot be read.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        let kind = path.metadata().map_err(|source| CliError::Read { path: path.clone(), source })?;
        if kind.is_dir() { walk(path, &mut files)? } else { files.push(path.clone()) }
    }
    Ok(files)
}

/// Adds the scripts of a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let entry = entry.map_err(|error| CliError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let path = entry.path();
        if entry.file_type().is_file() && path.extension().is_some_and(|ending| ending == "wast") {
            files.push(path.to_owned());
        }
    }
    Ok(())
}

/// Reads a script.
///
/// # Errors
/// The file cannot be read, is too large, or is not UTF-8.
pub fn read(path: &Path) -> Result<Source, InputError> {
    let bytes = input::read_file(path)?;
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            Err(InputError::NotText { origin: name, offset })
        }
    }
}
