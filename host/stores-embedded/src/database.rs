//! The redb database: opening it, reading it, writing it, and opening it again after a failure.
//!
//! redb refuses to work after a failed write, until it is closed and opened again; then it finds the last transaction
//! whole or not at all. [`Database`] holds it in a slot that is empty meanwhile, so that reads are refused rather than
//! kept waiting.
//!
//! One failure is not recovered from: an fsync that failed. The kernel then counts the pages as written that the disk
//! does not have, and nothing that is read in this process could be trusted to be durable (see
//! <https://wiki.postgresql.org/wiki/Fsync_Errors>). Everything is refused until the process starts again, and opening
//! drops the kernel's copy of the file.
//!
//! redb panics where a page is not as it wrote it, and while it unwinds may panic once more, which ends the process: a list of
//! freed pages that names one beyond the file does that. So a database is checked when it is opened, each page in use against redb's
//! checksums, and not opened if one is damaged. This takes as long as reading it four times, so a large one is not
//! ([`Options::check_max`]); and none is checked for what happens to it later. There, redb is only ever called inside
//! [`contained`], where a panic becomes a [`Failure`]; what is damaged is refused, and the rest goes on. The bytes of a value that
//! changed on the disk are not noticed. A store is not opened if it meets damage where it makes again what its log has.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flint_model::Timestamp;
use flint_stores::Unavailable;
use parking_lot::{Mutex, RwLock};
use redb::{Durability, ReadTransaction, ReadableDatabase as _, StorageBackend as _, WriteTransaction};

use crate::backend::{Medium, Watched};
use crate::error::OpenError;
use crate::folder::LOG_FILE;
use crate::format;
use crate::options::Options;
use crate::table::{Corrupt, EPOCH, GROUPS, META, Redo, TIME, Tables, changes, meta};
use crate::wal::{ReadError, Wal};

/// Why a transaction could not be made. The cause goes to the log; a caller learns that the store is unavailable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Redb(redb::Error),
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The log did not take what was to be committed.
    #[error("the log can't be written")]
    Log(#[source] io::Error),
    /// The log took it, and the database did not: it is there when the database is opened again.
    #[error("what the log has is not in the database yet")]
    Behind(#[source] redb::Error),
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
}

impl Failure {
    /// Whether something was met that is not as it was written, rather than a disk or an engine that does not work.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Panicked(_) | Self::Redb(redb::Error::Corrupted(_)))
    }

    /// What the callers of a write learn.
    pub(crate) fn reason(&self) -> Unavailable {
        match self {
            Self::Unavailable(reason) => *reason,
            Self::Redb(redb::Error::Io(error)) | Self::Log(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unavailable::DiskFull,
                io::ErrorKind::ReadOnlyFilesystem => Unavailable::ReadOnly,
                _ => Unavailable::Failed,
            },
            Self::Redb(_) | Self::Corrupt(_) | Self::Panicked(_) | Self::Behind(_) => Unavailable::Failed,
        }
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {$(
        impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Self {
                Self::Redb(error.into())
            }
        }
    )*};
}
from_redb!(StorageError TableError TransactionError CommitError SetDurabilityError);

impl From<redb::Error> for Failure {
    fn from(error: redb::Error) -> Self {
        Self::Redb(error)
    }
}

/// The database, or why there is none at the moment.
pub(crate) struct Database {
    slot: RwLock<Result<Open, Unavailable>>,
    medium: Box<dyn Medium>,
    sizes: Sizes,
    sync_failed: Arc<AtomicBool>,
}

/// A database with its log: what the log holds is in the database, and not yet in its file for good.
struct Open {
    database: redb::Database,
    /// Locked by the one thread that writes.
    wal: Mutex<Wal>,
}

/// What bounds a database, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// The memory for its pages.
    pub(crate) cache: usize,
    /// How long its log gets.
    pub(crate) log: u64,
    /// How large its file may be to be checked whole when it is opened.
    pub(crate) check: u64,
}

impl Sizes {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            cache: options.cache_size.as_usize(),
            log: options.group_commit.log_max.as_u64(),
            check: options.check_max.as_u64(),
        }
    }
}

