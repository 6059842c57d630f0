//! A disk that is full: writes are refused with words that say so, reads go on, and all is well again without a restart when
//! there is room.
//!
//! The disk is a small one in memory, which the tests mount in a namespace of their own.

use crate::harness::{Host, Launch, Response};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Runs the tests below where a small disk can be mounted.
#[test]
fn a_full_disk_costs_no_reads_and_no_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().display().to_string();
    let script = format!("set -e; mount -t tmpfs -o size=64m tmpfs {disk}; exec \"$0\" \"$@\"");
    let run = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this test"))
        .args(["disk::inside::", "--ignored", "--test-threads=1"])
        .env("TMPDIR", &disk)
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&run.stdout);
    let ran = text.contains("1 passed; 0 failed");
    assert!(run.status.success() && ran, "{text}{}", String::from_utf8_lossy(&run.stderr));
}

const CONFIG: &str = "[limits]\ndisk-free-min = \"8MiB\"\n[kv.links]\n[queue.jobs]\n[bucket.files]\n";

fn disk() -> PathBuf {
    std::env::var_os("TMPDIR").expect("the disk").into()
}

fn put(host: &Host, key: &str) -> Response {
    host.admin().send(Method::PUT, &format!("/v1/kv/links/{key}"), &[], b"v".to_vec())
}

fn send(host: &Host) -> Response {
    host.admin().post_json("/v1/queues/jobs/messages", &json!({"messages": [{"value": "a"}]}))
}

/// All writes are refused, and all reads answer.
fn check_refused(host: &Host) {
    let ask = |path: &str, body: Value| host.admin().post_json(&format!("/v1/queues/jobs/{path}"), &body);
    for refused in [put(host, "refused"), send(host), ask("receive", json!({})), ask("purge", Value::Null)] {
        let problem = refused.expect(503).json();
        assert_eq!(problem["detail"], "the disk is full", "{problem}");
        assert!(problem["code"].as_str().expect("a code").ends_with("/unavailable"), "{problem}");
    }
    host.admin().get("/v1/kv/links/before").expect(200);
    host.admin().get("/v1/kv/links/refused").expect(404);
    assert_eq!(host.admin().get("/v1/queues/jobs").expect(200).json()["waiting"], 1);
}

fn blob(host: &Host, method: Method, key: &str, content: Vec<u8>) -> Response {
    host.admin().send(method, &format!("/v1/buckets/files/{key}"), &[], content)
}

/// Blobs alone don't stop the stores; and what is there can be removed from a disk that is low.
fn check_low(host: &Host) {
    let refused = (0..40).find(|n| blob(host, Method::PUT, &n.to_string(), vec![1; 4 << 20]).status == 503);
    let refused = refused.expect("blobs don't fill the disk");
    put(host, "before").expect(200);
    let ballast = disk().join("ballast");
    std::fs::write(&ballast, vec![1; 13 << 20]).expect("there is room for the ballast");
    put(host, "refused").expect(503);
    for n in 0..refused {
        blob(host, Method::DELETE, &n.to_string(), Vec::new()).expect(200);
    }
    let emptied = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        put(host, "after").status == 200
    });
    assert!(emptied, "the files are removed, and there is room");
    std::fs::remove_file(&ballast).expect("the ballast goes");
}

/// All writes are taken, and what was there before is there.
fn check_well(mut host: Host) {
    put(&host, "after").expect(200);
    send(&host).expect(200);
    host = host.kill_and_restart();
    for key in ["before", "after"] {
        host.admin().get(&format!("/v1/kv/links/{key}")).expect(200);
    }
    let received = host.admin().post_json("/v1/queues/jobs/receive", &json!({"max": 5})).expect(200).json();
    assert_eq!(received["messages"].as_array().expect("messages").len(), 2);
    assert!(host.stop().success());
}

/// What the test above runs.
mod inside {
    use super::*;

    #[test]
    #[ignore = "runs where a small disk is mounted"]
    fn a_full_disk() {
        let host = Launch::config(CONFIG).start();
        put(&host, "before").expect(200);
        send(&host).expect(200);
        check_low(&host);
        let ballast = disk().join("ballast");
        // To the last byte: what does not fit is as good as what does.
        let _full = std::fs::write(&ballast, vec![1; 64 << 20]);
        check_refused(&host);
        std::fs::remove_file(&ballast).expect("the ballast goes");
        check_well(host);
    }
}
