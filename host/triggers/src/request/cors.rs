//! Which pages of other origins may ask, and read the answer (the CORS protocol of <https://fetch.spec.whatwg.org>). Pure.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// What a route lets pages of other origins do.
#[derive(Debug, Clone)]
pub struct Cors {
    /// The origins, such as `https://example.com`; none: all.
    pub origins: Option<Vec<String>>,
    /// The methods that are named in a preflight.
    pub methods: Vec<String>,
    /// The request headers that may be set beside the ones that always may; none: all.
    pub headers: Option<Vec<String>>,
    /// The response headers that may be read beside the ones that always may.
    pub expose: Vec<String>,
    /// Whether cookies and other credentials may be sent along. Not for all origins.
    pub credentials: bool,
    /// How long a client may keep the answer to a preflight.
    pub max_age: Duration,
}

/// Whether a request asks, on behalf of a page, whether another one may be sent; if so, the method of that one.
pub fn preflight(method: &http::Method, headers: &HeaderMap) -> Option<http::Method> {
    if *method != http::Method::OPTIONS || !headers.contains_key(header::ORIGIN) {
        return None;
    }
    http::Method::from_bytes(headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
}

impl Cors {
    /// The headers of the answer to a preflight. For an origin that may not ask they allow nothing.
    pub fn answer_preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        answer.insert(header::VARY, VARY_PREFLIGHT);
        let Some(origin) = self.allowed(request.get(header::ORIGIN)) else { return answer };
        self.allow(origin, &mut answer);
        put_list(&mut answer, header::ACCESS_CONTROL_ALLOW_METHODS, &self.methods);
        match &self.headers {
            Some(headers) => put_list(&mut answer, header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
            // As asked for: `*` would not hold for `authorization`, nor with credentials.
            None => {
                if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                    answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                }
            }
        }
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age.as_secs()));
        answer
    }

    /// Says in an answer whether the page that asked may read it. What a function says of that does not count.
    pub fn decorate(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        let own: Vec<HeaderName> =
            answer.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in own {
            answer.remove(name);
        }
        if self.origins.is_some() {
            answer.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = self.allowed(origin) else { return };
        self.allow(origin, answer);
        put_list(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose);
    }

    /// What to say of an origin that may ask.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match &self.origins {
            // Also to who names no origin: a cache may give the answer to one who does.
            None => Some(HeaderValue::from_static("*")),
            Some(origins) => {
                let origin = origin?;
                let known = origins.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
                known.then(|| origin.clone())
            }
        }
    }

    fn allow(&self, origin: HeaderValue, answer: &mut HeaderMap) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// Names are checked when the configuration is read; a list that is none is left out.
fn put_list(headers: &mut HeaderMap, name: HeaderName, list: &[String]) {
    if let Ok(value) = HeaderValue::try_from(list.join(", "))
        && !list.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn cors() -> Cors {
        Cors {
            origins: Some(vec!["https://a.org".to_owned()]),
            methods: vec!["GET".to_owned(), "PUT".to_owned()],
            headers: Some(vec!["x-own".to_owned()]),
            expose: vec!["x-sum".to_owned()],
            credentials: true,
            max_age: Duration::from_secs(60),
        }
    }

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_preflight_is_what_names_an_origin_and_a_method() {
        let asks = map(&[("origin", "https://a.org"), ("access-control-request-method", "PUT")]);
        assert_eq!(preflight(&Method::OPTIONS, &asks), Some(Method::PUT));
        assert_eq!(preflight(&Method::GET, &asks), None);
        assert_eq!(preflight(&Method::OPTIONS, &map(&[("origin", "https://a.org")])), None);
        assert_eq!(preflight(&Method::OPTIONS, &map(&[("access-control-request-method", "PUT")])), None);
    }

    #[test]
    fn an_origin_that_may_ask_is_told_what_it_may_and_others_nothing() {
        let vary = VARY_PREFLIGHT;
        let vary = vary.to_str().expect("text");
        let allowed = [
            ("vary", vary),
            ("access-control-allow-origin", "https://a.org"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "x-own"),
            ("access-control-max-age", "60"),
        ];
        let asked = |origin| map(&[("origin", origin), ("access-control-request-headers", "x-any")]);
        assert_eq!(cors().answer_preflight(&asked("https://a.org")), map(&allowed.map(leak)));
        for other in ["https://b.org", "null", "https://a.org.evil", "http://a.org"] {
            assert_eq!(cors().answer_preflight(&asked(other)), map(&[leak(("vary", vary))]), "{other}");
        }
        let open = Cors { origins: None, headers: None, credentials: false, ..cors() };
        let answer = open.answer_preflight(&asked("null"));
        assert_eq!(
            (&answer["access-control-allow-origin"], &answer["access-control-allow-headers"]),
            (&"*".parse().unwrap(), &"x-any".parse().unwrap())
        );
    }

    fn leak((name, value): (&'static str, &str)) -> (&'static str, &'static str) {
        (name, value.to_owned().leak())
    }

    #[test]
    fn only_the_host_says_who_may_read_an_answer() {
        let forged =
            [("access-control-allow-origin", "*"), ("access-control-allow-private-network", "true"), ("x", "y")];
        for (origin, headers) in [
            (None, &[("x", "y"), ("vary", "origin")][..]),
            (Some("https://b.org"), &[("x", "y"), ("vary", "origin")]),
            (
                Some("https://a.org"),
                &[
                    ("x", "y"),
                    ("vary", "origin"),
                    ("access-control-allow-origin", "https://a.org"),
                    ("access-control-allow-credentials", "true"),
                    ("access-control-expose-headers", "x-sum"),
                ],
            ),
        ] {
            let mut answer = map(&forged);
            cors().decorate(origin.map(HeaderValue::from_static).as_ref(), &mut answer);
            assert_eq!(answer, map(headers), "{origin:?}");
        }
        let open = Cors { origins: None, credentials: false, ..cors() };
        for origin in [None, Some("https://b.org"), Some("null")] {
            let mut answer = map(&forged);
            open.decorate(origin.map(HeaderValue::from_static).as_ref(), &mut answer);
            let headers =
                [("x", "y"), ("access-control-allow-origin", "*"), ("access-control-expose-headers", "x-sum")];
            assert_eq!(answer, map(&headers), "{origin:?}");
        }
    }
}
