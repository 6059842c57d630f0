//! Routes, and the paths and hosts of requests.

use crate::{fuzz, split, text};
use flint_config::platform;
use flint_triggers::request::{Found, HostPattern, PathPattern, Route, Router};
use http::Method;

const PIECES: &[&str] = &[
    "/",
    "//",
    "{a}",
    "{b}",
    "{*rest}",
    "{",
    "}",
    "*",
    ".",
    "..",
    "%2e",
    "%2F",
    "%",
    "%zz",
    "%ff",
    "a",
    "b",
    "é",
    "*.a.com",
    "a.com",
    "A.COM",
    ":80",
    "[::1]",
    "127.0.0.1",
    "?",
    "#",
    ";",
    " ",
    "\u{0}",
    "%00",
    "%0d%0a",
    "-",
    "_",
    "~",
];

#[test]
fn a_path_that_is_a_pattern_for_the_configuration_is_one_for_the_router() {
    fuzz!(|input| {
        let text = text(input, PIECES);
        let (configured, routed) = (platform::PathPattern::parse(&text), PathPattern::parse(&text));
        if let Ok(configured) = configured {
            assert!(routed.is_ok(), "{text}: {routed:?}");
            assert_eq!(configured.as_str(), text);
        }
        if let Ok(host) = platform::HostPattern::parse(&text) {
            assert!(HostPattern::parse(&host.to_string()).is_ok(), "{host}");
        }
    });
}

#[test]
fn any_path_finds_a_route_or_none() {
    fuzz!(|input| {
        let (patterns, request) = split(input);
        let routes = patterns.chunks(4).enumerate().filter_map(|(target, pattern)| {
            let path = PathPattern::parse(&format!("/{}", text(pattern, PIECES))).ok()?;
            Some(Route { host: None, methods: Some(vec![Method::GET]), path, target })
        });
        let Ok(router) = Router::new(routes.collect()) else { return };
        let (host, path) = split(request);
        let (host, path) = (text(host, PIECES), text(path, PIECES));
        for method in [Method::GET, Method::HEAD, Method::POST] {
            if let Found::Route(found) = router.find(Some(&host), &method, &path) {
                assert_ne!(method, Method::POST);
                // None of them panics; what is no text is said to be.
                assert!(found.params().count() <= path.len());
                assert!(!path.split('/').any(|segment| segment == ".."), "{path}");
            }
        }
    });
}
