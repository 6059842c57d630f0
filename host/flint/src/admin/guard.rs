//! Who may manage the host: programs that mean to.
//!
//! A loopback address keeps other machines away but not the pages that a browser of this machine shows: a page may post to
//! any address, and by a name that it points to 127.0.0.1 it could read the answers too. So a request with an `Origin` is
//! refused, and on loopback one for a host that is neither an address nor `localhost`. Beyond loopback the host has whatever
//! name others gave it, and the token, which no page has, does the rest.

use super::api::Problem;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
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
pub(crate) fn check(headers: &HeaderMap, reach: Reach) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, "admin/forbidden", detail));
    if headers.contains_key(ORIGIN) {
        return refused("web pages may not manage the host");
    }
    if reach == Reach::Network {
        return Ok(());
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    match host {
        Some(host) if hosts.next().is_none() && is_local(host.host()) => Ok(()),
        _ => refused("the host has to be asked for by a loopback address or `localhost`"),
    }
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
            assert_eq!(check(&map, Reach::Loopback).is_ok(), allowed, "{headers:?}");
            let is_page = map.contains_key(ORIGIN);
            assert_eq!(check(&map, Reach::Network).is_ok(), !is_page, "{headers:?}");
        }
    }
}
