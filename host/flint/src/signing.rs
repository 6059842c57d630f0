//! The key that signs URLs of blobs: made once, kept in the data folder, and read by its owner alone.
//!
//! Whoever has it can read and write every blob; to have all URLs end at once, stop the host and remove the file.

use crate::error::Error;
use crate::wire::keep_name;
use flint_config::Platform;
use flint_stores::blob::sign::Signer;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

const FILE: &str = "signing-key";

/// Makes what signs URLs with the key of the data folder, which is made if there is none. Only for who has the stores open:
/// of two who make a key, one would have another than the file.
///
/// # Errors
/// If the key can't be read or made.
pub(crate) fn signer(platform: &Platform) -> Result<Signer, Error> {
    let path = platform.data_dir.join(FILE);
    let key = read_or_make(&path).map_err(|source| Error::DataDir { path, source })?;
    Ok(Signer::new(key, platform.listener.public_url.as_deref().unwrap_or_default()))
}

fn read_or_make(path: &Path) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => {
            bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no key of 32 bytes"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

fn make(path: &Path) -> io::Result<[u8; 32]> {
    let key: [u8; 32] = rand::random();
    // A crash in the middle leaves no half key: URLs that were given out stay good.
    let aside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    // The name has to be on the disk before a URL is given out.
    keep_name(path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_file_that_is_none_is_not_taken_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let key = read_or_make(&path).expect("it is made");
        assert_eq!(read_or_make(&path).expect("it is read"), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, b"short").expect("it is written");
        assert_eq!(read_or_make(&path).expect_err("it is no key").kind(), io::ErrorKind::InvalidData);
    }
}
