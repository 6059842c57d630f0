//! One request, from its head to the answer: check, route, invoke, answer.
//!
//! Data goes one way: [`Door::admit`] decides whether a function is asked and prepares what it sees; the caller invokes;
//! [`finish`] makes an answer of what came back. Every answer has `flint-invocation-id` and `traceparent`.

use super::body::{AnswerBody, BoxError, Capped, Exceeded, Guest, Measured, WrongLength};
use super::header::{self as headers, INVOCATION_ID, ROUTE};
use super::listener::Cut;
use super::problem::{Problem, Refusal};
use super::router::{Found, Router};
use super::trace::{self, TRACEPARENT, TRACESTATE};
use bytes::Bytes;
use flint_model::{ByteSize, InvocationId};
use flint_world::{Failure, Invocation};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// How much of a body that nobody gets is read, in bytes, before its guest is ended.
const DISCARD_MAX: u64 = 1 << 20;
/// How long a body that nobody gets is read before its guest is ended.
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// The default of [`Door::uri_length_max`].
pub const URI_LENGTH_MAX: usize = 8192;

/// Where a route leads, and what it takes.
#[derive(Debug, Clone)]
pub struct Endpoint<T> {
    /// Who answers.
    pub target: T,
    /// The largest body of a request; none: as large as the function reads.
    pub request_body_max: Option<ByteSize>,
}

/// All that is needed to answer requests.
#[derive(Debug)]
pub struct Door<T> {
    /// The routes.
    pub router: Router<Endpoint<T>>,
    /// The longest request target, in bytes. A longer one is answered with 414.
    pub uri_length_max: usize,
    /// Told when the host can't wait any longer. Who has no answer yet gets a 503.
    pub cut: Cut,
}

/// The version of the function that a client asks for; among the extensions of a request that has one.
#[derive(Debug, Clone)]
pub struct WantedVersion(pub HeaderValue);

/// A request that a target is asked to answer.
struct Admitted<'r, T, B> {
    target: &'r T,
    request: Request<Capped<B>>,
    limited: Option<Limited>,
}

/// What the host answers itself.
enum Own {
    Refuse(Refusal),
    /// `OPTIONS` that no route takes, with the methods that the path takes.
    Options(Option<HeaderValue>),
}

impl From<Refusal> for Own {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// A limit of a body, and whether it was met.
struct Limited {
    max: ByteSize,
    exceeded: Exceeded,
}

/// The headers that tell a client which invocation it was.
struct Stamp {
    id: HeaderValue,
    traceparent: HeaderValue,
}

impl<T> Door<T> {
    /// Makes a door with the default limit of the request target.
    pub fn new(router: Router<Endpoint<T>>) -> Self {
        Self { router, uri_length_max: URI_LENGTH_MAX, cut: Cut::default() }
    }

