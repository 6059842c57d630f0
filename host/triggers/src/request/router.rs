//! Which route a request takes: a pure function of host, method and path.
//!
//! **What is matched.** The path as it stands in the request line, without the query, split at `/`; each segment is
//! percent-decoded after the split, so `%2F` never separates. Nothing is normalised: a last slash counts (`/a` is not `/a/`),
//! an empty segment is matched by `{*rest}` only, and a path with a segment `.` or `..` (encoded or not, the slashes beside it too) or with a broken
//! percent escape is refused, so that no guest ever sees one; so is a parameter that is no text. `{param}` matches one segment that is not empty;
//! `{*rest}` matches all that is left, also nothing: `/files/{*rest}` matches `/files/`, not `/files`.
//!
//! **Which route wins** among those that match: exact host before `*.host` (the longest first) before any host; then, segment
//! by segment, literal before `{param}` before `{*rest}`; then a route that names the method, before one that names `GET`
//! for a `HEAD` request, before one that takes any method. A route whose method does not fit does not match, so a more
//! general route that does fit gets the request.

mod pattern;
mod percent;
#[cfg(test)]
mod tests;
mod tree;

pub use pattern::{HostPattern, PATTERN_LENGTH_MAX, PathPattern, PatternError};

use http::header::HeaderName;
use http::{HeaderValue, Method};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use tree::Tree;

/// Leads requests to a target.
#[derive(Debug, Clone)]
pub struct Route<T> {
    /// The hosts that it takes requests for; none: all.
    pub host: Option<HostPattern>,
    /// The methods that it takes; none: all. `HEAD` comes with `GET`.
    pub methods: Option<Vec<Method>>,
    /// The paths that it takes.
    pub path: PathPattern,
    /// Where it leads.
    pub target: T,
}

/// Two routes would take the same requests, and neither wins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the routes {first} and {second} (counted from 0) take the same requests")]
pub struct Ambiguous {
    /// Index of the first route.
    pub first: usize,
    /// Index of the second route.
    pub second: usize,
}

/// What the router says about a request.
#[derive(Debug)]
pub enum Found<'r, 'p, T> {
    /// A route takes it.
    Route(Match<'r, 'p, T>),
    /// Routes match its host and path, but not its method. Has the methods that they take, for `Allow`.
    OtherMethods(HeaderValue),
    /// No route matches its host and path.
    Nothing,
    /// The path has a segment `.` or `..`, or a broken percent escape.
    BadPath,
}

/// A route and the values of its parameters.
#[derive(Debug)]
pub struct Match<'r, 'p, T> {
    route: &'r Route<T>,
    values: Vec<&'p str>,
}

impl<'r, 'p, T> Match<'r, 'p, T> {
    /// Where the route leads.
    pub fn target(&self) -> &'r T {
        &self.route.target
    }

    /// The pattern that matched.
    pub fn pattern(&self) -> &'r PathPattern {
        &self.route.path
    }

    /// The parameters by the name of their header, `flint-param-NAME`, percent-decoded: two that differ are never the same
    /// to a guest. Spaces at an end stay, for these headers never stand on a wire.
    ///
    /// A parameter is [`NoText`] if it does not decode to UTF-8, or has control characters other than a tab.
    pub fn params(&self) -> impl Iterator<Item = Result<(&'r HeaderName, HeaderValue), NoText>> + use<'_, 'r, 'p, T> {
        self.route.path.headers.iter().zip(&self.values).map(|(name, raw)| {
            let decoded = percent::decode(raw).filter(|bytes| str::from_utf8(bytes).is_ok()).ok_or(NoText)?;
            Ok((name, HeaderValue::from_bytes(&decoded).map_err(|_| NoText)?))
        })
    }
}

/// Says that a parameter of the path is not what a header can hold as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a parameter of the path is not UTF-8, or has control characters")]
pub struct NoText;

/// All routes, ready to be asked.
#[derive(Debug)]
pub struct Router<T> {
    routes: Vec<Route<T>>,
    exact: BTreeMap<String, Tree>,
    /// Longest first.
    below: Vec<(String, Tree)>,
    any: Tree,
}

