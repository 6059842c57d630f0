//! Requests that a guest makes: only to hosts that its function may call.

use http::Uri;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// A host that may be called: `api.example.com`, `*.example.com`, each with a port or without.
///
/// Without a port, the default ports of HTTP and HTTPS are meant. `*.example.com` means every host below `example.com`,
/// but not that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    wildcard: bool,
    host: String,
    port: Option<u16>,
}

/// Says that a text is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host is written `api.example.com`, `*.example.com` or `api.example.com:8443`")]
pub struct HostPatternError;

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let (wildcard, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let authority: http::uri::Authority = rest.parse().map_err(|_| HostPatternError)?;
        // A port that is none of the 65,536 is dropped without a word.
        let port_is_good = authority.as_str() == authority.host() || authority.port_u16().is_some();
        if rest.contains(['@', '*']) || authority.host().is_empty() || !port_is_good {
            return Err(HostPatternError);
        }
        Ok(Self { wildcard, host: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.wildcard { "*." } else { "" };
        write!(f, "{star}{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HostPattern {
    /// Says whether a request to `uri` is meant.
    pub fn allows(&self, uri: &Uri) -> bool {
        let Some(host) = uri.host().map(str::to_ascii_lowercase) else { return false };
        let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default);
        let host_fits = if self.wildcard {
            host.strip_suffix(&self.host).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        } else {
            host == self.host
        };
        host_fits && self.port.map_or(uri.port_u16().is_none_or(|port| port == default), |allowed| allowed == port)
    }
}

/// The hosts that a function may call.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    hosts: Vec<HostPattern>,
}

impl Outbound {
    pub(crate) fn new(hosts: Vec<HostPattern>) -> Self {
        Self { hosts }
    }

    fn allows(&self, uri: &Uri) -> bool {
        self.hosts.iter().any(|host| host.allows(uri))
    }
}

/// Asks [`Outbound`] before each request, whichever version of `wasi:http` makes it.
pub(crate) struct Hooks(pub(crate) Arc<Outbound>);

type Sending = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        written: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sending> + Send> {
        if !self.0.allows(request.uri()) {
            tracing::debug!(host = request.uri().host(), "a function asked for a host that it may not call");
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        // It tells whether the guest accepted the response; the connection is dropped with the response's body anyway.
        drop(written);
        Box::new(async move {
            use http_body_util::BodyExt;
            let (response, io) = wasmtime_wasi_http::default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Box<dyn Future<Output = _> + Send>))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_it_says_and_no_more() {
        for (pattern, uri, allowed) in [
            ("api.example.com", "https://api.example.com/x", true),
            ("api.example.com", "http://API.example.com:80/", true),
            ("api.example.com", "https://api.example.com:8443/", false),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("api.example.com", "https://evil-api.example.com/", false),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://badexample.com/", false),
            ("127.0.0.1:9000", "http://127.0.0.1:9000/", true),
            ("127.0.0.1:9000", "http://127.0.0.1:9001/", false),
            ("[::1]:9000", "http://[::1]:9000/", true),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            assert_eq!(pattern.allows(&uri.parse().unwrap()), allowed, "{pattern} {uri}");
        }
        for bad in ["", "*", "*.", "a b", "http://a", "a/b", "u@a", "a:99999", "a.*.b"] {
            assert_eq!(bad.parse::<HostPattern>(), Err(HostPatternError), "{bad}");
        }
    }
}
