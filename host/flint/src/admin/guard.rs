//! Who may manage the host: programs that mean to.
//!
//! A loopback address keeps other machines away but not the pages that a browser of this machine shows: a page may post to
//! any address, and by a name that it points to 127.0.0.1 it could read the answers too. So a request with an `Origin` is
//! refused, and on loopback one for a host that is neither an address nor `localhost`. Beyond loopback the host has whatever
//! name others gave it, and the token, which no page has, does the rest.

use super::api::Problem;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use std::net::IpAddr;

/// From where the address of management can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// From this machine.
    Loopback,
    /// From others too.
    Network,
}

/// Lets a request in, or says why not.
///
/// HTTP/2 names the host in the target, HTTP/1.1 in a header; who names it twice names the same one.
pub(crate) fn check(target: &Uri, headers: &HeaderMap, reach: Reach) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, "admin/forbidden", detail));
    if headers.contains_key(ORIGIN) {
        return refused("web pages may not manage the host");
    }
    if reach == Reach::Network {
        return Ok(());
    }
    let named = headers.get_all(HOST).iter().map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let mut hosts = named.chain(target.authority().cloned().map(Some)).peekable();
    let is_named = headers.get_all(HOST).iter().count() < 2 && hosts.peek().is_some();
    if is_named && hosts.all(|host| host.is_some_and(|host| is_local(host.host()))) {
        return Ok(());
    }
    refused("the host has to be asked for by a loopback address or `localhost`")
}

fn is_local(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn a_web_page_can_not_manage_the_host() {
        for (headers, allowed) in [
            (&[(HOST, "127.0.0.1:9090")][..], true),
            (&[(HOST, "[::1]:9090")], true),
            (&[(HOST, "LocalHost")], true),
            (&[(HOST, "rebound.example.com:9090")], false),
            (&[(HOST, "192.168.0.1:9090")], false),
            (&[(HOST, "127.0.0.1:9090"), (HOST, "127.0.0.1:9090")], false),
            (&[(HOST, "127.0.0.1:9090"), (ORIGIN, "https://example.com")], false),
            (&[(HOST, "127.0.0.1:9090"), (ORIGIN, "null")], false),
            (&[], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from(name), value.parse().expect("a value"));
            }
            let path = Uri::from_static("/metrics");
            assert_eq!(check(&path, &map, Reach::Loopback).is_ok(), allowed, "{headers:?}");
            let is_page = map.contains_key(ORIGIN);
            assert_eq!(check(&path, &map, Reach::Network).is_ok(), !is_page, "{headers:?}");
            // As HTTP/2 has it.
            for (target, is_local) in [("http://localhost:9090/metrics", true), ("http://example.com/metrics", false)] {
                let (target, headers_are_right) = (Uri::from_static(target), allowed || map.is_empty());
                let expected = is_local && headers_are_right;
                assert_eq!(check(&target, &map, Reach::Loopback).is_ok(), expected, "{target} {headers:?}");
            }
        }
    }
}
