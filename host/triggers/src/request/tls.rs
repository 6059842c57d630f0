//! TLS 1.2 and 1.3 in front of HTTP, with a certificate that may change while it is used.
//!
//! Both versions of HTTP are offered (ALPN), HTTP/2 first. The certificate is looked up at each handshake, so a new one holds
//! for the next connection, and those that are open keep theirs.

mod certificate;

pub use certificate::CertificateError;

use arc_swap::ArcSwap;
use certificate::{Files, Look};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What TLS is spoken with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The certificate and those that vouch for it, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
    /// How often is looked whether the files changed.
    pub reload: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

/// Speaks TLS with clients.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    handshake_timeout: Duration,
    files: Files,
    /// How the files were before they were read.
    seen: Look,
    current: Arc<Current>,
    reload: Duration,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

/// The certificate of the next handshake.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Reads certificate and key. Blocks while it does.
    ///
    /// # Errors
    /// [`CertificateError`]: a file can't be read, or the two do not belong together.
    pub fn new(options: Options) -> Result<Self, CertificateError> {
        let files = Files { certificate: options.certificate, key: options.key };
        // Before they are read: what changes meanwhile is found by the next look.
        let seen = files.look();
        let provider = Arc::new(ring::default_provider());
        let current = Arc::new(Current(ArcSwap::from_pointee(files.read()?)));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(CertificateError::Unusable)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshake_timeout: options.handshake_timeout,
            files,
            seen,
            current,
            reload: options.reload,
        })
    }

    /// Looks at the files from time to time, and takes what they hold when they have changed. What can't be used is told in
    /// the log, and the certificate stays. Never ends.
    pub async fn follow(self) {
        let (mut seen, mut failed) = (self.seen, false);
        loop {
            tokio::time::sleep(self.reload).await;
            let files = self.files.clone();
            // What could not be read may be readable the next time, though nothing of it looks different.
            let looked = move || {
                let now = files.look();
                (now, (failed || now != seen).then(|| files.read()))
            };
            let (now, read) = match tokio::task::spawn_blocking(looked).await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::error!(%error, "reading a certificate failed in the host");
                    continue;
                }
            };
            let is_new = now != seen;
            // Whoever writes a file may not be done yet: it is looked at again, and if it changes, read again.
            seen = now;
            match read {
                None => {}
                Some(Ok(key)) => {
                    failed = false;
                    self.current.0.store(Arc::new(key));
                    tracing::info!(certificate = %self.files.certificate.display(), "the new certificate is used");
                }
                Some(Err(error)) => {
                    failed = true;
                    let error = &error as &dyn std::error::Error;
                    if is_new {
                        tracing::warn!(error, "the new certificate can't be used, the old one stays");
                    }
                }
            }
        }
    }

    /// Agrees on keys with a client.
    ///
    /// # Errors
    /// What the client does is no handshake, offers nothing that this side has too, or takes too long.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = tokio::time::timeout(self.handshake_timeout, self.acceptor.accept(stream)).await;
        let accepted = accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        accepted.inspect_err(|error| tracing::debug!(%error, "no TLS"))
    }

    /// Whether both sides agreed on HTTP/2.
    pub(super) fn speaks_http2<S>(stream: &TlsStream<S>) -> bool {
        stream.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}