impl Database {
    /// Opens the database on its medium. With `Contents::Fresh`, the medium has to be empty and gets the tables.
    pub(crate) fn open(medium: Box<dyn Medium>, sizes: Sizes, contents: Contents) -> Result<Self, OpenError> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let opened = contained(|| {
            let database = open_redb(medium.as_ref(), sizes, &sync_failed)?;
            match contents {
                Contents::Fresh => format::initialise(&database, medium.as_ref())?,
                Contents::Existing => format::migrate(&database, medium.as_ref())?,
            }
            with_log(database, medium.as_ref(), sizes, &sync_failed)
        });
        let open = opened.unwrap_or_else(|Panicked(text)| Err(OpenError::Corrupt(text)))?;
        Ok(Self { slot: RwLock::new(Ok(open)), medium, sizes, sync_failed })
    }

    /// When the last commit was, as far as the clock of that time could tell.
    pub(crate) fn last_time(&self) -> Result<Timestamp, OpenError> {
        let time = self.read(|transaction| Ok(meta(transaction, TIME)?));
        let time = time.map_err(|failure| OpenError::Corrupt(Chain(&failure).to_string()))?;
        Ok(Timestamp::from_millis(time.unwrap_or(0)))
    }

    /// Reads at one moment.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>) -> Result<T, Failure> {
        let slot = self.slot.read();
        let open = slot.as_ref().map_err(|why| *why)?;
        contained(|| read(&open.database.begin_read().map_err(redb::Error::from)?))?
    }

    /// Writes, and makes it durable if `write` answers that there is something to commit.
    ///
    /// Called by one thread only. When it returns, reads see what was written; after a [`Failure`] it is there whole or
    /// not at all, and [`Database::recover`] has to be called unless it is [`Failure::Corrupt`].
    pub(crate) fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction, &Redo) -> Result<(T, bool), Failure>,
    ) -> Result<T, Failure> {
        let slot = self.slot.read();
        let open = slot.as_ref().map_err(|why| *why)?;
        // redb survives a panic in a transaction, by rolling it back or by asking to be opened again.
        contained(|| {
            let mut wal = open.wal.lock();
            let mut transaction = open.database.begin_write().map_err(redb::Error::from)?;
            let redo = wal.redo();
            let (answer, has_changed) = write(&transaction, &redo)?;
            if !has_changed {
                transaction.abort()?;
            } else if self.append(&mut wal, redo)? {
                let behind = transaction.set_durability(Durability::None).map_err(redb::Error::from);
                behind.and_then(|()| Ok(transaction.commit()?)).map_err(Failure::Behind)?;
            } else {
                checkpoint(transaction, &mut wal)?;
            }
            Ok(answer)
        })?
    }

    /// Appends to the log; false if there is no room for it, in the log or on the disk. There, the database may have room left in its
    /// file.
    fn append(&self, wal: &mut Wal, redo: Redo) -> Result<bool, Failure> {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match wal.append(redo, self.medium.free()?) {
            Err(error)
                if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) && !self.is_distrusted() =>
            {
                Ok(false)
            }
            appended => appended.map_err(Failure::Log),
        }
    }

    /// What is free below; see [`Medium::free`].
    pub(crate) fn free(&self) -> Result<u64, Unavailable> {
        self.medium.free()
    }

    /// Closes the database and opens it again, after a write that failed.
    pub(crate) fn recover(&self) {
        if matches!(*self.slot.read(), Err(Unavailable::ShuttingDown)) {
            return;
        }
        // Two steps, so that reads don't wait while it is closed.
        let failed = std::mem::replace(&mut *self.slot.write(), Err(Unavailable::Failed));
        // What closing writes makes the next opening fast, and is not needed.
        if let Err(panicked) = contained(|| drop(failed)) {
            tracing::warn!(error = %panicked, "the store could not be closed before it is opened again");
        }
        if self.is_distrusted() {
            tracing::error!("the disk failed to keep what was written: nothing is read or written until a restart");
            return;
        }
        let opened = contained(|| {
            // It was checked at first, and who waits for it has waited long enough.
            let sizes = Sizes { check: 0, ..self.sizes };
            let database = open_redb(self.medium.as_ref(), sizes, &self.sync_failed)?;
            with_log(database, self.medium.as_ref(), self.sizes, &self.sync_failed)
        });
        match opened.unwrap_or_else(|Panicked(text)| Err(OpenError::Corrupt(text))) {
            Ok(open) => {
                tracing::info!("the store was opened again");
                *self.slot.write() = Ok(open);
            }
            Err(error) => tracing::error!(error = %Chain(&error), "the store can't be opened again, for now"),
        }
    }

    /// Whether [`Database::recover`] could help.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(*self.slot.read(), Err(Unavailable::Failed)) && !self.is_distrusted()
    }

    /// Whether the disk failed to keep what was written, so that nothing is read from it any more.
    pub(crate) fn is_distrusted(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }

    /// Closes the database cleanly; everything is refused from now on.
    pub(crate) fn close(&self) {
        let open = std::mem::replace(&mut *self.slot.write(), Err(Unavailable::ShuttingDown));
        let Ok(Open { database, wal }) = open else { return };
        let closed = contained(|| {
            let mut wal = wal.into_inner();
            // So the next start has nothing to make again.
            if !wal.is_empty() && !self.is_distrusted() {
                checkpoint(database.begin_write()?, &mut wal)?;
            }
            database.close().map_err(|error| Failure::Redb(error.into()))
        });
        if let Err(failure) = closed.unwrap_or_else(|panicked| Err(panicked.into())) {
            // Nothing is lost: what was acknowledged is durable. The next start makes it again.
            tracing::warn!(error = %Chain(&failure), "the store could not be closed cleanly");
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("medium", &self.medium).finish_non_exhaustive()
    }
}

