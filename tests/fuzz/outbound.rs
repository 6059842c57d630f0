//! Hosts that functions may call, and the URLs that they ask for.

use crate::{fuzz, texts};
use flint_config::platform;
use flint_world::{HostPattern, IpNet};
use http::Uri;
use std::net::IpAddr;

const PIECES: &[&str] = &[
    "http://a.com",
    "https://b.a.com:8443",
    "http://127.0.0.1",
    "http://[::1]",
    "http://",
    "https://",
    "a.com",
    "b.a.com",
    "*.a.com",
    "*.",
    "127.0.0.1",
    "0177.0.0.1",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[",
    "]",
    "localhost",
    "LOCALHOST",
    ".",
    "@",
    "user:pw@",
    ":80",
    ":443",
    ":8443",
    ":0",
    ":99999",
    ":",
    "/",
    "?",
    "#",
    "%2e",
    "\\",
    "é",
    "\t",
    "//",
    "a",
    "1",
    "-",
    "_",
];

#[test]
fn a_host_that_the_configuration_allows_is_one_that_the_host_can_compare() {
    fuzz!("host", |input| {
        for text in texts(input, PIECES) {
            if let Ok(host) = platform::Outbound::parse(&text) {
                let pattern = host.to_string().parse::<HostPattern>();
                assert_eq!(pattern.map(|pattern| pattern.to_string()), Ok(host.to_string()), "{text}");
            }
            if let Ok(network) = text.parse::<IpNet>() {
                assert!(network.contains(&network.addr()));
            }
        }
    });
}

#[test]
fn a_url_is_allowed_only_by_the_host_that_a_reader_of_urls_sees_in_it() {
    let patterns =
        ["a.com", "*.a.com:8443", "127.0.0.1:80", "[::1]"].map(|text| text.parse::<HostPattern>().expect("a pattern"));
    fuzz!("url", |input| {
        for url in texts(input, PIECES) {
            let Ok(uri) = url.parse::<Uri>() else { continue };
            let [name, below, v4, v6] = [0, 1, 2, 3].map(|n: usize| patterns[n].allows_uri(&uri));
            let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
            assert!(!name || host == "a.com", "{url}");
            assert!(!below || host.ends_with(".a.com"), "{url}");
            assert!(!v4 || ip == Some([127, 0, 0, 1].into()), "{url}");
            assert!(!v6 || ip.is_some_and(|ip| ip.is_loopback()), "{url}");
            let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
            assert!(!(user && (name || below || v4 || v6)), "{url}");
        }
    });
}
