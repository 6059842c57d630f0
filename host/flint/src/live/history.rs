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

/// What the names of files start with that are being written.
const ASIDE: &str = ".tmp";

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

    /// Where the versions are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the record; none if there is none.
    ///
    /// # Errors
    /// What the file system says, or that the record is damaged, or of another version of flint. Then versions are there that
    /// nobody may take for lost.
    pub(crate) fn read(&self) -> io::Result<Option<Record>> {
        let Some(text) = found(fs::read(self.folder.join(RECORD)))? else { return Ok(None) };
        let damaged =
            || io::Error::new(io::ErrorKind::InvalidData, format!("{RECORD} is damaged, or of another version"));
        Record::parse(&text).map(Some).ok_or_else(damaged)
    }

    /// Reads a component. None if it is not there, or is another one.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn component(&self, sum: &Sum) -> io::Result<Option<Vec<u8>>> {
        let bytes = found(fs::read(self.component_path(sum)))?;
        Ok(bytes.filter(|bytes| Sum::of(bytes) == *sum))
    }

    /// Whether a component of so many bytes is kept already, as durably as this.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn has(&self, sum: &Sum, size: u64, durability: Durability) -> io::Result<bool> {
        let path = self.component_path(sum);
        let is_there = found(fs::metadata(&path))?.is_some_and(|found| found.len() == size);
        if !is_there || durability == Durability::Written {
            return Ok(is_there);
        }
        // One that was only written may have been lost in part, so it is read when it counts; and may be lost yet.
        let is_whole = self.component(sum)?.is_some();
        if is_whole {
            File::open(&path)?.sync_all()?;
        }
        Ok(is_whole)
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
    /// What the file system says. Then the record is as it was before, unless it is the folder that can't be synced.
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
        let mut file = tempfile::Builder::new().prefix(ASIDE).tempfile_in(&self.folder)?;
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
            let entry = entry?;
            let path = entry.path();
            // Changes come one at a time, so what is aside was left by a process that was killed.
            let is_left = entry.file_name().to_string_lossy().starts_with(ASIDE);
            if is_left || path.extension().is_some_and(|extension| extension == "wasm") && !named.contains(&path) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// What is not there is none; what can't be read may well be there.
fn found<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
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
        assert_eq!(history.read().expect("none"), None);
        let [one, two] = ["one", "two"].map(made);
        for (made, bytes) in [(&one, b"one"), (&two, b"two")] {
            history.keep(&made.sum, bytes, Durability::Synced).expect("kept");
        }
        let record = Record::new(one.clone()).with_deployed(two.clone(), 100);
        fs::write(history.folder.join(".tmpLEFT"), "half of one").expect("written");
        history.write_record(&record, Durability::Synced).expect("written");
        assert!(!history.folder.join(".tmpLEFT").exists());
        assert_eq!(history.read().expect("one").as_ref(), Some(&record));
        assert_eq!(history.component(&one.sum).expect("read").as_deref(), Some(&b"one"[..]));
        let mut pruned = record;
        pruned.prune(1);
        history.write_record(&pruned, Durability::Synced).expect("written");
        let left = [&one, &two].map(|made| history.component(&made.sum).expect("read"));
        assert_eq!(left, [None, Some(b"two".to_vec())]);
    }

    #[test]
    fn what_was_damaged_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::of(folder.path(), &FunctionName::parse("hello").expect("a name"));
        let made = made("one");
        history.keep(&made.sum, b"one", Durability::Written).expect("kept");
        history.write_record(&Record::new(made.clone()), Durability::Written).expect("written");
        fs::write(history.component_path(&made.sum), b"0ne").expect("damaged");
        assert_eq!(history.component(&made.sum).expect("read"), None);
        let has = |durability| history.has(&made.sum, 3, durability).expect("read");
        assert!(has(Durability::Written) && !has(Durability::Synced));
        history.keep(&made.sum, b"one", Durability::Synced).expect("kept");
        assert!(history.component(&made.sum).expect("read").is_some(), "it is written again");
        for damaged in ["{", "", "{\"format\":2}"] {
            fs::write(history.folder.join(RECORD), damaged).expect("damaged");
            assert_eq!(history.read().expect_err("it is none").kind(), io::ErrorKind::InvalidData, "{damaged}");
        }
        // It may be whole, and can't be read now.
        fs::remove_file(history.folder.join(RECORD)).expect("removed");
        fs::create_dir(history.folder.join(RECORD)).expect("a folder");
        assert!(history.read().is_err());
    }
}
