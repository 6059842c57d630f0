//! `run.json` in the data folder: how other commands find the host that runs with it.
//!
//! Written when the host is ready and removed when it ends. One that was left behind by a crash does no harm: the address
//! in it is only trusted if who answers there has the same id.

use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const NAME: &str = "run.json";

/// Where a host can be found.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Identifies this run of the host.
    pub(crate) host: String,
    /// The process.
    pub(crate) process: u32,
    /// Where it takes requests.
    pub(crate) http: SocketAddr,
    /// Where it is managed.
    pub(crate) admin: SocketAddr,
    /// What lets commands of this user manage it while it runs, if it asks for a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("host", &self.host).field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// The file, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RunFile(PathBuf);

impl RunFile {
    /// Writes the file aside and renames it, so that nobody reads a half. Only this user can read it.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(data_dir: &Path, run: &Run) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        let aside = data_dir.join(format!("{NAME}.{}", run.process));
        // One that was left behind could be readable by others.
        fs::remove_file(&aside)
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(&serde_json::to_vec(run)?)?;
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_there_while_the_host_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], 9090));
        let token = Some("token".to_owned());
        let run = Run { host: "id".to_owned(), process: 7, http: address, admin: address, token };
        assert_eq!(RunFile::read(folder.path()), None);
        let file = RunFile::write(folder.path(), &run).expect("written");
        assert_eq!(RunFile::read(folder.path()), Some(run));
        let mode = fs::metadata(folder.path().join(NAME)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        drop(file);
        assert_eq!(RunFile::read(folder.path()), None);
        fs::write(folder.path().join(NAME), "{").expect("written");
        assert_eq!(RunFile::read(folder.path()), None);
    }
}
