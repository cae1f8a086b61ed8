//! Files that are whole or absent, and the lock of a directory.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use crate::error::StoreError;

/// Start of the names of files that are being written.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// Writes a file that nobody ever sees half of, also after a crash of the system: written through to the
/// disk under another name, renamed, and the folder written through.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        file.write_all(bytes)?;
        // Temporary files are private; a store is for whoever may read its folder.
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(StoreError::io(path))
}

/// Makes a folder with all folders above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(StoreError::io(path))
}

/// Removes a file if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Reads `len` bytes at `offset`; an error where the file is shorter.
pub(crate) fn read_at(path: &Path, offset: u64, len: u32) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Before memory is taken for what an index claims.
    let end = offset.checked_add(u64::from(len));
    if end.is_none_or(|end| end > file.metadata().map_or(0, |data| data.len())) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than the index says"));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// The right to change a directory, given back when dropped, also by the system when the process dies.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Waits until nobody else has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("lock");
        let open = || File::options().create(true).truncate(false).write(true).open(&path);
        let file = open().and_then(|file| file.lock().map(|()| file)).map_err(StoreError::io(&path))?;
        Ok(Self(file))
    }
}
