//! TLS to other servers: whom it trusts, and HTTP/2 where both sides speak it.

use super::{allowing, ask, get, refused};
use crate::harness::{Launch, Upstream, eventually};
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use std::fs;
use std::sync::Arc;

/// An authority, and servers that it vouches for.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// A server for a name, with protocols in the order of its preference.
    fn server(&self, name: &str, protocols: &[&str]) -> Upstream {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = config
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect("a configuration");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Upstream::with_tls(config)
    }
}

fn https(upstream: &Upstream, path: &str) -> String {
    upstream.url(path).replace("http:", "https:")
}

#[test]
fn own_authorities_are_trusted_where_they_are_named_and_no_name_but_the_certificates_is() {
    let authority = Authority::new();
    let upstream = authority.server("127.0.0.1", &["http/1.1"]);
    let misnamed = authority.server("elsewhere.example", &["http/1.1"]);
    let stranger = Authority::new().server("127.0.0.1", &["http/1.1"]);
    let hosts = [&upstream, &misnamed, &stranger].map(|upstream| upstream.address.to_string());
    let platform = super::platform(&format!("outbound = {hosts:?}"));
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.0.pem()).expect("a file");
    let trusting = Launch::config(&format!("[outbound]\nca = {ca:?}\n{platform}")).start();
    assert_eq!(get(trusting.http(), &https(&upstream, "/hello")).expect(200).text(), "hello\n");
    let answer = trusting.http().get(&format!("/ask-02/!{}/hello", upstream.address)).expect(200);
    assert_eq!(answer.text(), "hello\n");
    refused(&get(trusting.http(), &https(&misnamed, "/hello")), "TlsCertificateError", false);
    refused(&get(trusting.http(), &https(&stranger, "/hello")), "TlsCertificateError", false);
    let answer = trusting.http().get(&format!("/ask-02/!{}/hello", stranger.address)).expect(502);
    assert_eq!(answer.text(), "ErrorCode::TlsCertificateError");
    // Without it, nobody vouches for the server.
    let strict = Launch::config(&platform).start();
    refused(&get(strict.http(), &https(&upstream, "/hello")), "TlsCertificateError", false);
    assert_eq!(misnamed.requests() + stranger.requests(), 0);
}

#[test]
fn http_2_is_spoken_where_the_server_does_and_one_connection_takes_all_calls() {
    let authority = Authority::new();
    let upstream = authority.server("127.0.0.1", &["h2", "http/1.1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.0.pem()).expect("a file");
    let host = Launch::config(&format!("[outbound]\nca = {ca:?}\n{}", allowing(&upstream, ""))).start();
    let seen = get(host.http(), &https(&upstream, "/seen")).expect(200).json();
    assert_eq!((&seen["http2"], seen["target"].as_str()), (&json!(true), Some(https(&upstream, "/seen").as_str())));
    assert!(super::header(&seen, "host").is_empty() && super::header(&seen, "traceparent").len() == 1, "{seen}");
    let answers = ask(host.http(), "at-once/10", &https(&upstream, "/slow/100"), "").expect(200).json();
    assert_eq!((answers, upstream.connections()), (json!(vec!["200"; 10]), 1));
    let sent = ask(host.http(), "send/1000000", &https(&upstream, "/count"), "").expect(200).json();
    assert_eq!((&sent["bytes"], &sent["trailers"]), (&json!(1_000_000), &json!({ "checksum": "all-x" })));
    // Answers that nobody reads hold up none that somebody does.
    let large = https(&upstream, "/bytes/1000000");
    assert_eq!(ask(host.http(), "unread/8", &large, "").expect(200).text(), "200");
    // A dropped answer resets its stream alone.
    ask(host.http(), "first-piece", &https(&upstream, &format!("/bytes/{}", 1_u64 << 40)), "").expect(200);
    get(host.http(), &https(&upstream, "/hello")).expect(200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_request_that_nobody_takes_over_http_2_keeps_its_turn_until_its_time_is_over_and_no_longer() {
    let authority = Authority::new();
    let upstream = authority.server("127.0.0.1", &["h2"]);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.0.pem()).expect("a file");
    let lines = allowing(&upstream, "outbound-concurrency = 1\noutbound-timeout = \"2s\"\ntimeout = \"1h\"");
    let host = Launch::config(&format!("[outbound]\nca = {ca:?}\nidle-timeout = \"1h\"\n{lines}")).start();
    // More than HTTP/2 sends to who reads nothing.
    let answer = ask(host.http(), "send/10000000", &https(&upstream, "/deaf"), "").expect(200);
    assert_eq!(answer.text(), "deaf");
    // The first attempt waits for the turn for nearly all its time, and may break off in the middle of what it is answered.
    let path = format!("/ask/get?url={}", https(&upstream, "/hello"));
    let hello = || host.http().try_send(Method::GET, &path, &[], "").ok();
    eventually("the turn of the next one", || hello().filter(|answer| answer.status == 200).map(drop));
    // Nothing is asked any more on the connection that is stuck. On a busy machine an attempt may have run out of time, and taken its
    // connection with it.
    assert!(upstream.connections() >= 2);
    eventually("its end", || (upstream.open() == 1).then_some(()));
}

#[test]
fn a_server_without_tls_and_a_file_without_certificates_are_told_apart() {
    let upstream = Upstream::start();
    let host = super::host(&upstream, "");
    refused(&get(host.http(), &https(&upstream, "/")), "TlsProtocolError", false);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), "no certificate").expect("a file");
    fs::write(folder.path().join("platform.toml"), "[outbound]\nca = \"ca.pem\"\n").expect("a file");
    let run = crate::harness::flint(folder.path(), ["up", "--json", "--listen", "127.0.0.1:0"]);
    assert!(run.code == Some(3) && run.stdout.contains("outbound/invalid-ca"), "{run:?}");
}