/// What a medium holds when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing.
    Fresh,
    /// A database with our tables.
    Existing,
}

/// Opens the database, after all of it was checked if it is not too large.
fn open_redb(medium: &dyn Medium, sizes: Sizes, sync_failed: &Arc<AtomicBool>) -> Result<redb::Database, OpenError> {
    let backend = Watched::new(medium.open()?, Arc::clone(sync_failed));
    let is_checked = (1..=sizes.check).contains(&backend.len()?);
    let mut builder = redb::Builder::new();
    builder.set_cache_size(sizes.cache).set_check_integrity_on_open(is_checked);
    let database = builder.create_with_backend(backend)?;
    if is_checked && let Err(error) = note_free_pages(&database) {
        drop(database);
        if sync_failed.load(Ordering::Acquire) {
            return Err(error.into());
        }
        // So there is no room for it, or the disk will say what else is wrong.
        tracing::warn!(error = %Chain(&error), "the store was checked, and will be checked again after a crash");
        return open_redb(medium, Sizes { check: 0, ..sizes }, sync_failed);
    }
    Ok(database)
}

/// Writes down which pages are free, which a check finds out anew and keeps to itself: who opens a file without that, after a crash,
/// has to check it whatever was asked for.
fn note_free_pages(database: &redb::Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction.commit()?)
}

/// Opens the log of a database, and makes in the database again what only the log has.
fn with_log(
    database: redb::Database,
    medium: &dyn Medium,
    sizes: Sizes,
    sync_failed: &Arc<AtomicBool>,
) -> Result<Open, OpenError> {
    let epoch = meta(&database.begin_read().map_err(redb::Error::from)?, EPOCH)?;
    let epoch = epoch.ok_or_else(|| OpenError::Corrupt("it names no epoch of its log".to_owned()))?;
    let file = medium.open_log().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::Corrupt(format!("its log, `{LOG_FILE}`, is not there")),
        _ => OpenError::Io(error),
    })?;
    let file = Watched::new(file, Arc::clone(sync_failed));
    let mut wal = Wal::new(Box::new(file), epoch, sizes.log);
    let records = replay(&database, &mut wal)?;
    if records > 0 {
        tracing::info!(records, "what only the store's log had was made again");
    }
    Ok(Open { database, wal: Mutex::new(wal) })
}

/// Makes again what a log holds. It stays in the log: nothing has to be written for that, as long as the cache has room for it.
fn replay(database: &redb::Database, wal: &mut Wal) -> Result<usize, OpenError> {
    let mut transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.set_durability(Durability::None).map_err(redb::Error::from)?;
    let redo = Redo::default();
    let mut tables = Tables::open(&transaction, &redo).map_err(redb::Error::from)?;
    let (groups, mut records) = (tables.number(GROUPS).map_err(redb::Error::from)?, 0);
    let read = wal.read(|record| {
        records += 1;
        changes(record).try_fold(0, |rows, change| {
            let is_known = tables.redo(&change?)?;
            if is_known { Ok(rows + 1) } else { Err(Failure::Corrupt(Corrupt("the log"))) }
        })
    });
    read.map_err(|error| match error {
        ReadError::Io(error) => OpenError::Io(error),
        ReadError::Record(Failure::Redb(error)) => error.into(),
        error => OpenError::Corrupt(Chain(&error).to_string()),
    })?;
    let is_short = tables.number(GROUPS).map_err(redb::Error::from)? < groups;
    drop(tables);
    // redb may have kept what was committed without a sync: then the log has all of it, or something of the log is gone.
    if is_short {
        return Err(OpenError::Corrupt(format!("its log, `{LOG_FILE}`, ends before the database does")));
    }
    transaction.commit().map_err(redb::Error::from)?;
    Ok(records)
}

/// Commits in the database's file for good, with all that only the log had until now.
fn checkpoint(mut transaction: WriteTransaction, wal: &mut Wal) -> Result<(), Failure> {
    // By chance: a database of another time never finds records of its own epoch in what a log was overwritten with.
    let epoch = rand::random::<u64>();
    transaction.open_table(META)?.insert(EPOCH, epoch)?;
    transaction.set_quick_repair(true);
    transaction.commit()?;
    wal.begin_anew(epoch);
    Ok(())
}

/// Says that redb panicked, and with which words.
#[derive(Debug, thiserror::Error)]
#[error("the storage engine panicked: {0}")]
pub(crate) struct Panicked(String);

/// Calls redb, and makes an error of its panic.
fn contained<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Panicked(
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned()),
        )
    })
}

/// An error with all its causes, for a log line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
