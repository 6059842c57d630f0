//! Who asks, and how, when proxies are in between: what they say is believed if the configuration names them.
//!
//! A guest always sees `x-forwarded-for`, the one address of the client, and `x-forwarded-proto`, what the client spoke. Both
//! are the host's words: it takes them from the connection, or from what a trusted proxy says. All other headers of the kind go,
//! but for `x-forwarded-host` of a trusted proxy.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

use super::client::Client;

/// The address of the client.
pub const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What the client spoke: `http` or `https`.
pub const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client asked for.
pub const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Who asks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the client spoke TLS.
    pub secure: bool,
    name: HeaderValue,
}

/// The header of an address.
pub(super) fn name_of(address: IpAddr) -> HeaderValue {
    // Digits, colons and dots.
    HeaderValue::try_from(address.to_canonical().to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Whether a header says how a request was forwarded.
pub(super) fn is_forwarded(name: &HeaderName) -> bool {
    *name == header::FORWARDED || name.as_str().starts_with("x-forwarded-") || name == "x-real-ip"
}

impl Origin {
    /// Finds out who asks. `headers` are the request's, as they came.
    pub fn of(client: &Client, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let connection = Self { address: client.address.ip(), secure: client.secure, name: client.name().clone() };
        if !is_listed(client.address.ip(), trusted) {
            return connection;
        }
        let hops = hops(headers);
        // From the right, where the nearest proxy wrote: the first that is not trusted is the client, and what stands left of
        // it is the client's own word. If all are trusted, the first of them asked.
        let mut client = None;
        for hop in hops.iter().rev() {
            client = Some(hop);
            if !hop.address.is_some_and(|address| is_listed(address, trusted)) {
                break;
            }
        }
        let Some(client) = client else { return Self { secure: proto(headers, connection.secure), ..connection } };
        // One that hides its address is known by the proxy that forwards it.
        let (address, name) = match client.address {
            Some(address) => (address, name_of(address)),
            None => (connection.address, connection.name),
        };
        Self { address, secure: client.secure.unwrap_or_else(|| proto(headers, connection.secure)), name }
    }

    /// Whether what the request says of its way is believed.
    pub(super) fn keeps_host(client: &Client, trusted: &[IpNet]) -> bool {
        is_listed(client.address.ip(), trusted)
    }

    /// Says it to the guest.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        headers.insert(FOR, self.name.clone());
        headers.insert(PROTO, HeaderValue::from_static(if self.secure { "https" } else { "http" }));
    }
}

/// Whether one of these networks has this address.
pub(super) fn is_listed(address: IpAddr, networks: &[IpNet]) -> bool {
    !networks.is_empty() && {
        // An IPv4 client of a socket for both is written as IPv6.
        let address = address.to_canonical();
        networks.iter().any(|net| net.contains(&address))
    }
}

/// One station of a request.
struct Hop {
    /// None: it is hidden, or no address.
    address: Option<IpAddr>,
    secure: Option<bool>,
}

/// The stations of a request, the client first: those of `x-forwarded-for`, or else those of `forwarded` (RFC 7239), which a
/// proxy that does not know it may have passed on as the client wrote it.
fn hops(headers: &HeaderMap) -> Vec<Hop> {
    if headers.contains_key(FOR) {
        let hop = |text: Option<&str>| Hop { address: text.and_then(parse_address), secure: None };
        return elements(headers, &FOR).map(hop).collect();
    }
    let hop = |text: Option<&str>| text.map_or(Hop { address: None, secure: None }, forwarded_element);
    elements(headers, &header::FORWARDED).map(hop).collect()
}

/// The elements of a list; none: one that can't be read, which still is a station. Without it its neighbours would move up, and
/// what a client wrote could stand where a proxy's word stands.
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'h str>> {
    let lines = headers.get_all(name).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    lines.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()).map(|element| str::from_utf8(element).ok())
}

/// `for="[2001:db8::1]:80";proto=https`.
fn forwarded_element(text: &str) -> Hop {
    let mut hop = Hop { address: None, secure: None };
    for pair in text.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = parse_address(value),
            "proto" => hop.secure = Some(value.eq_ignore_ascii_case("https")),
            _ => {}
        }
    }
    hop
}

