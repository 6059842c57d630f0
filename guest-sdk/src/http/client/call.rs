//! A request in the making, and how it is sent.

use std::pin::pin;
use std::time::Duration;

use ::http::HeaderValue;
use bytes::Bytes;
use futures::future::{Either, select};
use serde::Serialize;

use super::super::body::{Body, Source};
use super::super::{HeaderName, Method, Request, Response, Uri, header};
use super::error::SendError;
use super::redirect::{self, Step};
use crate::bindings::imports::wasi::http0_3_0::types as wasi;
use crate::time;

/// A request in the making.
///
/// What is wrong with it (no absolute URL, an invalid header, a value without JSON) is told when it is sent, as
/// [`SendError::Invalid`].
///
/// ```no_run
/// use flint_sdk::http::client;
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// let created = client::post("https://api.example.com/orders")
///     .header("authorization", "Bearer …")
///     .json(&["tea", "milk"])
///     .timeout(Duration::from_secs(2))
///     .send()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    request: Result<Request, SendError>,
    timeout: Option<Duration>,
    connect: Option<Duration>,
    first_byte: Option<Duration>,
    between_bytes: Option<Duration>,
    redirects: u32,
}

/// Begins a `GET`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::Problem> {
/// let page = flint_sdk::http::client::get("https://example.com/").send().await?.into_body().bytes().await?;
/// # Ok(())
/// # }
/// ```
pub fn get(url: impl AsRef<str>) -> Call {
    request(Method::GET, url)
}

/// Begins a `HEAD`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// let answer = flint_sdk::http::client::head("https://example.com/").send().await?;
/// let length = answer.headers().get("content-length");
/// # Ok(())
/// # }
/// ```
pub fn head(url: impl AsRef<str>) -> Call {
    request(Method::HEAD, url)
}

/// Begins a `POST`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// flint_sdk::http::client::post("https://example.com/orders").json(&[7]).success().await?;
/// # Ok(())
/// # }
/// ```
pub fn post(url: impl AsRef<str>) -> Call {
    request(Method::POST, url)
}

/// Begins a `PUT`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// flint_sdk::http::client::put("https://example.com/notes/7").body("remember the milk").success().await?;
/// # Ok(())
/// # }
/// ```
pub fn put(url: impl AsRef<str>) -> Call {
    request(Method::PUT, url)
}

/// Begins a `PATCH`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// flint_sdk::http::client::patch("https://example.com/notes/7").json(&("done", true)).success().await?;
/// # Ok(())
/// # }
/// ```
pub fn patch(url: impl AsRef<str>) -> Call {
    request(Method::PATCH, url)
}

/// Begins a `DELETE`.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// flint_sdk::http::client::delete("https://example.com/notes/7").success().await?;
/// # Ok(())
/// # }
/// ```
pub fn delete(url: impl AsRef<str>) -> Call {
    request(Method::DELETE, url)
}

/// Begins a request of any method.
///
/// ```no_run
/// use flint_sdk::http::{Method, client};
///
/// # async fn example() -> Result<(), flint_sdk::http::SendError> {
/// let answer = client::request(Method::OPTIONS, "https://example.com/").send().await?;
/// # Ok(())
/// # }
/// ```
pub fn request(method: Method, url: impl AsRef<str>) -> Call {
    let url = url.as_ref();
    let request = url.parse::<Uri>().map_err(|error| SendError::Invalid(format!("{url}: {error}"))).map(|uri| {
        let mut request = Request::default();
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request
    });
    Call { request, timeout: None, connect: None, first_byte: None, between_bytes: None, redirects: 0 }
}

