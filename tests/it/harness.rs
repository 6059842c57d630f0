//! What tests share: a host that runs ([`host`]), components that are built ([`guest`]), a client ([`client`]), a server
//! that functions call ([`upstream`]), and a connection for what no client says ([`wire`]); the same for HTTP/2 ([`http2`]),
//! and what TLS needs ([`tls`]). That others are answered while something goes on is shown by [`meanwhile`].

#![allow(dead_code, unused_imports, reason = "what one test file does not need, another does")]

pub(crate) mod client;
pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod http2;
pub(crate) mod meanwhile;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod wire;

pub(crate) use client::{Client, Response};
pub(crate) use host::{Host, Launch, Run, flint};
pub(crate) use http2::Http2;
pub(crate) use meanwhile::meanwhile;
pub(crate) use upstream::Upstream;
pub(crate) use wire::Wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// What the kernel tells of the process of the host (`proc_pid_status(5)`).
pub(crate) fn status(host: &Host) -> String {
    std::fs::read_to_string(format!("/proc/{}/status", host.process())).expect("a process")
}

/// What the process of the host holds in memory, in bytes.
pub(crate) fn resident(host: &Host) -> usize {
    let status = status(host);
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}

/// Waits until something is there.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
