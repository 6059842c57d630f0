//! Blobs: what commands and the management API see of them, signed URLs, and what functions do with them.

mod draft;
mod event;

use crate::harness::guest::{function, route};
use crate::harness::{Launch, Run, flint};
use http::Method;
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

const BUCKETS: &str = "[bucket.uploads]\n[bucket.small]\nblob-size-max = \"8B\"\n";

/// The command of a host that runs, or of none.
fn both(work: impl Fn(&dyn Fn(&[&str]) -> Run)) {
    let host = Launch::config(BUCKETS).start();
    work(&|args| flint(host.folder(), with_folder(host.data_dir(), args)));
    assert!(host.stop().success());
    let launch = Launch::config(BUCKETS);
    work(&|args| flint(launch.folder(), with_folder(launch.data_dir(), args)));
}

fn with_folder(data_dir: PathBuf, args: &[&str]) -> Vec<OsString> {
    let mut all: Vec<OsString> = args.iter().map(Into::into).collect();
    all.extend(["--data-dir".into(), data_dir.into()]);
    all
}

/// Keys that a path of a URL, of a file system or a shell would take for something else.
const AWKWARD: [&str; 7] = ["..", "../../etc/passwd", "a//b/", "/", "?a=b#c%2F", "é\u{1}\n\t", " "];

#[test]
fn commands_put_get_list_and_remove_with_a_host_and_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (folder.path().join("in"), folder.path().join("out"));
    // More than any buffer on the way holds.
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| ((n * 31) >> 3) as u8).collect();
    fs::write(&file, &content).expect("a file");
    let (file, out) = (file.to_str().expect("a path"), out.to_str().expect("a path"));
    both(|flint| {
        let json = |args: &[&str]| flint(&[&["blob"], args, &["--json"]].concat()).ok().json();
        for key in AWKWARD {
            let put = json(&["put", "uploads", key, file, "--type", "image/png"]);
            assert_eq!((&put["key"], &put["size"]), (&json!(key), &json!(content.len())));
            let known = json(&["get", "uploads", key, "--out", out]);
            assert_eq!((&known["etag"], &known["content_type"]), (&put["etag"], &json!("image/png")));
            assert!(fs::read(out).expect("the file") == content, "{key:?}");
        }
        let listed = json(&["ls", "uploads"]);
        let mut keys = AWKWARD;
        keys.sort_unstable();
        let found: Vec<_> = listed["blobs"].as_array().expect("blobs").iter().map(|blob| blob["key"].clone()).collect();
        assert_eq!(found, keys);
        let folders = json(&["ls", "uploads", "--delimiter", "/"]);
        assert_eq!(folders["prefixes"], json!(["../", "/", "a/"]));
        let taken = flint(&["blob", "put", "uploads", "..", file, "--if-absent"]);
        assert!(taken.stderr.contains("is not what was expected"), "{taken:?}");
        let large = flint(&["blob", "put", "small", "a", file]);
        assert!(large.stderr.contains("the blob is too large"), "{large:?}");
        for key in AWKWARD {
            assert_eq!(json(&["rm", "uploads", key]), json!({"existed": true}));
        }
        assert_eq!(json(&["rm", "uploads", ".."]), json!({"existed": false}));
        let gone = flint(&["blob", "get", "uploads", ".."]);
        assert!(gone.stderr.contains("has no blob"), "{gone:?}");
        let nowhere = flint(&["blob", "ls", "nowhere"]);
        assert!(nowhere.stderr.contains("there is no bucket nowhere"), "{nowhere:?}");
    });
}

#[test]
fn blobs_are_there_after_the_host_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("in");
    fs::write(&file, vec![7; 300_000]).expect("a file");
    let host = Launch::config(BUCKETS).start();
    host.flint(["blob", "put", "uploads", "large", file.to_str().expect("a path")]).ok();
    let host = host.kill_and_restart();
    assert_eq!(host.flint(["blob", "get", "uploads", "large"]).ok().stdout.len(), 300_000);
}

/// The URL that a command prints: a path, since the listener has no `public-url`.
fn signed(host: &crate::harness::Host, args: &[&str]) -> String {
    let all: Vec<_> = with_folder(host.data_dir(), &[&["blob", "sign"], args].concat());
    flint(host.folder(), all).ok().stdout.trim().to_owned()
}