impl Call {
    /// Adds a header.
    ///
    /// ```
    /// let call = flint_sdk::http::client::get("https://example.com/").header("accept", "application/json");
    /// ```
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(request) = &mut self.request {
            match (name.try_into(), value.try_into()) {
                (Ok(name), Ok(value)) => drop(request.headers_mut().append(name, value)),
                (Ok(name), Err(_)) => self.request = invalid(format!("the value of the header {name}")),
                (Err(_), _) => self.request = invalid("the name of a header"),
            }
        }
        self
    }

    /// Sets the body: a text, bytes, or a [`Body`] that streams.
    ///
    /// ```
    /// use flint_sdk::http::{Request, client};
    ///
    /// # fn example(request: Request) {
    /// // Passes on what comes in, piece by piece.
    /// let call = client::put("https://example.com/copy").body(request.into_body());
    /// # }
    /// ```
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        if let Ok(request) = &mut self.request {
            *request.body_mut() = body.into();
        }
        self
    }

    /// Sets the body to a value as JSON, and says so in `content-type`.
    ///
    /// ```
    /// let call = flint_sdk::http::client::post("https://example.com/").json(&[1, 2, 3]);
    /// ```
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match (&mut self.request, serde_json::to_vec(value)) {
            (Err(_), _) => {}
            (Ok(request), Ok(json)) => {
                *request.body_mut() = Body::from(json);
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().insert(header::CONTENT_TYPE, json);
            }
            (Ok(_), Err(error)) => self.request = invalid(format!("the JSON of the body: {error}")),
        }
        self
    }

    /// How long the answer may take until its head is there, redirects included.
    ///
    /// The limits of the host hold besides: `outbound-timeout` for all of a call, its answer's body included.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let call = flint_sdk::http::client::get("https://example.com/").timeout(Duration::from_secs(1));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long it may take to find and reach the server; the host has a limit of its own.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let call = flint_sdk::http::client::get("https://example.com/").connect_timeout(Duration::from_millis(300));
    /// ```
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect = Some(timeout);
        self
    }

    /// How long the server may take to answer when it has the request; the host has a limit of its own.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let call = flint_sdk::http::client::get("https://example.com/").first_byte_timeout(Duration::from_secs(1));
    /// ```
    pub fn first_byte_timeout(mut self, timeout: Duration) -> Self {
        self.first_byte = Some(timeout);
        self
    }

    /// How long the server may pause within its answer; the host has a limit of its own.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let call = flint_sdk::http::client::get("https://example.com/").between_bytes_timeout(Duration::from_secs(1));
    /// ```
    pub fn between_bytes_timeout(mut self, timeout: Duration) -> Self {
        self.between_bytes = Some(timeout);
        self
    }

    /// Follows so many redirects; without this, a redirect is an answer.
    ///
    /// Each is a call of its own, which the host allows or not. As browsers do, a `POST` becomes a `GET` after 301, 302
    /// and 303; `authorization` and `cookie` do not go to another server; and a redirect from `https` to `http` is an
    /// error. One that asks for a streamed body again is answered as it is, since the body is gone.
    ///
    /// ```
    /// let call = flint_sdk::http::client::get("https://example.com/").redirects(5);
    /// ```
    pub fn redirects(mut self, most: u32) -> Self {
        self.redirects = most;
        self
    }

    /// Sends the request, and answers when the head of the response is here. Dropping the future ends the exchange.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), flint_sdk::http::SendError> {
    /// let answer = flint_sdk::http::client::get("https://example.com/").send().await?;
    /// println!("{}", answer.status());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Any of [`SendError`] but [`SendError::Status`]: an answer with an error status is an answer.
    pub async fn send(self) -> Result<Response, SendError> {
        let Some(timeout) = self.timeout else { return self.send_and_follow().await };
        match select(pin!(self.send_and_follow()), pin!(time::sleep(timeout))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(SendError::TimedOut(format!("no answer within {timeout:?}"))),
        }
    }

    /// Sends the request, and takes an answer with an error status for an error.
    ///
    /// ```no_run
    /// use flint_sdk::http::client;
    ///
    /// # async fn example() -> Result<(), flint_sdk::http::Problem> {
    /// let names: Vec<String> = client::get("https://example.com/names").success().await?.into_body().json().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Any of [`SendError`]; [`SendError::Status`] for a status from 400.
    pub async fn success(self) -> Result<Response, SendError> {
        let answer = self.send().await?;
        let status = answer.status();
        if status.is_client_error() || status.is_server_error() { Err(SendError::Status(status)) } else { Ok(answer) }
    }

    async fn send_and_follow(self) -> Result<Response, SendError> {
        let limits = [self.connect, self.first_byte, self.between_bytes];
        let mut request = self.request?;
        let mut left = self.redirects;
        loop {
            let again = if self.redirects > 0 { Again::of(&request) } else { None };
            let answer = super::exchange(request, options(limits)).await?;
            let Some(again) = again else { return Ok(answer) };
            match redirect::follow(&again.uri, &again.method, &answer) {
                Step::Stay => return Ok(answer),
                Step::Refuse(why) => return Err(SendError::Protocol(why)),
                Step::Go { .. } if left == 0 => {
                    return Err(SendError::Protocol(format!("more than {} redirects", self.redirects)));
                }
                Step::Go { uri, method } => match again.next(uri, method) {
                    Some(next) => request = next,
                    None => return Ok(answer),
                },
            }
            left -= 1;
        }
    }
}

/// What is kept of a request, to make the next one of.
struct Again {
    uri: Uri,
    method: Method,
    headers: super::HeaderMap,
    /// None if it streams.
    body: Option<Bytes>,
}

impl Again {
    fn of(request: &Request) -> Option<Self> {
        let body = match &request.body().0 {
            Source::Whole(bytes) => Some(bytes.clone()),
            Source::Incoming(_) | Source::Channel(_) => None,
        };
        let (uri, method) = (request.uri().clone(), request.method().clone());
        Some(Self { uri, method, headers: request.headers().clone(), body })
    }

    /// The next request; none if it wants a body that is gone.
    fn next(self, uri: Uri, method: Method) -> Option<Request> {
        let mut headers = self.headers;
        let body = if method == self.method { self.body? } else { Bytes::new() };
        if method != self.method {
            for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
                headers.remove(name);
            }
        }
        if (uri.scheme(), uri.authority()) != (self.uri.scheme(), self.uri.authority()) {
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
                headers.remove(name);
            }
        }
        let mut request = Request::new(Body::from(body));
        (*request.uri_mut(), *request.method_mut(), *request.headers_mut()) = (uri, method, headers);
        Some(request)
    }
}

fn invalid<T>(what: impl AsRef<str>) -> Result<T, SendError> {
    Err(SendError::Invalid(format!("{} is not valid", what.as_ref())))
}

fn options([connect, first_byte, between_bytes]: [Option<Duration>; 3]) -> Option<wasi::RequestOptions> {
    if [connect, first_byte, between_bytes].iter().all(Option::is_none) {
        return None;
    }
    let nanoseconds = |limit: Option<Duration>| limit.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
    let options = wasi::RequestOptions::new();
    // A host that does not have one of them has limits of its own.
    let _unsupported = options.set_connect_timeout(nanoseconds(connect));
    let _unsupported = options.set_first_byte_timeout(nanoseconds(first_byte));
    let _unsupported = options.set_between_bytes_timeout(nanoseconds(between_bytes));
    Some(options)
}