/// An address, with or without brackets, with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// What the nearest proxy says that the client spoke.
fn proto(headers: &HeaderMap, otherwise: bool) -> bool {
    elements(headers, &PROTO).last().flatten().map_or(otherwise, |proto| proto.eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin<V: AsRef<[u8]>>(peer: &str, trusted: &[&str], lines: &[(&'static str, V)]) -> (String, bool) {
        let client = Client::new(SocketAddr::new(peer.parse().expect("an address"), 1), false);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_ref()).expect("a value"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
        let origin = Origin::of(&client, &headers, &trusted);
        assert_eq!(origin.name, origin.address.to_canonical().to_string());
        (origin.name.to_str().expect("text").to_owned(), origin.secure)
    }

    proptest::proptest! {
        #[test]
        fn anything_that_a_proxy_writes_names_an_address(text in "[\\PC]{0,80}", many in "([0-9a-f.:,\\[\\]\" ]|for=|;proto=https){0,60}") {
            for text in [text, many].iter().filter(|text| HeaderValue::from_str(text).is_ok()) {
                for name in ["x-forwarded-for", "forwarded", "x-forwarded-proto"] {
                    origin("10.1.1.1", &["10.0.0.0/8"], &[(name, text)]);
                }
            }
        }
    }

    #[test]
    fn only_what_a_trusted_proxy_says_is_believed() {
        let from =
            |peer: &str, lines: &[(&'static str, &'static str)]| origin(peer, &["10.0.0.0/8", "fd00::/8"], lines);
        let (xff, proto, forwarded) = ("x-forwarded-for", "x-forwarded-proto", "forwarded");
        for (peer, lines, address, secure) in [
            ("192.0.2.1", &[][..], "192.0.2.1", false),
            ("192.0.2.1", &[(xff, "198.51.100.7"), (proto, "https")], "192.0.2.1", false),
            ("10.1.1.1", &[], "10.1.1.1", false),
            ("10.1.1.1", &[(proto, "https")], "10.1.1.1", true),
            ("10.1.1.1", &[(xff, "198.51.100.7"), (proto, "https")], "198.51.100.7", true),
            // The client's own word stands to the left of its address.
            ("10.1.1.1", &[(xff, "1.1.1.1, 198.51.100.7, 10.2.2.2")], "198.51.100.7", false),
            ("10.1.1.1", &[(xff, "1.1.1.1"), (xff, "198.51.100.7")], "198.51.100.7", false),
            ("10.1.1.1", &[(xff, "10.9.9.9, 10.2.2.2")], "10.9.9.9", false),
            ("10.1.1.1", &[(xff, "1.1.1.1, nonsense, 10.2.2.2")], "10.1.1.1", false),
            ("10.1.1.1", &[(xff, "[2001:db8::1]:80")], "2001:db8::1", false),
            ("::ffff:10.1.1.1", &[(xff, "198.51.100.7:1234")], "198.51.100.7", false),
            ("fd00::1", &[(forwarded, "for=\"[2001:db8::2]:1\";proto=https")], "2001:db8::2", true),
            ("10.1.1.1", &[(forwarded, "for=1.1.1.1, for=198.51.100.7;proto=https")], "198.51.100.7", true),
            ("10.1.1.1", &[(forwarded, "for=_hidden;proto=http")], "10.1.1.1", false),
            ("10.1.1.1", &[(forwarded, "for=1.1.1.1"), (xff, "198.51.100.7")], "198.51.100.7", false),
        ] {
            assert_eq!(from(peer, lines), (address.to_owned(), secure), "{peer} {lines:?}");
        }
        assert_eq!(origin("10.1.1.1", &[], &[(xff, "1.1.1.1")]), ("10.1.1.1".to_owned(), false));
    }

    #[test]
    fn what_can_not_be_read_is_a_station_that_hides_its_address() {
        for (name, lines, address) in [
            // The line of the nearest proxy, with a byte of the client's in front.
            ("x-forwarded-for", &[&b"10.3.3.3"[..], b"\xff, 198.51.100.7"][..], "198.51.100.7"),
            ("x-forwarded-for", &[b"10.3.3.3, \xff"], "10.1.1.1"),
            ("x-forwarded-for", &[b"1.1.1.1", b"\xff", b"10.2.2.2"], "10.1.1.1"),
            ("forwarded", &[b"for=1.1.1.1, for=\xff, for=10.2.2.2"], "10.1.1.1"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
            assert_eq!(origin("10.1.1.1", &["10.0.0.0/8"], &lines), (address.to_owned(), false), "{lines:?}");
        }
    }
}
