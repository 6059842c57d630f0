//! Routes, and the paths and hosts of requests.

use crate::{fuzz, split, text, texts};
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
    fuzz!("pattern", |input| {
        for text in texts(input, PIECES) {
            let (configured, routed) = (platform::PathPattern::parse(&text), PathPattern::parse(&text));
            if let Ok(configured) = configured {
                assert!(routed.is_ok(), "{text}: {routed:?}");
                assert_eq!(configured.as_str(), text);
            }
            if let Ok(host) = platform::HostPattern::parse(&text) {
                assert!(HostPattern::parse(&host.to_string()).is_ok(), "{host}");
            }
        }
    });
}

#[test]
fn any_path_finds_a_route_or_none() {
    fuzz!("path", |input| {
        let (patterns, request) = split(input);
        let known = ["/", "/a", "/{a}/b", "/a/{*rest}", "/{a}/{b}/{*rest}"].map(str::to_owned);
        let arbitrary = patterns.chunks(4).map(|pattern| format!("/{}", text(pattern, PIECES)));
        let Some(router) = router(known.iter().cloned().chain(arbitrary)).or_else(|| router(known)) else { return };
        let (host, path) = split(request);
        let host = text(host, PIECES);
        let paths: Vec<_> = texts(path, PIECES).iter().map(|path| format!("/{path}")).collect();
        let methods = [Method::GET, Method::HEAD, Method::POST];
        for (path, method) in paths.iter().flat_map(|path| methods.iter().map(move |method| (path, method))) {
            if let Found::Route(found) = router.find(Some(&host), method, path) {
                assert_ne!(*method, Method::POST);
                // None of them panics; what is no text is said to be.
                assert!(found.params().count() <= path.len());
                assert!(!path.split('/').any(|segment| segment == ".."), "{path}");
            }
        }
    });
}

/// A router of all paths that are patterns; none if two of them are the same to it.
fn router(paths: impl IntoIterator<Item = String>) -> Option<Router<usize>> {
    let routes = paths.into_iter().enumerate().filter_map(|(target, path)| {
        let path = PathPattern::parse(&path).ok()?;
        Some(Route { host: None, methods: Some(vec![Method::GET]), path, target })
    });
    Router::new(routes.collect()).ok()
}
