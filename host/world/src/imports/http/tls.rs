//! TLS to other servers: rustls with ring, the public authorities and those of the configuration.

use super::error::of_tls;
use super::target::Host;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// Who vouches for other servers.
#[derive(Debug, Clone)]
pub struct Authorities(RootCertStore);

/// Why certificates of authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// It is no PEM.
    #[error("it is not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("it has no certificate")]
    Empty,
    /// A certificate can't vouch for others.
    #[error("a certificate in it is not valid")]
    Certificate(#[source] rustls::Error),
}

impl Default for Authorities {
    /// The public ones, as Mozilla lists them.
    fn default() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() })
    }
}

impl Authorities {
    /// Trusts the authorities of a PEM file besides.
    ///
    /// # Errors
    /// [`AuthoritiesError`]
    pub fn and(mut self, pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let before = self.0.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.0.add(certificate.map_err(AuthoritiesError::Pem)?).map_err(AuthoritiesError::Certificate)?;
        }
        if self.0.len() > before { Ok(self) } else { Err(AuthoritiesError::Empty) }
    }
}

/// Which version of HTTP both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Makes TLS of connections.
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// # Errors
    /// None that certificates could cause: rustls with ring has what it needs.
    pub(crate) fn new(authorities: &Authorities) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities.0.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Agrees with the server on keys, and on the version of HTTP.
    ///
    /// # Errors
    /// `TlsCertificateError`, `TlsAlertReceived`, `TlsProtocolError`, or `ConnectionTerminated`.
    pub(crate) async fn wrap(&self, host: &Host, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Protocol), Error> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?,
            Host::Ip(ip) => ServerName::from(*ip),
        };
        let stream = self.0.connect(name, stream).await.map_err(|error| {
            tracing::debug!(%host, %error, "no TLS with another server");
            of_tls(&error)
        })?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(HTTP_2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok((stream, protocol))
    }
}
