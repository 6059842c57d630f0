//! The versions of a function in the data folder: `versions/NAME/history.json` and `versions/NAME/SUM.wasm`.
//!
//! A component is named after its content, so it is written once and never changed. A change is: the component, then the
//! record, each written aside, synced, renamed; what the record does not name any more is removed last. So a crash leaves the
//! versions as they were before a change, or as they are after it. What comes from the configuration's source is written
//! without syncing: it can be had again, and thousands of functions have to start quickly.

use super::record::{Made, Record, Sum};
use flint_model::{FunctionName, Timestamp};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder of all versions, in the data folder.
const FOLDER: &str = "versions";

const RECORD: &str = "history.json";

/// Where a record goes that can't be read.
const UNREADABLE: &str = "history.json.unreadable";

/// The versions of one function.
#[derive(Debug, Clone)]
pub(crate) struct History {
    folder: PathBuf,
}

/// How a change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It survives the end of the machine when this returns.
    Synced,
    /// It survives the end of the process, and can be made again.
    Written,
}

impl History {
    pub(crate) fn of(data_dir: &Path, function: &FunctionName) -> Self {
        Self { folder: data_dir.join(FOLDER).join(function.as_str()) }
    }

    /// Reads the record. None if there is none; one that can't be read is put aside, and said.
    pub(crate) fn read(&self) -> Option<Record> {
        let path = self.folder.join(RECORD);
        let text = fs::read(&path).ok()?;
        let record = Record::parse(&text);
        if record.is_none() {
            tracing::warn!(record = %path.display(), "the versions of a function can't be read, and are put aside");
            // If it can't be moved, it is written over.
            let _ = fs::rename(&path, self.folder.join(UNREADABLE));
        }
        record
    }

    /// Reads a component. None if it is not there, or is another one.
    pub(crate) fn component(&self, sum: &Sum) -> Option<Vec<u8>> {
        let bytes = fs::read(self.component_path(sum)).ok()?;
        (Sum::of(&bytes) == *sum).then_some(bytes)
    }

    /// Whether a component of so many bytes is kept already.
    pub(crate) fn has(&self, sum: &Sum, size: u64, durability: Durability) -> bool {
        let is_there = fs::metadata(self.component_path(sum)).is_ok_and(|found| found.len() == size);
        // One that was only written may have been lost in part, so it is read when it counts.
        is_there && (durability == Durability::Written || self.component(sum).is_some())
    }

    /// Keeps a component.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn keep(&self, sum: &Sum, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.write(&self.component_path(sum), bytes, durability)
    }

    /// Writes the record, and removes the components that it does not name.
    ///
    /// # Errors
    /// What the file system says. Then the record is as it was before.
    pub(crate) fn write_record(&self, record: &Record, durability: Durability) -> io::Result<()> {
        self.write(&self.folder.join(RECORD), &serde_json::to_vec(record)?, durability)?;
        if let Err(error) = self.remove_others(record) {
            tracing::warn!(%error, folder = %self.folder.display(), "components of old versions can't be removed");
        }
        Ok(())
    }

    fn component_path(&self, sum: &Sum) -> PathBuf {
        self.folder.join(format!("{sum}.wasm"))
    }

    fn write(&self, path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::Builder::new().prefix(".tmp").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
        if durability == Durability::Synced {
            // The folders above may be new as well.
            let parents = self.folder.ancestors().take(3);
            parents.filter(|folder| !folder.as_os_str().is_empty()).try_for_each(|it| File::open(it)?.sync_all())?;
        }
        Ok(())
    }

    fn remove_others(&self, record: &Record) -> io::Result<()> {
        let named: Vec<_> = record.versions().iter().map(|version| self.component_path(&version.sum)).collect();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") && !named.contains(&path) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

impl Made {
    /// What a component of so many bytes comes to as a version, now.
    pub(crate) fn now(sum: Sum, size: u64, from: String) -> Self {
        Self { sum, size, at_ms: Timestamp::now().as_millis(), from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(component: &str) -> Made {
        Made::now(Sum::of(component.as_bytes()), component.len() as u64, "here".to_owned())
    }

    #[test]
    fn what_was_kept_is_found_again_and_what_is_not_named_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::of(folder.path(), &FunctionName::parse("hello").expect("a name"));
        assert_eq!(history.read(), None);
        let [one, two] = ["one", "two"].map(made);
        for (made, bytes) in [(&one, b"one"), (&two, b"two")] {
            history.keep(&made.sum, bytes, Durability::Synced).expect("kept");
        }
        let record = Record::new(one.clone()).with_deployed(two.clone(), 100);
        history.write_record(&record, Durability::Synced).expect("written");
        assert_eq!(history.read().as_ref(), Some(&record));
        assert_eq!(history.component(&one.sum).as_deref(), Some(&b"one"[..]));
        let mut pruned = record;
        pruned.prune(1);
        history.write_record(&pruned, Durability::Synced).expect("written");
        assert_eq!((history.component(&one.sum), history.component(&two.sum)), (None, Some(b"two".to_vec())));
    }

    #[test]
    fn what_was_damaged_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::of(folder.path(), &FunctionName::parse("hello").expect("a name"));
        let made = made("one");
        history.keep(&made.sum, b"one", Durability::Written).expect("kept");
        history.write_record(&Record::new(made.clone()), Durability::Written).expect("written");
        fs::write(history.component_path(&made.sum), b"0ne").expect("damaged");
        assert_eq!(history.component(&made.sum), None);
        assert!(history.has(&made.sum, 3, Durability::Written) && !history.has(&made.sum, 3, Durability::Synced));
        history.keep(&made.sum, b"one", Durability::Synced).expect("kept");
        assert!(history.component(&made.sum).is_some(), "it is written again");
        fs::write(history.folder.join(RECORD), "{").expect("damaged");
        assert_eq!(history.read(), None);
        assert!(history.folder.join(UNREADABLE).exists());
    }
}
