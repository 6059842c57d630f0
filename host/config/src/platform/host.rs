//! Hosts, as routes match them and as functions may call them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host, or all hosts below a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// A name in lower case, or an IP address as the standard library writes it, without brackets.
    Exact(String),
    /// Every name that ends in a dot and this one: `*.example.com` is `example.com` here, and is not matched by it.
    Wildcard(String),
}

/// Why a text is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It is neither a name, nor `*.` and a name, nor an IP address.
    #[error("a host is a name, `*.` and a name, or an IP address")]
    Name,
    /// The port is not a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// There is more than the host, such as a scheme or a path.
    #[error("only the host is wanted, without scheme, path or user")]
    Url,
}

impl HostPattern {
    /// Parses a host without a port.
    ///
    /// # Errors
    /// [`HostError`], if it is none.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.contains(['/', '@', '?', '#']) {
            return Err(HostError::Url);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(v6) = bare {
            return v6.parse::<Ipv6Addr>().map(|ip| Self::Exact(ip.to_string())).map_err(|_| HostError::Name);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Exact(ip.to_string()));
        }
        let (name, wildcard) = match text.strip_prefix("*.") {
            Some(suffix) => (suffix, true),
            None => (text, false),
        };
        if !is_name(name) {
            return Err(HostError::Name);
        }
        let name = name.to_ascii_lowercase();
        Ok(if wildcard { Self::Wildcard(name) } else { Self::Exact(name) })
    }
}

/// Labels of letters, digits and inner hyphens (and underscores, which are in use), 63 characters each, 253 in all
/// (<https://www.rfc-editor.org/rfc/rfc1123#section-2.1>). The last one is not a number, or the whole would be read as an
/// address (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let numeric = match last.strip_prefix('0').and_then(|rest| rest.strip_prefix(['x', 'X'])) {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    };
    text.len() <= 253 && text.split('.').all(label) && !numeric
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) if host.contains(':') => write!(f, "[{host}]"),
            Self::Exact(host) => f.write_str(host),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

/// Hosts that a function may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Which hosts.
    pub host: HostPattern,
    /// On which port; none: on 80 and 443.
    pub port: Option<u16>,
}

impl Outbound {
    /// Parses `host` or `host:port`.
    ///
    /// # Errors
    /// [`HostError`], if it is neither.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let alone = |host| Ok(Self { host: HostPattern::parse(host)?, port: None });
        // An IPv6 address has colons of its own: a port needs brackets around it.
        if text.contains("://") {
            return Err(HostError::Url);
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let host = HostPattern::parse(host)?;
                let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
                let port = port.parse().ok().filter(|port| digits && *port != 0).ok_or(HostError::Port)?;
                Ok(Self { host, port: Some(port) })
            }
            _ => alone(text),
        }
    }
}

impl fmt::Display for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_wildcards_and_addresses() {
        for (text, written) in [
            ("API.example.com", "api.example.com"),
            ("*.example.com:8443", "*.example.com:8443"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("localhost", "localhost"),
            ("my_service:80", "my_service:80"),
            ("::1", "[::1]"),
            ("[::0001]:80", "[::1]:80"),
        ] {
            assert_eq!(Outbound::parse(text).map(|host| host.to_string()).as_deref(), Ok(written), "{text}");
        }
        for (text, error) in [
            ("", HostError::Name),
            ("*", HostError::Name),
            ("a.*.com", HostError::Name),
            ("-a.com", HostError::Name),
            ("a..com", HostError::Name),
            ("1.2.3", HostError::Name),
            ("0x", HostError::Name),
            ("a.0X7f", HostError::Name),
            ("[1.2.3.4]:80", HostError::Name),
            ("https://example.com", HostError::Url),
            ("example.com/path", HostError::Url),
            ("example.com:0", HostError::Port),
            ("example.com:+80", HostError::Port),
            ("example.com:http", HostError::Port),
            ("example.com:", HostError::Port),
            ("example.com:65536", HostError::Port),
        ] {
            assert_eq!(Outbound::parse(text), Err(error), "{text}");
        }
    }
}
