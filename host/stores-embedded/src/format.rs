//! The format of the tables: its number, how a new database gets it, and what is refused.
//!
//! A change that an older version of the program would misread gets the next number and a step here that brings the
//! former format to it, inside one transaction.

use std::ops::RangeInclusive;

use crate::backend::Medium;
use crate::error::OpenError;
use crate::folder::STORE_FILE;
use crate::table::{EPOCH, FORMAT, Redo, Tables, meta};
use redb::ReadableDatabase as _;

/// The format that this version of the program reads and writes.
///
/// 1 had key-value stores alone; 2 has queues, what leads to messages, and blobs; 4 has a write-ahead log, in which there may be
/// commits that the database's file has not. 3 was a draft of 4, and never released: its log would not be read.
pub(crate) const FORMAT_NOW: u64 = 4;
const WITHOUT_LOG: RangeInclusive<u64> = 1..=2;

/// Makes all tables in a new database.
pub(crate) fn initialise(database: &redb::Database, medium: &dyn Medium) -> Result<(), OpenError> {
    // The log goes first: a database of this format has one.
    medium.make_log()?;
    Ok(make(database)?)
}

/// Brings a database of an older format to this one, and refuses one that has no format or one that isn't known.
pub(crate) fn migrate(database: &redb::Database, medium: &dyn Medium) -> Result<(), OpenError> {
    let found = {
        let transaction = database.begin_read().map_err(redb::Error::from)?;
        meta(&transaction, FORMAT)
    };
    match found {
        Ok(Some(FORMAT_NOW)) => Ok(()),
        Ok(Some(found)) if WITHOUT_LOG.contains(&found) => {
            // What is new in it are tables, which are empty, and the log, which is too.
            initialise(database, medium)?;
            tracing::info!("the store was brought from format {found} to {FORMAT_NOW}");
            Ok(())
        }
        Ok(Some(found)) => Err(OpenError::UnknownFormat { found, known: FORMAT_NOW }),
        Ok(None) | Err(redb::Error::TableTypeMismatch { .. }) => Err(OpenError::Foreign { file: STORE_FILE }),
        Err(error) => Err(error.into()),
    }
}

/// Makes the tables that are not there, and the first epoch of the log: by chance, so that no other log is taken for it.
fn make(database: &redb::Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    let redo = Redo::default();
    let mut tables = Tables::make(&transaction, &redo)?;
    tables.meta.insert(FORMAT, FORMAT_NOW)?;
    tables.meta.insert(EPOCH, rand::random::<u64>())?;
    drop(tables);
    transaction.set_quick_repair(true);
    Ok(transaction.commit()?)
}
