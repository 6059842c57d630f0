//! The format of the tables: its number, how a new database gets it, and what is refused.
//!
//! A change that an older version of the program would misread gets the next number and a step here that brings the
//! former format to it, inside one transaction.

use crate::error::OpenError;
use crate::folder::STORE_FILE;
use crate::table::{FORMAT, Tables, meta};
use redb::ReadableDatabase as _;

/// The format that this version of the program reads and writes.
///
/// 1 had key-value stores alone; 2 has queues, what leads to messages, and blobs.
pub(crate) const FORMAT_NOW: u64 = 2;

/// Makes all tables in a new database.
pub(crate) fn initialise(database: &redb::Database) -> Result<(), OpenError> {
    let make = || -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        Tables::make(&transaction)?.meta.insert(FORMAT, FORMAT_NOW)?;
        Ok(transaction.commit()?)
    };
    Ok(make()?)
}

/// Brings a database of an older format to this one, and refuses one that has no format or one that isn't known.
pub(crate) fn migrate(database: &redb::Database) -> Result<(), OpenError> {
    let found = {
        let transaction = database.begin_read().map_err(redb::Error::from)?;
        meta(&transaction, FORMAT)
    };
    match found {
        Ok(Some(FORMAT_NOW)) => Ok(()),
        Ok(Some(1)) => Ok(to_2(database)?),
        Ok(Some(found)) => Err(OpenError::UnknownFormat { found, known: FORMAT_NOW }),
        Ok(None) | Err(redb::Error::TableTypeMismatch { .. }) => Err(OpenError::Foreign { file: STORE_FILE }),
        Err(error) => Err(error.into()),
    }
}

/// Adds the tables of queues, of what leads to messages and of blobs, which are empty.
fn to_2(database: &redb::Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    Tables::make(&transaction)?.meta.insert(FORMAT, 2)?;
    transaction.commit()?;
    tracing::info!("the store was brought from format 1 to 2");
    Ok(())
}