#[test]
fn a_signed_url_reads_one_blob_as_http_does_until_it_expires() {
    let host = Launch::config(BUCKETS).start();
    let client = host.http();
    for key in AWKWARD {
        let put = signed(&host, &["uploads", key, "--put"]);
        let kind = ("content-type", "text/plain");
        let answer = client.send(Method::PUT, &put, &[kind], format!("content of {key}")).expect(204);
        let etag = answer.header("etag").to_owned();
        let get = signed(&host, &["uploads", key]);
        let answer = client.get(&get).expect(200);
        assert_eq!((answer.text(), answer.header("etag")), (&*format!("content of {key}"), &*etag));
        assert_eq!((answer.header("content-type"), answer.header("x-content-type-options")), ("text/plain", "nosniff"));
        assert!(answer.header("content-security-policy").contains("sandbox"));
        assert_eq!(client.send(Method::GET, &get, &[("range", "bytes=8-9")], "").expect(206).text(), "of");
        assert_eq!(
            client.send(Method::GET, &get, &[("range", "bytes=999-")], "").expect(416).json()["code"],
            "http/bad-range"
        );
        assert_eq!(client.send(Method::GET, &get, &[("if-none-match", &etag)], "").expect(304).text(), "");
        client.send(Method::GET, &get, &[("if-match", "\"other\"")], "").expect(412);
        let head = client.send(Method::HEAD, &get, &[], "").expect(200);
        assert_eq!(head.header("content-length"), format!("content of {key}").len().to_string());
        // Neither is good for the other, and none for another key.
        client.send(Method::PUT, &get, &[], "x").expect(405);
        client.get(&put).expect(405);
        for forged in
            [get.replace("method=get", "method=put"), get.replace("key=", "key=x"), get.replace("uploads", "small")]
        {
            let method = if forged.contains("method=put") { Method::PUT } else { Method::GET };
            assert_eq!(client.send(method, &forged, &[], "").expect(403).json()["code"], "blob/url-forged");
        }
    }
    let short = signed(&host, &["uploads", "..", "--expires", "1s"]);
    let expired = crate::harness::eventually("the URL expires", || {
        let answer = client.get(&short);
        (answer.status == 403).then_some(answer)
    });
    assert_eq!(expired.json()["code"], "blob/url-expired");
    assert_eq!(client.get(&signed(&host, &["uploads", "nothing"])).expect(404).json()["code"], "blob/no-such-blob");
}

#[test]
fn an_upload_keeps_the_rules_of_its_bucket_and_its_conditions() {
    let host = Launch::config(&format!("[listener]\npublic-url = \"https://example.com/\"\n{BUCKETS}")).start();
    let url = signed(&host, &["small", "a", "--put"]);
    let path = url.strip_prefix("https://example.com").expect("the public URL").to_owned();
    let put = |headers: &[(&str, &str)], body: &'static str| host.http().send(Method::PUT, &path, headers, body);
    assert_eq!(put(&[], "nine bytes").expect(413).json()["code"], "http/too-large");
    put(&[("if-none-match", "*")], "12345678").expect(204);
    assert_eq!(put(&[("if-none-match", "*")], "x").expect(412).json()["code"], "http/precondition-failed");
    assert_eq!(put(&[("if-match", "\"none\"")], "x").expect(412).json()["code"], "http/precondition-failed");
    assert_eq!(host.flint(["blob", "get", "small", "a"]).ok().stdout, "12345678");
    // The key of the signatures stays: a URL is good after a restart.
    let host = host.restart();
    host.http().send(Method::PUT, &path, &[], "again").expect(204);
}

/// A host with the function `depot`, which may do this with the bucket.
fn depot(access: &str, lines: &str) -> crate::harness::Host {
    let grants = format!("grants = {{ blob = {{ depot = \"{access}\" }} }}\n{lines}");
    let config = [function("depot", &grants), route("/depot/{key}", "depot"), "[bucket.depot]\n".to_owned()];
    Launch::config(&config.concat()).start()
}

#[test]
fn a_function_streams_what_is_larger_than_its_memory_in_and_out() {
    let host = depot("read-write", "memory = \"16MiB\"\n");
    let content: Vec<u8> = (0..40_000_000_u32).map(|n| ((n * 31) >> 3) as u8).collect();
    let put = host.http().send(Method::PUT, "/depot/large", &[], content.clone()).expect(200).json();
    assert_eq!((&put["key"], &put["size"]), (&json!("large"), &json!(content.len())));
    assert!(host.http().get("/depot/large").expect(200).body == content, "through the function");
    let url = put["url"].as_str().expect("a URL");
    assert!(host.http().get(url).expect(200).body == content, "past it");
    assert_eq!(host.http().send(Method::DELETE, "/depot/large", &[], "").expect(200).json(), json!(true));
    host.http().get("/depot/large").expect(404);
}

#[test]
fn a_function_does_with_a_bucket_what_it_was_granted_and_no_more_than_it_may() {
    let host = depot("read", "");
    assert_eq!(host.http().send(Method::PUT, "/depot/a", &[], "x").expect(500).json()["code"], "blob/denied");
    host.http().get("/depot/a").expect(404);
    let host = depot("read-write", "kv-size-max = \"1MiB\"\n");
    let large = host.http().send(Method::PUT, "/depot/a", &[], vec![0; 2 << 20]);
    assert_eq!(large.expect(413).json()["code"], "blob/too-large");
    host.http().get("/depot/a").expect(404);
}
