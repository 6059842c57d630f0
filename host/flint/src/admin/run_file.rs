//! `run.json` in the data folder: how other commands find the host that runs with it.
//!
//! Written when the host is ready and removed when it ends. One that was left behind by a crash does no harm: the address
//! in it is only trusted if who answers there has the same id.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const NAME: &str = "run.json";

/// Where a host can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Identifies this run of the host.
    pub(crate) host: String,
    /// The process.
    pub(crate) process: u32,
    /// Where it takes requests.
    pub(crate) http: SocketAddr,
    /// Where it is managed.
    pub(crate) admin: SocketAddr,
}

/// The file, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RunFile(PathBuf);

impl RunFile {
    /// Writes the file aside and renames it, so that nobody reads a half.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(data_dir: &Path, run: &Run) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        let aside = data_dir.join(format!("{NAME}.{}", run.process));
        fs::write(&aside, serde_json::to_vec(run)?)?;
        fs::rename(&aside, &path)?;
        Ok(Self(path))
    }

    /// Reads the file. None if there is none, or one that no host of this version wrote.
    pub(crate) fn read(data_dir: &Path) -> Option<Run> {
        serde_json::from_slice(&fs::read(data_dir.join(NAME)).ok()?).ok()
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        // A file that stays is not trusted by anybody.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_while_the_host_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], 9090));
        let run = Run { host: "id".to_owned(), process: 7, http: address, admin: address };
        assert_eq!(RunFile::read(folder.path()), None);
        let file = RunFile::write(folder.path(), &run).expect("written");
        assert_eq!(RunFile::read(folder.path()), Some(run));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        drop(file);
        assert_eq!(RunFile::read(folder.path()), None);
        fs::write(folder.path().join(NAME), "{").expect("written");
        assert_eq!(RunFile::read(folder.path()), None);
    }
}
