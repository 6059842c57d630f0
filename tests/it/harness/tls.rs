//! Certificates that are made for a test, and a client that trusts them.

use super::{Client, Http2};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The section of a listener that speaks TLS too, with what [`write`] writes.
pub(crate) const LISTENER: &str =
    "[listener]\nhttps = \"127.0.0.1:0\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n";

/// Writes a certificate for the host `test` and its key into a folder, as `certificate.pem` and `key.pem`.
pub(crate) fn write(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["test".to_owned()]).expect("a certificate");
    // The key first: the certificate is what a host waits for.
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("a key");
    std::fs::write(folder.join("certificate.pem"), cert.pem()).expect("a certificate");
    cert.der().clone()
}

/// Connects, trusting one certificate.
///
/// # Errors
/// What TLS says.
pub(crate) async fn connect(
    client: Client,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(client.address()).await?;
    let name = ServerName::try_from("test").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Connects to speak HTTP/2.
pub(crate) async fn http2(client: Client, trusted: &CertificateDer<'static>) -> Http2 {
    let stream = connect(client, trusted, &["h2", "http/1.1"]).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Http2::over(stream).await
}
