//! Where a function may send requests: first by the host that it names, then by the address that the name leads to.

use super::address::is_internal;
use super::target::{Host, Target, host_and_port, is_name};
use http::Uri;
use http::uri::Authority;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A host that may be called: `api.example.com`, `*.example.com`, `127.0.0.1`, each with a port or without.
///
/// Without a port, the port that the scheme stands for is meant. `*.example.com` means every host below `example.com`, but
/// not that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Exact(Host),
    Below(String),
}

/// Says that a text is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host is written `api.example.com`, `*.example.com` or `api.example.com:8443`")]
pub struct HostPatternError;

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let below = text.strip_prefix("*.");
        let authority: Authority = below.unwrap_or(text).parse().map_err(|_| HostPatternError)?;
        match (host_and_port(&authority).ok_or(HostPatternError)?, below) {
            ((host, port), None) => Ok(Self { hosts: Hosts::Exact(host), port }),
            ((Host::Name(name), port), Some(_)) if is_name(&name) => Ok(Self { hosts: Hosts::Below(name), port }),
            _ => Err(HostPatternError),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::Exact(host) => host.fmt(f)?,
            Hosts::Below(name) => write!(f, "*.{name}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HostPattern {
    /// Whether a request to an absolute URI is allowed by this pattern.
    pub fn allows_uri(&self, uri: &Uri) -> bool {
        Target::of(uri).is_ok_and(|target| self.allows(&target))
    }

    fn allows(&self, target: &Target) -> bool {
        let host_fits = match (&self.hosts, &target.host) {
            (Hosts::Exact(host), asked) => host == asked,
            (Hosts::Below(name), Host::Name(asked)) => {
                asked.strip_suffix(name.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            (Hosts::Below(_), Host::Ip(_)) => false,
        };
        host_fits && self.port.map_or(target.unusual_port().is_none(), |port| port == target.port)
    }
}

/// The hosts that a function may call, and the internal addresses that their names may lead to.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    hosts: Vec<HostPattern>,
    internal: Vec<IpNet>,
}

impl Guard {
    pub(crate) fn new(hosts: Vec<HostPattern>, internal: Vec<IpNet>) -> Self {
        Self { hosts, internal }
    }

    /// Whether the host is one of those that may be called.
    ///
    /// That allows an address that is written in the request, since only a pattern that is this address allows it; where a
    /// name leads is asked of [`Guard::admits`].
    pub(crate) fn allows(&self, target: &Target) -> bool {
        self.hosts.iter().any(|host| host.allows(target))
    }

    /// Whether an allowed name may lead to an address.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        !is_internal(address) || self.internal.iter().any(|net| net.contains(&plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_it_says_and_no_more() {
        for (pattern, uri, allowed) in [
            ("api.example.com", "https://api.example.com/x", true),
            ("API.example.com.", "https://api.example.com/x", true),
            ("api.example.com", "http://API.example.com:80/", true),
            ("api.example.com", "http://api.example.com.:80/", true),
            ("api.example.com", "http://api.example.com:443/", false),
            ("api.example.com", "https://api.example.com:8443/", false),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("api.example.com", "https://evil-api.example.com/", false),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://badexample.com/", false),
            ("127.0.0.1:9000", "http://127.0.0.1:9000/", true),
            ("127.0.0.1:9000", "http://127.0.0.1:9001/", false),
            ("127.0.0.1:9000", "http://[::ffff:127.0.0.1]:9000/", false),
            ("127.0.0.1:9000", "http://localhost:9000/", false),
            ("[::1]:9000", "http://[::1]:9000/", true),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            let target = Target::of(&uri.parse().unwrap()).unwrap();
            assert_eq!(Guard::new(vec![pattern.clone()], Vec::new()).allows(&target), allowed, "{pattern} {uri}");
        }
        for bad in ["", "*", "*.", "a b", "http://a", "a/b", "u@a", "a:99999", "a:0", "a.*.b", "*.1.2.3.4", "0x7f.1"] {
            assert_eq!(bad.parse::<HostPattern>(), Err(HostPatternError), "{bad}");
        }
    }

    #[test]
    fn a_name_leads_to_the_public_and_to_the_networks_that_are_given() {
        let guard = Guard::new(Vec::new(), vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (address, admitted) in [
            ("1.1.1.1", true),
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("fd00::1", true),
            ("64:ff9b::10.1.2.3", false),
            ("11.0.0.1", true),
            ("192.168.0.1", false),
            ("::ffff:192.168.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(guard.admits(address.parse().unwrap()), admitted, "{address}");
        }
    }
}
