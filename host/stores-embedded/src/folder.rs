//! The data folder: its lock, the database file in it, and the folder of content.
//!
//! A new database is made aside and renamed, so that a file under its own name is always a whole one: a crash while the
//! first start makes it leaves nothing that a second start would stumble over, and an empty or cut file is damage, never
//! a new store.

use std::fs::TryLockError;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions};
use flint_stores::Unavailable;
use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::backend::Medium;
use crate::blob_file::BlobFolder;
use crate::database::{Contents, Database, Sizes};
use crate::error::OpenError;

/// The database file.
pub(crate) const STORE_FILE: &str = "stores.redb";
/// Its write-ahead log.
pub(crate) const LOG_FILE: &str = "stores.wal";
const ASIDE_FILE: &str = "stores.redb.new";
const LOCK_FILE: &str = "lock";

/// A data folder that this process alone works with, until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Arc<Dir>,
    lock: std::fs::File,
}

impl Folder {
    /// Takes the folder, or tells who has it.
    pub(crate) fn take(dir: Dir) -> Result<Self, OpenError> {
        let options = OpenOptions::new().read(true).write(true).create(true).clone();
        let mut lock = dir.open_with(LOCK_FILE, &options)?.into_std();
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { process: holder(&mut lock) }),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        lock.set_len(0)?;
        lock.write_all(std::process::id().to_string().as_bytes())?;
        Ok(Self { dir: Arc::new(dir), lock })
    }

    /// Opens the folder of content.
    pub(crate) fn blobs(&self) -> io::Result<BlobFolder> {
        BlobFolder::open(&self.dir)
    }

    /// Opens the folder's database; makes it if there is none.
    pub(crate) fn open(&self, sizes: Sizes) -> Result<Database, OpenError> {
        if !self.dir.try_exists(STORE_FILE)? {
            self.create(sizes)?;
        } else if self.dir.metadata(STORE_FILE)?.len() == 0 {
            return Err(OpenError::Corrupt(format!("`{STORE_FILE}` is empty")));
        }
        Database::open(Box::new(self.file(STORE_FILE)), sizes, Contents::Existing)
    }

    fn create(&self, sizes: Sizes) -> Result<(), OpenError> {
        match self.dir.remove_file(ASIDE_FILE) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let options = OpenOptions::new().read(true).write(true).create_new(true).clone();
        self.dir.open_with(ASIDE_FILE, &options)?.sync_all()?;
        Database::open(Box::new(self.file(ASIDE_FILE)), sizes, Contents::Fresh)?.close();
        self.dir.rename(ASIDE_FILE, &self.dir, STORE_FILE)?;
        // The new name has to be on the disk before anything is acknowledged under it.
        Ok(self.dir.open(".")?.sync_all()?)
    }

    fn file(&self, name: &'static str) -> DatabaseFile {
        DatabaseFile { dir: Arc::clone(&self.dir), name }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that this one is starting has it too, until it runs its program.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(error = %error, "the lock of the data folder could not be given up");
        }
    }
}

/// Reads the process id that the holder of the lock left in it.
fn holder(lock: &mut std::fs::File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(16).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// A database file in the folder.
#[derive(Debug)]
struct DatabaseFile {
    dir: Arc<Dir>,
    name: &'static str,
}

impl Medium for DatabaseFile {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.open_file(self.name, OpenOptions::new().read(true).write(true))
    }

    fn make_log(&self) -> io::Result<()> {
        self.dir.open_with(LOG_FILE, OpenOptions::new().write(true).create(true))?.sync_all()?;
        // What is appended under a name that is lost is lost.
        self.dir.open(".")?.sync_all()
    }

    fn open_log(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.open_file(LOG_FILE, OpenOptions::new().read(true).write(true))
    }

    #[cfg(unix)]
    fn free(&self) -> Result<u64, Unavailable> {
        free(&self.dir)
    }
}

impl DatabaseFile {
    fn open_file(&self, name: &str, options: &OpenOptions) -> io::Result<Box<dyn StorageBackend>> {
        let file = self.dir.open_with(name, options)?.into_std();
        // What a process wrote that was killed is in the kernel, and what is read there must not be lost later. What the
        // disk refused from it is in the kernel too, and must not be read (see `database`).
        file.sync_data()?;
        forget_cached(&file)?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }
}

/// What is free on the disk of a folder: see [`Medium::free`].
#[cfg(unix)]
pub(crate) fn free(dir: &Dir) -> Result<u64, Unavailable> {
    let Ok(disk) = rustix::fs::fstatvfs(dir) else { return Ok(u64::MAX) };
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err(Unavailable::ReadOnly);
    }
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Dir) -> Result<u64, Unavailable> {
    Ok(u64::MAX)
}

#[cfg(target_os = "linux")]
fn forget_cached(file: &std::fs::File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Elsewhere an fsync that failed is not survived by restarting the process alone; restart the machine.
#[cfg(not(target_os = "linux"))]
fn forget_cached(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_folder_that_was_let_go_is_free_though_a_process_that_is_being_started_has_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = || Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the folder");
        let taken = Folder::take(dir()).expect("it is free");
        let inherited = taken.lock.try_clone().expect("what a fork has");
        drop(taken);
        Folder::take(dir()).expect("it is free again");
        drop(inherited);
    }
}
