//! Several handlers in one function, by method and path.

use std::pin::Pin;

use ::http::HeaderValue;

use super::params::Params;
use super::pattern::Pattern;
use super::problem::Problem;
use super::request::Request;
use super::response::{IntoResponse, Response};
use super::{Body, Method, StatusCode, header};

type Answer<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;
type Handler<'a> = Box<dyn Fn(Request) -> Answer<'a> + 'a>;

/// Chooses a handler by method and path.
///
/// A path is made of literals, `{param}` for one segment, and `{*rest}` at the end for all that follow. If several match,
/// the most specific one counts: at the first segment in which they differ, a literal goes before a parameter, and that
/// before a rest. Parameters are read with [`RequestExt::param`](super::RequestExt::param). No match answers 404, another
/// method 405 with `Allow`; `HEAD` is answered by the handler of `GET`, without its body, and `OPTIONS` by the router,
/// unless there are handlers for them.
///
/// ```
/// use flint_sdk::http::{IntoResponse, Request, RequestExt, Response, Router};
///
/// #[flint_sdk::http]
/// async fn handle(request: Request) -> Response {
///     Router::new()
///         .get("/hello", async |_| "Hello!")
///         .get("/hello/{name}", greet)
///         .handle(request)
///         .await
/// }
///
/// async fn greet(request: Request) -> String {
///     format!("Hello, {}!", request.param("name").unwrap_or_default())
/// }
/// ```
#[derive(Default)]
pub struct Router<'a> {
    routes: Vec<Route<'a>>,
}

struct Route<'a> {
    method: Method,
    pattern: Pattern,
    handler: Handler<'a>,
}

impl std::fmt::Debug for Router<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self.routes.iter().map(|route| (&route.method, &route.pattern));
        f.debug_list().entries(routes).finish()
    }
}

/// The handler for a path, or what there is instead.
enum Choice {
    Handler(usize, Params),
    Allow(String),
    NotAllowed(String),
    NotFound,
}

impl<'a> Router<'a> {
    /// A router without routes.
    ///
    /// ```
    /// let router = flint_sdk::http::Router::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler for a method and a path.
    ///
    /// ```
    /// use flint_sdk::http::{Method, Router};
    /// let router = Router::new().route(Method::PATCH, "/orders/{id}", async |_| "changed");
    /// ```
    ///
    /// # Panics
    /// If the path is no pattern, or has a handler for this method already: both are mistakes in the function.
    #[must_use]
    pub fn route<H, F>(mut self, method: Method, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + 'a,
        F: Future<Output: IntoResponse> + 'a,
    {
        let pattern = match Pattern::parse(path) {
            Ok(pattern) => pattern,
            Err(mistake) => panic!("the path {path:?} {mistake}"),
        };
        let taken = |route: &Route<'_>| route.method == method && route.pattern.is_same_as(&pattern);
        assert!(!self.routes.iter().any(taken), "two handlers for {method} {path}");
        self.routes.push(Route {
            method,
            pattern,
            handler: Box::new(move |request| {
                let answer = handler(request);
                Box::pin(async move { answer.await.into_response() })
            }),
        });
        self
    }

    /// Adds a handler for `GET`, and for `HEAD` if that has none of its own.
    ///
    /// ```
    /// let router = flint_sdk::http::Router::new().get("/", async |_| "Hello!");
    /// ```
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn get<H, F>(self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + 'a,
        F: Future<Output: IntoResponse> + 'a,
    {
        self.route(Method::GET, path, handler)
    }

    /// Adds a handler for `POST`.
    ///
    /// ```
    /// let router = flint_sdk::http::Router::new().post("/orders", async |_| "created");
    /// ```
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn post<H, F>(self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + 'a,
        F: Future<Output: IntoResponse> + 'a,
    {
        self.route(Method::POST, path, handler)
    }

    /// Adds a handler for `PUT`.
    ///
    /// ```
    /// let router = flint_sdk::http::Router::new().put("/orders/{id}", async |_| "replaced");
    /// ```
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn put<H, F>(self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + 'a,
        F: Future<Output: IntoResponse> + 'a,
    {
        self.route(Method::PUT, path, handler)
    }

    /// Adds a handler for `DELETE`.
    ///
    /// ```
    /// let router = flint_sdk::http::Router::new().delete("/orders/{id}", async |_| "gone");
    /// ```
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn delete<H, F>(self, path: &str, handler: H) -> Self
    where
        H: Fn(Request) -> F + 'a,
        F: Future<Output: IntoResponse> + 'a,
    {
        self.route(Method::DELETE, path, handler)
    }

    /// Answers a request.
    ///
    /// ```
    /// # use flint_sdk::http::{Request, Response, Router};
    /// async fn handle(request: Request) -> Response {
    ///     Router::new().get("/", async |_| "Hello!").handle(request).await
    /// }
    /// ```
    pub async fn handle(&self, mut request: Request) -> Response {
        match self.choose(request.method(), request.uri().path()) {
            Choice::Handler(index, params) => {
                let head = request.method() == Method::HEAD;
                request.extensions_mut().insert(params);
                let response = (self.routes[index].handler)(request).await;
                if head { without_body(response) } else { response }
            }
            Choice::Allow(methods) => allow(StatusCode::NO_CONTENT.into_response(), &methods),
            Choice::NotAllowed(methods) => {
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED).code("http/method-not-allowed");
                allow(problem.into_response(), &methods)
            }
            Choice::NotFound => Problem::new(StatusCode::NOT_FOUND).code("http/no-route").into_response(),
        }
    }

    /// The most specific path that matches decides, whatever methods it has.
    fn choose(&self, method: &Method, path: &str) -> Choice {
        let mut best: Option<(&Pattern, Vec<(String, String)>)> = None;
        for route in &self.routes {
            if let Some(params) = route.pattern.matches(path)
                && best.as_ref().is_none_or(|(pattern, _)| route.pattern.goes_before(pattern))
            {
                best = Some((&route.pattern, params));
            }
        }
        let Some((pattern, params)) = best else {
            return Choice::NotFound;
        };
        let find = |method: &Method| {
            let is_it = |route: &Route<'_>| route.method == *method && route.pattern.is_same_as(pattern);
            self.routes.iter().position(is_it)
        };
        let found = find(method).or_else(|| if method == Method::HEAD { find(&Method::GET) } else { None });
        match found {
            // Names of parameters may differ from those of the route that matched first.
            Some(index) => {
                let params = self.routes[index].pattern.matches(path).unwrap_or(params);
                Choice::Handler(index, Params(params))
            }
            None if method == Method::OPTIONS => Choice::Allow(self.methods(pattern)),
            None => Choice::NotAllowed(self.methods(pattern)),
        }
    }

    /// The methods that a path takes, as `Allow` lists them.
    fn methods(&self, pattern: &Pattern) -> String {
        let same = self.routes.iter().filter(|route| route.pattern.is_same_as(pattern));
        let mut methods: Vec<&str> = same.map(|route| route.method.as_str()).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        if !methods.contains(&"OPTIONS") {
            methods.push("OPTIONS");
        }
        methods.join(", ")
    }
}

fn allow(mut response: Response, methods: &str) -> Response {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// The answer to `HEAD`: the headers of the answer to `GET`, its length if it is known.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().len() {
        let length = HeaderValue::from(length);
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length);
    }
    *response.body_mut() = Body::empty();
    response
}

#[cfg(test)]
mod tests;
