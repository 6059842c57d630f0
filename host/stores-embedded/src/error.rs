//! Why the stores can't be opened.

use std::io;

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works with the folder. End it, or use another data folder.
    #[error("the data folder is in use by another process{}", match process {
        Some(id) => format!(" (process {id})"),
        None => String::new(),
    })]
    InUse {
        /// The process, if it could be told.
        process: Option<u32>,
    },
    /// Another version of the program wrote the folder: a newer one, or one that was not released. Use that version, or another data
    /// folder.
    #[error("the data folder has format {found}, and this version of the program knows format {known}")]
    UnknownFormat {
        /// The format that the file says.
        found: u64,
        /// The format that this version reads and writes.
        known: u64,
    },
    /// The database file is there but is not ours, or lacks what we put in every one. Move it away, or use another data
    /// folder.
    #[error("`{file}` in the data folder is not a store of this program")]
    Foreign {
        /// The file's name in the folder.
        file: &'static str,
    },
    /// The database file is damaged. Restore the folder from a backup; the text is for a report.
    #[error("the store's file is damaged: {0}")]
    Corrupt(String),
    /// The operating system refused. See to permissions and space, then try again.
    #[error("the data folder can't be opened")]
    Io(#[from] io::Error),
    /// redb refused for a reason that is none of the above.
    #[error("the store can't be opened")]
    Engine(#[source] Box<redb::Error>),
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { process: None },
            redb::Error::Corrupted(text) => Self::Corrupt(text),
            redb::Error::RepairAborted => Self::Corrupt("it can't be repaired".to_owned()),
            redb::Error::UpgradeRequired(version) => Self::Corrupt(format!("it has redb's file format {version}")),
            // What redb calls a file without its magic number, and what it reads past the end of one that was cut.
            redb::Error::Io(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::Corrupt(error.to_string())
            }
            // What the disk can't read any more.
            redb::Error::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                Self::Corrupt(error.to_string())
            }
            redb::Error::Io(error) => Self::Io(error),
            other => Self::Engine(Box::new(other)),
        }
    }
}

impl From<redb::DatabaseError> for OpenError {
    fn from(error: redb::DatabaseError) -> Self {
        redb::Error::from(error).into()
    }
}