impl<T> Router<T> {
    /// Builds a router.
    ///
    /// # Errors
    /// [`Ambiguous`] if two routes have one host and one shape of path (names aside) and share a method.
    pub fn new(routes: Vec<Route<T>>) -> Result<Self, Ambiguous> {
        let mut below = BTreeMap::new();
        let (mut exact, mut any) = (BTreeMap::new(), Tree::default());
        for (index, route) in routes.iter().enumerate() {
            let tree = match &route.host {
                None => &mut any,
                Some(HostPattern::Exact(host)) => exact.entry(host.clone()).or_default(),
                Some(HostPattern::Below(suffix)) => below.entry(suffix.clone()).or_default(),
            };
            let leaf = tree.leaf(&route.path.segments);
            if let Some(first) = leaf.iter().copied().find(|&other| share_a_method(&routes[other], route)) {
                return Err(Ambiguous { first, second: index });
            }
            leaf.push(index);
        }
        let mut below: Vec<_> = below.into_iter().collect();
        below.sort_by_key(|(suffix, _): &(String, Tree)| std::cmp::Reverse(suffix.len()));
        Ok(Self { routes, exact, below, any })
    }

    /// Finds the route for a request. `host` is the request's authority: a port, a last dot and case do not matter.
    pub fn find<'p>(&self, host: Option<&str>, method: &Method, path: &'p str) -> Found<'_, 'p, T> {
        if !is_plain(path) {
            return Found::BadPath;
        }
        let mut values = Vec::new();
        let found = self.walk(host, path, &mut values, &mut |leaf, values| {
            let best = leaf
                .iter()
                .filter_map(|&index| fit(self.routes[index].methods.as_deref(), method).map(|fit| (fit, index)))
                .max();
            best.map(|(_, index)| Match { route: &self.routes[index], values: std::mem::take(values) })
        });
        match found {
            Some(found) => Found::Route(found),
            None => self.allowed(host, path).map_or(Found::Nothing, Found::OtherMethods),
        }
    }

    /// The methods of all routes that match host and path; none if no route does.
    fn allowed(&self, host: Option<&str>, path: &str) -> Option<HeaderValue> {
        // A set, so that the answer does not depend on the order of the routes.
        let mut methods = BTreeSet::new();
        self.walk(host, path, &mut Vec::new(), &mut |leaf, _| -> Option<()> {
            methods.extend(leaf.iter().flat_map(|&i| self.routes[i].methods.iter().flatten()).map(Method::as_str));
            None
        });
        if methods.is_empty() {
            return None;
        }
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        methods.insert("OPTIONS");
        HeaderValue::from_str(&methods.into_iter().collect::<Vec<_>>().join(", ")).ok()
    }

    /// Shows the leaves that match, the most specific first, until `visit` returns something.
    fn walk<'p, R>(
        &self,
        host: Option<&str>,
        path: &'p str,
        values: &mut Vec<&'p str>,
        visit: &mut impl FnMut(&[usize], &mut Vec<&'p str>) -> Option<R>,
    ) -> Option<R> {
        let inner = path.strip_prefix('/')?;
        if let Some(host) = host
            && !(self.exact.is_empty() && self.below.is_empty())
        {
            let host = bare(host);
            if let Some(found) = self.exact.get(&*host).and_then(|tree| tree.walk(Some(inner), values, visit)) {
                return Some(found);
            }
            for (_, tree) in self.below.iter().filter(|(suffix, _)| is_below(&host, suffix)) {
                if let Some(found) = tree.walk(Some(inner), values, visit) {
                    return Some(found);
                }
            }
        }
        self.any.walk(Some(inner), values, visit)
    }
}

/// How well a route's methods fit a request's, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Any,
    HeadByGet,
    Named,
}

fn fit(methods: Option<&[Method]>, method: &Method) -> Option<Fit> {
    let Some(methods) = methods else {
        return Some(Fit::Any);
    };
    if methods.contains(method) {
        return Some(Fit::Named);
    }
    (*method == Method::HEAD && methods.contains(&Method::GET)).then_some(Fit::HeadByGet)
}

fn share_a_method<T>(one: &Route<T>, other: &Route<T>) -> bool {
    match (&one.methods, &other.methods) {
        (None, None) => true,
        (Some(one), Some(other)) => one.iter().any(|method| other.contains(method)),
        _ => false,
    }
}

/// A host without port and last dot, in lower case.
fn bare(host: &str) -> Cow<'_, str> {
    let name = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are inside brackets.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Says whether a host ends with `.suffix` and has something before it.
fn is_below(host: &str, suffix: &str) -> bool {
    host.len() > suffix.len() && host.ends_with(suffix)
}

/// Says whether a path has neither dot segments nor broken escapes.
fn is_plain(path: &str) -> bool {
    if !path.bytes().any(|b| b == b'.' || b == b'%') {
        return true;
    }
    // `%2F` separates nothing for the router, but it does for who reads a parameter as a path.
    let is_plain = |bytes: &[u8]| bytes.split(|b| *b == b'/').all(|segment| !matches!(segment, b"." | b".."));
    path.split('/').all(|segment| percent::decode(segment).is_some_and(|bytes| is_plain(&bytes)))
}
