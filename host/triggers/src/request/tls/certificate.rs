//! A certificate and its key in files.

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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

/// When a file was written last, and how large it is; none: it is not there.
pub(super) type Look = [Option<(SystemTime, u64)>; 2];

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

    /// Looks whether they changed, without reading them.
    pub(super) async fn look(self) -> Look {
        let look = |path: &Path| fs::metadata(path).ok().and_then(|found| Some((found.modified().ok()?, found.len())));
        let looked = tokio::task::spawn_blocking(move || [look(&self.certificate), look(&self.key)]);
        // A look that failed finds nothing, and the next one finds it changed.
        looked.await.unwrap_or_default()
    }
}
