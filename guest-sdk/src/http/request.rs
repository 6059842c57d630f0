//! Requests, and what a handler asks them.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::body::Body;
use super::json::JsonError;
use super::params::{self, ParamError, Params};
use super::percent;
use super::{HeaderMap, header};

/// A request: that of crate `http`, with a [`Body`].
///
/// The URI is what the client sent: path and query. The header `host` is always there.
///
/// ```
/// use flint_sdk::http::Request;
///
/// fn describe(request: &Request) -> String {
///     format!("{} {}", request.method(), request.uri().path())
/// }
/// # assert_eq!(describe(&Request::get("/a?b").body("".into()).unwrap()), "GET /a");
/// ```
pub type Request<B = Body> = ::http::Request<B>;

/// What a handler asks a request, besides what crate `http` has.
///
/// ```
/// use flint_sdk::http::{Request, RequestExt};
///
/// fn page(request: &Request) -> Option<u32> {
///     request.query_param("page")?.parse().ok()
/// }
/// # assert_eq!(page(&Request::get("/a?page=7").body("".into()).unwrap()), Some(7));
/// ```
pub trait RequestExt {
    /// A parameter of the path, percent-decoded: `id` of the route `/orders/{id}`.
    ///
    /// It comes from the [`Router`](super::Router) if one matched, else from the route of platform.toml, whose parameters
    /// the host sends in the headers `flint-param-NAME`.
    ///
    /// ```
    /// # use flint_sdk::http::{Request, RequestExt};
    /// fn greet(request: &Request) -> String {
    ///     format!("Hello, {}!", request.param("name").unwrap_or("you"))
    /// }
    /// ```
    fn param(&self, name: &str) -> Option<&str>;

    /// A parameter of the path as a value.
    ///
    /// ```
    /// # use flint_sdk::http::{ParamError, Request, RequestExt};
    /// fn number(request: &Request) -> Result<u64, ParamError> {
    ///     request.param_as("n")
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ParamError`]; as a [`Problem`](super::Problem) 400 if the client is to blame, else 500.
    fn param_as<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, ParamError>;

    /// The pattern of the route in platform.toml that brought the request here, such as `/orders/{id}`.
    ///
    /// ```
    /// # use flint_sdk::http::{Request, RequestExt};
    /// fn is_wildcard(request: &Request) -> bool {
    ///     request.route().is_some_and(|route| route.contains("{*"))
    /// }
    /// ```
    fn route(&self) -> Option<&str>;

    /// The first value of a name in the query, decoded as forms are.
    ///
    /// ```
    /// # use flint_sdk::http::{Request, RequestExt};
    /// let request = Request::get("/search?q=a+b%21").body("".into()).unwrap();
    /// assert_eq!(request.query_param("q").as_deref(), Some("a b!"));
    /// ```
    fn query_param(&self, name: &str) -> Option<String>;

    /// Reads the body as JSON, at most [`Body::LIMIT`] bytes. The request has to say that it is `application/json`.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, Request, RequestExt};
    /// #[flint_sdk::http]
    /// async fn sum(request: Request) -> Result<String, Problem> {
    ///     let numbers: Vec<f64> = request.json().await?;
    ///     Ok(numbers.iter().sum::<f64>().to_string())
    /// }
    /// ```
    ///
    /// # Errors
    /// Any of [`JsonError`] but `Unwritable`.
    fn json<T: DeserializeOwned>(self) -> impl Future<Output = Result<T, JsonError>>;
}

impl RequestExt for Request {
    fn param(&self, name: &str) -> Option<&str> {
        let routed = self.extensions().get::<Params>().and_then(|params| params.get(name));
        let is_it = |header: &str| params::param_name(header).is_some_and(|param| param.eq_ignore_ascii_case(name));
        routed.or_else(|| find_text(self.headers(), is_it))
    }

    fn param_as<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, ParamError> {
        params::parse(name, self.param(name))
    }

    fn route(&self) -> Option<&str> {
        header_text(self.headers(), "flint-route")
    }

    fn query_param(&self, name: &str) -> Option<String> {
        self.uri().query()?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent::decode_form(key) == name).then(|| percent::decode_form(value))
        })
    }

    async fn json<T: DeserializeOwned>(self) -> Result<T, JsonError> {
        let kind = header_text(self.headers(), header::CONTENT_TYPE.as_str());
        if !kind.is_some_and(is_json) {
            return Err(JsonError::ContentType);
        }
        self.into_body().json().await
    }
}

/// Compares names rather than hash them: there are few, and a function carries less code for it.
fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    find_text(headers, |header| header.eq_ignore_ascii_case(name))
}

fn find_text(headers: &HeaderMap, is_it: impl Fn(&str) -> bool) -> Option<&str> {
    let (_, value) = headers.iter().find(|(header, _)| is_it(header.as_str()))?;
    std::str::from_utf8(value.as_bytes()).ok()
}

/// `application/json`, or a format on top of it, such as `application/merge-patch+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.as_bytes()[essence.len() - 5..].eq_ignore_ascii_case(b"+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request::get("/orders/7?a=1&b=x%20y&a=2&flag")
            .header("flint-param-id", "7")
            .header("flint-param-name", "grün".as_bytes())
            .header("flint-route", "/orders/{id}")
            .body(Body::empty())
            .unwrap()
    }

    #[test]
    fn params_of_the_route_come_from_the_headers_of_the_host() {
        assert_eq!(request().param("id"), Some("7"));
        assert_eq!(request().param("name"), Some("grün"));
        assert_eq!(request().param("other"), None);
        assert_eq!(request().param_as::<u8>("id"), Ok(7));
        assert_eq!(request().route(), Some("/orders/{id}"));
    }

    #[test]
    fn params_of_the_router_come_first() {
        let mut request = request();
        request.extensions_mut().insert(Params(vec![("id".into(), "8".into())]));
        assert_eq!(request.param("id"), Some("8"));
    }

    #[test]
    fn a_param_that_does_not_parse_is_the_fault_of_the_client() {
        let error = request().param_as::<u8>("name").unwrap_err();
        assert!(matches!(&error, ParamError::Invalid { name, .. } if name == "name"), "{error}");
        assert_eq!(request().param_as::<u8>("x"), Err(ParamError::Missing("x".into())));
    }

    #[test]
    fn query_params_are_decoded_and_the_first_counts() {
        assert_eq!(request().query_param("a").as_deref(), Some("1"));
        assert_eq!(request().query_param("b").as_deref(), Some("x y"));
        assert_eq!(request().query_param("flag").as_deref(), Some(""));
        assert_eq!(request().query_param("c"), None);
    }

    #[test]
    fn json_is_known_by_its_content_type() {
        for (kind, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("+json", false),
            ("", false),
        ] {
            assert_eq!(is_json(kind), expected, "{kind}");
        }
    }
}
