//! Writing results: files that are whole or absent, JSON, and progress for people.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::CliError;

/// Writes `bytes` to `path` so that nobody ever sees half of them: a temporary file in the same folder,
/// written through to the disk and renamed.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        make_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| CliError::Write { path: path.to_owned(), source })
}

/// Gives a temporary file, which is private, the permissions of an ordinary one.
fn make_readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Writes `value` as indented JSON to `path`, or to standard output where the path is `-`.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    let fail = |source: io::Error| CliError::Write { path: path.to_owned(), source };
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| fail(error.into()))?;
    text.push(b'\n');
    if path == Path::new("-") {
        return print(&text);
    }
    write_file(path, &text)
}

/// Writes to standard output. A reader that has gone away is no failure of ours.
pub fn print(text: impl AsRef<[u8]>) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Write { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Share of `part` in `whole`, in per cent.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// Progress on standard error if that is a terminal, else something that draws nothing.
///
/// `total` is `None` where the end is not known in advance.
pub fn progress(total: Option<u64>, quiet: bool) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:32} {pos}/{len} {msg} ({eta} left)"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} {msg} ({elapsed})"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
