//! Where calls must not lead: to addresses that are not public, however they are written or named.
//!
//! Whatever names an address that is not loopback runs in a network namespace of its own, where servers stand on the very
//! addresses that are refused: a guard that fails reaches nothing but these, and they count.

use super::{ask, get, platform, refused};
use crate::harness::guest::component;
use crate::harness::{Client, Launch, Upstream};
use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Addresses that the namespace has besides loopback.
const ADDRESSES: &[&str] =
    &["169.254.169.254", "10.1.2.3", "100.100.100.200", "192.168.7.7", "1.1.1.1", "fd00:ec2::254"];

/// What names lead to, there.
const HOSTS: &str = "127.0.0.1 localhost to-loopback.test\n::1 to-loopback-6.test\n169.254.169.254 to-metadata.test\n\
    10.1.2.3 to-private.test\n192.168.7.7 to-both.test\n1.1.1.1 to-both.test to-public.test\n\
    fd00:ec2::254 to-metadata-6.test\n";

/// Runs the tests below in a network namespace of their own.
#[test]
fn no_address_that_is_not_public_is_reached() {
    // Building is for outside.
    component("ask");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (hosts, resolver) = (file("hosts", HOSTS), file("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1\n"));
    let addresses = ADDRESSES.iter().map(|address| {
        let (prefix, flags) = if address.contains(':') { (128, " nodad") } else { (32, "") };
        format!("ip addr add {address}/{prefix} dev lo{flags}")
    });
    let script = format!(
        "set -e; ip link set lo up; {}; mount --bind {hosts} /etc/hosts; mount --bind {resolver} /etc/resolv.conf; exec \"$0\" \"$@\"",
        addresses.collect::<Vec<_>>().join("; ")
    );
    let run = Command::new("unshare")
        .args(["-r", "-n", "-m", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this test"))
        .args(["outbound::guard::inside::", "--ignored", "--test-threads=1"])
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&run.stdout);
    let ran = text.contains("4 passed; 0 failed");
    assert!(run.status.success() && ran, "{text}{}", String::from_utf8_lossy(&run.stderr));
}

/// A server on each address that must not be reached, and on one that may be.
struct Servers {
    inner: Vec<Upstream>,
    public: Upstream,
}

impl Servers {
    fn start() -> Self {
        let inner =
            ["127.0.0.1", "::1", "169.254.169.254", "10.1.2.3", "100.100.100.200", "192.168.7.7", "fd00:ec2::254"];
        Self { inner: inner.map(|ip| Upstream::at(ip, 80)).into(), public: Upstream::at("1.1.1.1", 80) }
    }

    #[track_caller]
    fn were_not_reached(&self, by: &str) {
        for server in &self.inner {
            assert_eq!(server.connections(), 0, "{by} reached {}", server.address);
        }
    }
}

fn prohibited(client: Client, host: &str) {
    refused(&get(client, &format!("http://{host}/hello")), "may not make this call", false);
    let answer = client.get(&format!("/ask-02/{host}/hello")).expect(502);
    let code = answer.text();
    let codes =
        ["ErrorCode::HttpRequestDenied", "ErrorCode::DestinationIpProhibited", "ErrorCode::HttpRequestUriInvalid"];
    assert!(codes.contains(&code), "{host}: {code}");
}

/// Run by the test above.
mod inside {
    use super::*;

    #[test]
    #[ignore = "needs a network namespace of its own"]
    fn an_address_by_any_spelling_is_refused_unless_it_is_listed() {
        let servers = Servers::start();
        let everything = r#"outbound = ["*.test", "localhost", "127.0.0.1:8", "0.0.0.0:8", "[::1]:8"]"#;
        let host = Launch::config(&platform(everything)).start();
        for spelling in [
            "127.0.0.1",
            "127.0.0.1.",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "0.0.0.0",
            "[::]",
            "169.254.169.254",
            "[::ffff:169.254.169.254]",
            "10.1.2.3",
            "100.100.100.200",
            "[fd00:ec2::254]",
            "1.1.1.1",
        ] {
            prohibited(host.http(), spelling);
        }
        for spelling in ["0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "017700000001", "127.0.0.01"]
        {
            let answer = get(host.http(), &format!("http://{spelling}/hello"));
            assert!(answer.json()["detail"].to_string().contains("UriInvalid"), "{spelling}: {answer:?}");
            assert_eq!(host.http().get(&format!("/ask-02/{spelling}/")).text(), "ErrorCode::HttpRequestUriInvalid");
        }
        for user in ["a@127.0.0.1", "to-public.test@127.0.0.1", "127.0.0.1@to-public.test"] {
            let answer = get(host.http(), &format!("http://{user}/hello"));
            assert!(answer.json()["detail"].to_string().contains("UriInvalid"), "{user}: {answer:?}");
        }
        servers.were_not_reached("a spelling");
        assert_eq!(servers.public.connections(), 0);
        let host = Launch::config(&platform(r#"outbound = ["127.0.0.1", "169.254.169.254", "[::1]"]"#)).start();
        for listed in ["127.0.0.1", "127.0.0.1.", "169.254.169.254:80", "[0::1]"] {
            assert_eq!(get(host.http(), &format!("http://{listed}/hello")).expect(200).text(), "hello\n", "{listed}");
        }
    }

    #[test]
    #[ignore = "needs a network namespace of its own"]
    fn a_name_that_leads_to_an_internal_address_is_refused_unless_its_network_is_listed() {
        let servers = Servers::start();
        let hosts = r#"outbound = ["*.test", "localhost"]"#;
        let host = Launch::config(&platform(hosts)).start();
        for name in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "to-loopback.test",
            "To-Loopback.TEST.",
            "to-loopback-6.test",
            "to-metadata.test",
            "to-metadata-6.test",
            "to-private.test",
        ] {
            refused(&get(host.http(), &format!("http://{name}/hello")), "may not make this call", false);
            let answer = host.http().get(&format!("/ask-02/{name}/hello")).expect(502);
            assert_eq!(answer.text(), "ErrorCode::DestinationIpProhibited", "{name}");
        }
        // A public address is taken, and of several the public one alone.
        for name in ["to-public.test", "to-both.test"] {
            assert_eq!(get(host.http(), &format!("http://{name}/hello")).expect(200).text(), "hello\n", "{name}");
        }
        // A name that is not listed is not looked up.
        for unlisted in ["http://example.com/hello", "http://test/hello"] {
            refused(&get(host.http(), unlisted), "may not make this call", false);
        }
        // A redirect is asked for again.
        for to in
            ["http://to-metadata.test/hello", "http://localhost/hello", "http://169.254.169.254/", "http://127.0.0.1/"]
        {
            let url = format!("http://to-public.test/redirect?{to}");
            refused(&ask(host.http(), "get", &url, "&redirects=3"), "may not make this call", false);
        }
        servers.were_not_reached("a name");
        host.http().get("/neighbour/env").expect(404);
        let internal = format!("{hosts}\noutbound-internal = [\"10.0.0.0/8\", \"127.0.0.0/8\"]");
        let host = Launch::config(&platform(&internal)).start();
        for name in ["to-private.test", "localhost"] {
            assert_eq!(get(host.http(), &format!("http://{name}/hello")).expect(200).text(), "hello\n", "{name}");
        }
        refused(&get(host.http(), "http://to-metadata.test/"), "may not make this call", false);
    }

    #[test]
    #[ignore = "needs a network namespace of its own"]
    fn a_name_that_changes_its_mind_gets_no_connection_that_was_not_checked() {
        let servers = Servers::start();
        let resolver = Resolver::start();
        let hosts = "[outbound]\nidle-max = 0\n".to_owned() + &platform(r#"outbound = ["rebind.example"]"#);
        let host = Launch::config(&hosts).start();
        let ask = || get(host.http(), "http://rebind.example/hello");
        resolver.answer([1, 1, 1, 1]);
        ask().expect(200);
        assert_eq!(resolver.questions.load(Relaxed), 1, "one look-up a connection");
        resolver.answer([127, 0, 0, 1]);
        refused(&ask(), "may not make this call", false);
        servers.were_not_reached("a name that changed its mind");
        assert_eq!(servers.public.connections(), 1);
    }

    #[test]
    #[ignore = "needs a network namespace of its own"]
    fn a_name_without_an_answer_is_an_error_in_time() {
        let silent = UdpSocket::bind("127.0.0.1:53").expect("the port of names");
        let config = "[outbound]\nlookup-timeout = \"300ms\"\n".to_owned();
        let host = Launch::config(&(config + &platform(r#"outbound = ["nowhere.example"]"#))).start();
        refused(&get(host.http(), "http://nowhere.example/"), "DnsTimeout", true);
        host.http().get("/neighbour/env").expect(404);
        drop((silent, host));
        let host = Launch::config(&platform(r#"outbound = ["nowhere.example"]"#)).start();
        refused(&get(host.http(), "http://nowhere.example/"), "DnsError", true);
    }
}

/// A name server that answers every question for an address the same.
struct Resolver {
    address: Arc<Mutex<[u8; 4]>>,
    questions: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").expect("the port of names");
        let mut resolver = Self { address: Arc::default(), questions: Arc::default(), thread: None };
        let (address, questions) = (Arc::clone(&resolver.address), Arc::clone(&resolver.questions));
        resolver.thread = Some(thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                if length == 0 {
                    return;
                }
                let question = &packet[..length];
                // The name ends with an empty label; the type follows it.
                let Some(end) = question[12..].iter().position(|byte| *byte == 0).map(|at| 12 + at) else { continue };
                let is_v4 = question[end + 1..end + 3] == [0, 1];
                questions.fetch_add(usize::from(is_v4), Relaxed);
                let mut answer = Vec::from(&question[..2]);
                answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
                answer.extend(&question[12..end + 5]);
                if is_v4 {
                    answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                    answer.extend(*address.lock().expect("an address"));
                }
                let _ = socket.send_to(&answer, from);
            }
        }));
        resolver
    }

    fn answer(&self, address: [u8; 4]) {
        *self.address.lock().expect("an address") = address;
    }
}

impl Drop for Resolver {
    /// The port is for the next test.
    fn drop(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.send_to(&[], "127.0.0.1:53").expect("sent");
        self.thread.take().expect("a thread").join().expect("no panic");
    }
}