    /// Answers a request; `call` invokes the target of its route.
    ///
    /// The target sees the request as it came, without what concerns the connection (see [`headers`](super::header)), plus
    /// `flint-route`, `flint-param-NAME`, `flint-invocation-id`, and `traceparent` and `tracestate` of its own span.
    /// `HEAD` reaches a route for `GET` as `HEAD`. Bodies that HTTP does not let through (of `HEAD`, 204, 205, 304) are read
    /// and forgotten, so that their guest comes to its end, but for one second and 1 MiB at most. A `flint-version` that the
    /// client sent is among the extensions of the request, as [`WantedVersion`].
    ///
    /// Dropping the future drops the one that `call` returned.
    pub async fn answer<B, F, G>(
        &self,
        request: Request<B>,
        call: impl FnOnce(&T, Invocation, Request<Capped<B>>) -> F,
    ) -> Response<AnswerBody<G>>
    where
        F: Future<Output = Result<Response<G>, Failure>>,
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let invocation = Invocation::accept(trace::caller(request.headers()));
        let (id, stamp) = (invocation.id, Stamp::new(&invocation));
        let head = request.method() == Method::HEAD;
        let problem = |problem: Problem| problem.into_response(id).map(AnswerBody::Host);
        let mut response = match self.admit(request, &invocation, &stamp) {
            Ok(Admitted { target, request, limited }) => {
                let answered = match self.unless_cut(call(target, invocation, request)).await {
                    Ok(response) => finish(response, id, head).await,
                    Err(failure) => Err(failure),
                };
                answered.unwrap_or_else(|failure| match limited.filter(|limited| limited.exceeded.get()) {
                    // The guest may have failed for another reason, but the client can mend this one.
                    Some(Limited { max, .. }) => problem(Refusal::TooLarge(max).into()),
                    None => {
                        tracing::debug!(invocation = %id, error = %failure, "no answer of the function");
                        problem(Problem::from(&failure))
                    }
                })
            }
            Err(Own::Refuse(refusal)) => problem(refusal.into()),
            Err(Own::Options(allow)) => options(allow),
        };
        if head && let AnswerBody::Host(bytes) = response.body_mut() {
            let bytes = std::mem::take(bytes);
            if !bytes.is_empty() {
                response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
        }
        stamp.put(response.headers_mut());
        response
    }

    /// Waits for a target's answer until the host can't any longer.
    async fn unless_cut<R>(&self, answer: impl Future<Output = Result<R, Failure>>) -> Result<R, Failure> {
        let mut answer = pin!(answer);
        poll_fn(|cx| if self.cut.is_over() { Poll::Ready(Err(Failure::Draining)) } else { answer.as_mut().poll(cx) })
            .await
    }

    /// Decides what to do with a request, and prepares what the target sees.
    fn admit<B>(
        &self,
        mut request: Request<B>,
        invocation: &Invocation,
        stamp: &Stamp,
    ) -> Result<Admitted<'_, T, B>, Own> {
        self.check(&request)?;
        let options = request.method() == Method::OPTIONS;
        if options && request.uri().path() == "*" {
            return Err(Own::Options(None));
        }
        if let Some(version) = headers::clean_request(request.headers_mut()) {
            request.extensions_mut().insert(WantedVersion(version));
        }
        let (mut parts, body) = request.into_parts();
        // The target's authority counts before the header (RFC 9112, section 3.2.2).
        let host = parts.uri.authority().map(Authority::as_str);
        let host = host.or_else(|| parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()));
        let endpoint = match self.router.find(host, &parts.method, parts.uri.path()) {
            Found::Route(found) => {
                let endpoint = found.target();
                parts.headers.insert(ROUTE, found.pattern().as_header().clone());
                for param in found.params() {
                    let (name, value) = param.map_err(Refusal::BadParam)?;
                    parts.headers.insert(name.clone(), value);
                }
                endpoint
            }
            Found::OtherMethods(allow) if options => return Err(Own::Options(Some(allow))),
            Found::OtherMethods(allow) => return Err(Refusal::MethodNotAllowed(allow).into()),
            Found::Nothing => return Err(Refusal::NoRoute.into()),
            Found::BadPath => return Err(Refusal::BadPath.into()),
        };
        stamp.put(&mut parts.headers);
        match invocation.trace.tracestate().and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => drop(parts.headers.insert(TRACESTATE, state)),
            None => drop(parts.headers.remove(TRACESTATE)),
        }
        let (body, limited) = match endpoint.request_body_max {
            None => (Capped::unlimited(body), None),
            // What is announced too large is refused before the client has sent it.
            Some(max) if announced(&parts.headers).is_some_and(|length| length > max.as_u64()) => {
                return Err(Refusal::TooLarge(max).into());
            }
            Some(max) => {
                let (body, exceeded) = Capped::limited(body, max);
                (body, Some(Limited { max, exceeded }))
            }
        };
        Ok(Admitted { target: &endpoint.target, request: Request::from_parts(parts, body), limited })
    }

    /// Checks what can be said without the routes.
    fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        if request.method() == Method::CONNECT {
            return Err(Refusal::NoProxy);
        }
        let uri = request.uri();
        let origin = uri.path_and_query().map_or(0, |target| target.as_str().len());
        if origin + uri.authority().map_or(0, |authority| authority.as_str().len()) > self.uri_length_max {
            return Err(Refusal::UriTooLong(self.uri_length_max));
        }
        // RFC 9112, section 3.2: one host, always, but HTTP/1.0 has none.
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let missing = hosts.next().is_none() && request.version() >= Version::HTTP_11;
        if missing || hosts.next().is_some() || !is_host(request) {
            return Err(Refusal::BadHost);
        }
        Ok(())
    }
}

