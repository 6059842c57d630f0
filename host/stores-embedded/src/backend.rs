//! Between redb and what it writes to.
//!
//! [`Medium`] is what the database can be opened on again and again: the file in the data folder, or in tests a disk
//! that fails. [`Watched`] passes everything through and remembers whether an fsync ever failed.

use std::fmt::Debug;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flint_stores::Unavailable;
use redb::{BackendError, StorageBackend};

#[cfg(test)]
pub(crate) mod faulty;

/// Where a database is kept.
pub(crate) trait Medium: Debug + Send + Sync + 'static {
    /// Opens it. What was opened before is closed by then.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// Makes the write-ahead log, which is empty at first, unless it is there.
    fn make_log(&self) -> io::Result<()>;

    /// Opens the write-ahead log. Without it, what only it has would be lost and nobody would know: so it is never made here.
    fn open_log(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// How many bytes are free: as many as there can be if that can't be found out, since the write tells.
    ///
    /// redb has to be opened again after a failed write, and nobody reads meanwhile. So a write that would fail is not begun.
    ///
    /// # Errors
    /// [`Unavailable::ReadOnly`].
    fn free(&self) -> Result<u64, Unavailable> {
        Ok(u64::MAX)
    }
}

/// A backend of which the failed fsyncs are remembered.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Box<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
}

impl Watched {
    pub(crate) fn new(inner: Box<dyn StorageBackend>, sync_failed: Arc<AtomicBool>) -> Self {
        Self { inner, sync_failed }
    }
}

impl StorageBackend for Watched {
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data().inspect_err(|_| self.sync_failed.store(true, Ordering::Release))
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
