//! HTTP through TLS: both versions, a certificate that changes, and clients that do not come to the point.

use crate::harness::guest::{function, misbehave, route};
use crate::harness::http2::{self, request, whole};
use crate::harness::{Host, Launch, eventually, flint, tls};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A platform that is served through TLS too, with files of these names.
fn config(certificate: &str, key: &str, limits: &str) -> String {
    let listener = format!(
        "[listener]\nhttps = \"127.0.0.1:0\"\ncertificate = {certificate:?}\nkey = {key:?}\ncertificate-check = \"50ms\"\n"
    );
    let sections = [misbehave("timeout = \"1m\""), function("hello", ""), route("/hello", "hello")];
    format!("{listener}[limits]\n{limits}\n{}", sections.concat())
}

fn host(limits: &str) -> (Host, CertificateDer<'static>) {
    let launch = Launch::config(&config("certificate.pem", "key.pem", limits));
    let certificate = tls::write(launch.folder());
    (launch.start(), certificate)
}

#[test]
fn both_versions_of_http_are_spoken_through_tls() {
    let (host, certificate) = host("");
    http2::run(async {
        let client = tls::http2(host.https(), &certificate).await;
        let hello = client.send(request("GET", "/hello", whole(""))).await.expect(200);
        assert_eq!(hello.text(), "Hello, world!\n");
        let seen = client.send(request("GET", "/headers", whole(""))).await.expect(200).json();
        let headers = seen["headers"].as_array().expect("a list");
        for header in [["x-forwarded-proto", "https"], ["x-forwarded-for", "127.0.0.1"]] {
            assert!(headers.contains(&json!(header)), "{header:?} in {headers:?}");
        }
        for protocols in [&["http/1.1"][..], &[]] {
            let stream = tls::connect(host.https(), &certificate, protocols).await.expect("TLS");
            let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
            let (mut sender, connection) = handshake.await.expect("HTTP/1.1");
            tokio::spawn(connection);
            let hello = Request::get("/hello").header("host", "test").body(Full::<bytes::Bytes>::default());
            let answer = sender.send_request(hello.expect("a request")).await.expect("an answer");
            assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "Hello, world!\n");
        }
    });
    // The plain address is there as before, and says so to the guest.
    let seen = host.http().get("/headers").expect(200).json();
    assert!(seen["headers"].as_array().expect("a list").contains(&json!(["x-forwarded-proto", "http"])), "{seen}");
}

#[test]
fn a_new_certificate_is_used_and_one_that_can_not_be_is_not() {
    let (host, first) = host("");
    let works = |certificate: &CertificateDer<'static>| {
        http2::run(async { tls::connect(host.https(), certificate, &["h2"]).await.is_ok() })
    };
    let long = http2::run(async {
        let client = tls::http2(host.https(), &first).await;
        let folder = host.folder();
        // One that is cut off stays without effect, and the log says why.
        let good = fs::read_to_string(folder.join("certificate.pem")).expect("a file");
        fs::write(folder.join("certificate.pem"), &good[..good.len() / 2]).expect("a file");
        host.logged("the bad certificate", |line| line.to_string().contains("the old one stays"));
        let second = tls::write(folder);
        host.logged("the new certificate", |line| line.to_string().contains("the new certificate is used"));
        // Who is connected stays so.
        client.send(request("GET", "/hello", whole(""))).await.expect(200);
        second
    });
    eventually("the new certificate", || works(&long).then_some(()));
    assert!(!works(&first));
}

#[test]
fn files_that_can_not_be_used_are_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    tls::write(folder.path());
    fs::write(folder.path().join("empty.pem"), "").expect("a file");
    let other = tempfile::tempdir().expect("a folder");
    tls::write(other.path());
    fs::copy(other.path().join("key.pem"), folder.path().join("other.pem")).expect("a file");
    for (certificate, key, told) in [
        ("empty.pem", "key.pem", "no certificate"),
        ("certificate.pem", "empty.pem", "empty.pem"),
        ("certificate.pem", "other.pem", "together"),
    ] {
        fs::write(folder.path().join("platform.toml"), config(certificate, key, "")).expect("a file");
        let run = up(folder.path());
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stderr.contains(told) && run.stderr.contains("help:"), "{run:?}");
    }
    fs::write(folder.path().join("platform.toml"), config("nowhere.pem", "key.pem", "")).expect("a file");
    let run = up(folder.path());
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("config/no-such-file"), "{run:?}");
}

fn up(folder: &Path) -> crate::harness::Run {
    flint(folder, ["up", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
}

#[test]
fn who_does_not_come_to_the_point_is_disconnected() {
    let (host, _) = host("handshake-timeout = \"300ms\"");
    let begun = Instant::now();
    let mut silent = host.https().connect();
    let mut plain = host.https().connect();
    plain.write_all(b"GET /hello HTTP/1.1\r\nhost: test\r\n\r\n").expect("sent");
    for stream in [&mut silent, &mut plain] {
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert!(!String::from_utf8_lossy(&heard).contains("200"), "{heard:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    host.http().get("/hello").expect(200);
}

#[test]
fn a_host_that_ends_finishes_what_runs_through_tls() {
    let (mut host, certificate) = host("");
    let address = host.https();
    thread::scope(|scope| {
        let sleeping = scope.spawn(|| {
            http2::run(async {
                let client = tls::http2(address, &certificate).await;
                client.send(request("GET", "/sleep/3000", whole(""))).await
            })
        });
        host.wait_for_running("misbehave", 1.0);
        host.signal(Signal::TERM);
        assert_eq!(sleeping.join().expect("an answer").expect(200).text(), "awake\n");
    });
    assert_eq!(host.wait().code(), Some(0), "{:?}", host.log());
}