impl Stamp {
    fn new(invocation: &Invocation) -> Self {
        // Both are plain ASCII.
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        Self { id: value(invocation.id.to_string()), traceparent: value(invocation.trace.traceparent()) }
    }

    fn put(&self, headers: &mut HeaderMap) {
        headers.insert(INVOCATION_ID, self.id.clone());
        headers.insert(TRACEPARENT, self.traceparent.clone());
    }
}

/// Says whether the host is one (RFC 9110, section 4.2.4 and 7.2): name and port, and nobody's name and password. It may be empty.
fn is_host<B>(request: &Request<B>) -> bool {
    let of_target = request.uri().authority().is_none_or(|authority| !authority.as_str().contains('@'));
    let of_header = request.headers().get(header::HOST).is_none_or(|host| {
        let host = host.as_bytes();
        host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
    });
    of_target && of_header
}

/// The `content-length` of a request; hyper has checked it.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Makes an answer of what a guest returned.
async fn finish<G>(mut response: Response<G>, id: InvocationId, head: bool) -> Result<Response<AnswerBody<G>>, Failure>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    headers::clean_response(response.headers_mut());
    let status = response.status();
    if status.is_informational() {
        return Err(Failure::NoAnswer(format!("a final answer can't have the status {status}")));
    }
    let declared = headers::content_length(response.headers_mut());
    let declared = declared.map_err(|error| Failure::NoAnswer(error.to_string()))?;
    let known = if response.body().is_end_stream() { Some(0) } else { response.body().size_hint().exact() };
    if head || has_no_body(status) {
        if !head {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        } else if let (None, Some(known @ 1..)) = (declared, known) {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(known));
        }
        let (parts, body) = response.into_parts();
        discard(body).await?;
        return Ok(Response::from_parts(parts, AnswerBody::Host(Bytes::new())));
    }
    let wrong = |declared| Failure::NoAnswer(WrongLength { declared }.to_string());
    match (declared, known) {
        (Some(declared), Some(known)) if declared != known => Err(wrong(declared)),
        (Some(declared), None) => Ok(response.map(|body| AnswerBody::Measured(Measured::new(body, id, declared)))),
        _ => {
            let announced = response.headers().contains_key(header::TRAILER);
            Ok(response.map(|body| AnswerBody::Guest(Guest::new(body, id, announced))))
        }
    }
}

fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Reads a body that nobody gets, so that the guest that writes it comes to its end.
///
/// Dropping it at once would end the guest in the middle of its work, and a client would find that `HEAD` does something else
/// than `GET`. But a stream without an end is ended.
async fn discard<G>(mut body: G) -> Result<(), Failure>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let reading = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::NoAnswer(error.into().to_string()))?;
            read += frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            if read > DISCARD_MAX {
                break;
            }
        }
        Ok(())
    };
    // Out of time is no failure: the client has its answer.
    tokio::time::timeout(DISCARD_TIME, reading).await.unwrap_or(Ok(()))
}

fn options<G>(allow: Option<HeaderValue>) -> Response<AnswerBody<G>> {
    let mut response = Response::new(AnswerBody::Host(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests;
