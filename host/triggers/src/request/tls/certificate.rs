//! A certificate and its key in files.

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a certificate can't be used. A retry helps when the files have changed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read, or is no PEM.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file has no certificate in it.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// The key does not belong to the certificate, or is of a kind that is not supported.
    #[error("the certificate and the key can't be used together")]
    Unusable(#[source] rustls::Error),
}

/// Where a certificate and its key are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Which files they are, and in which state; none: it is not there.
pub(super) type Look = [Option<State>; 2];

/// A state of a file. When it was written, and how large it is, may be the same of another one; when its entry changed, nobody can
/// set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl Files {
    /// Reads both.
    pub(super) fn read(&self) -> Result<CertifiedKey, CertificateError> {
        let unreadable = |path: &Path| {
            let path = path.to_path_buf();
            move |source| CertificateError::Unreadable { path, source }
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(unreadable(&self.certificate))?;
        if chain.is_empty() {
            return Err(CertificateError::Empty(self.certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable(&self.key))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(CertificateError::Unusable)
    }

    /// Looks whether they changed, without reading them. Blocks.
    pub(super) fn look(&self) -> Look {
        [&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some(State {
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
                size: found.size(),
                inode: found.ino(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_one_took_the_place_of_has_changed_whatever_its_time_and_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let [certificate, key, new] = ["certificate", "key", "new"].map(|name| folder.path().join(name));
        for path in [&certificate, &key, &new] {
            fs::write(path, "text").expect("a file");
        }
        let time = fs::metadata(&certificate).and_then(|found| found.modified()).expect("a time");
        fs::File::options().write(true).open(&new).and_then(|file| file.set_modified(time)).expect("set");
        let files = Files { certificate: certificate.clone(), key };
        let before = files.look();
        assert_eq!(before, files.look());
        fs::rename(&new, &certificate).expect("renamed");
        assert_ne!(before, files.look());
    }
}
