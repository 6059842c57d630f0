//! Where a request goes, read from its URI once: what is checked here is what is connected to.

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wasmtime_wasi_http::Error;

/// A host, in the one spelling that is compared and connected to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// In lower case, without the dot at the end of an absolute name.
    Name(String),
    /// Written as four decimal numbers, or in brackets.
    Ip(IpAddr),
}

impl Host {
    /// Reads the host of an authority.
    ///
    /// None is what others read as an address although it is not written like one (`0x7f.1`, `2130706433`, `0177.0.0.1`),
    /// and what is no name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(v6) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return v6.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.rsplit('.').next().is_some_and(is_number) {
            return name.parse::<Ipv4Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        is_name(name).then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

/// Whether a last label makes the whole an address for those who read them generously (`inet_aton`, and browsers:
/// <https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    (!label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()))
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Labels of letters, digits, underscores and inner hyphens: 63 characters each, 253 in all.
pub(crate) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// The server that a request goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// Reads the scheme, the host and the port of an absolute URI.
    ///
    /// # Errors
    /// [`Error::HttpRequestUriInvalid`], if there is no valid host, an invalid port, or a user, whom HTTP does not know.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Error> {
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(Error::HttpProtocolError),
        };
        let (host, port) = uri.authority().and_then(host_and_port).ok_or(Error::HttpRequestUriInvalid)?;
        Ok(Self { tls, host, port: port.unwrap_or(default_port(tls)) })
    }

    /// The port, if it is not the one that the scheme stands for.
    pub(crate) fn unusual_port(&self) -> Option<u16> {
        (self.port != default_port(self.tls)).then_some(self.port)
    }

    /// Host and port as the server is told them.
    pub(crate) fn authority(&self) -> String {
        match self.unusual_port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// The header `host`.
    ///
    /// # Errors
    /// None for a host that was parsed.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        HeaderValue::try_from(self.authority()).map_err(|_| Error::HttpRequestUriInvalid)
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// Reads an authority: nothing but a host, and a port if there is one.
pub(crate) fn host_and_port(authority: &Authority) -> Option<(Host, Option<u16>)> {
    let text = authority.as_str();
    // What stands before the host is a user, and a port that is none of the 65,535 is dropped without a word.
    let rest = text.strip_prefix(authority.host())?;
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok().filter(|port| *port != 0)?),
        _ => return None,
    };
    Some((Host::parse(authority.host())?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Option<String> {
        let target = Target::of(&uri.parse().ok()?).ok()?;
        Some(format!("{} {}", if target.tls { "tls" } else { "plain" }, target.authority()))
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (uri, expected) in [
            ("http://API.Example.COM/x", "plain api.example.com"),
            ("https://api.example.com.:443/", "tls api.example.com"),
            ("https://api.example.com:8443/", "tls api.example.com:8443"),
            ("http://api.example.com:443/", "plain api.example.com:443"),
            ("http://api.example.com:/", "plain api.example.com"),
            ("http://LOCALHOST/", "plain localhost"),
            ("http://127.0.0.1./", "plain 127.0.0.1"),
            ("http://[::0001]:9000/", "plain [::1]:9000"),
            ("http://[::ffff:127.0.0.1]/", "plain [::ffff:127.0.0.1]"),
            ("http://my_service:80/", "plain my_service"),
        ] {
            assert_eq!(target(uri).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn what_others_may_read_as_another_host_is_none() {
        for uri in [
            "http://0177.0.0.1/",
            "http://0x7f.0.0.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://127.1/",
            "http://127.0.0.1.1/",
            "http://127.0.0.01/",
            "http://256.0.0.1/",
            "http://1.2.3.0x/",
            "http://user@example.com/",
            "http://user:password@example.com/",
            "http://127.0.0.1@example.com/",
            "http://example.com:0/",
            "http://example.com:99999/",
            "http://example.com:+80/",
            "http://-a.com/",
            "http://a..b/",
            "http://a.com../",
            "http://./",
            "http://a%2eb/",
            "http://a;b/",
            "http://[::1%25lo]/",
            "http://[127.0.0.1]/",
            "ftp://example.com/",
            "/path",
        ] {
            assert_eq!(target(uri), None, "{uri}");
        }
    }
}
