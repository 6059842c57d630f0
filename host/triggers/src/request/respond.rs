//! One request, from its head to the answer: check, route, invoke, answer.
//!
//! Data goes one way: [`Door::admit`] decides whether a function is asked and prepares what it sees; the caller invokes;
//! [`finish`] makes an answer of what came back. Every answer has `flint-invocation-id` and `traceparent`.

use super::body::{AnswerBody, BoxError, Capped, Fault, Guest, Measured, WrongLength};
use super::client::Client;
use super::cors::{self, Cors};
use super::encoding::{self, Coding};
use super::files::Folder;
use super::forwarded::Origin;
use super::header::{self as headers, INVOCATION_ID, ROUTE};
use super::listener::{Cut, Limits};
use super::problem::{Problem, Refusal};
use super::rate::Rate;
use super::router::{Found, Router};
use super::trace::{self, TRACEPARENT, TRACESTATE};
use bytes::Bytes;
use flint_model::{ByteSize, InvocationId};
use flint_world::{Failure, Invocation};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version, request};
use http_body::Body;
use http_body_util::BodyExt;
use ipnet::IpNet;
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

/// Where a route leads, what it takes, and what it does with the answer.
#[derive(Debug)]
pub struct Endpoint<T> {
    /// Who answers.
    pub target: Target<T>,
    /// The largest body of a request; none: as large as the function reads.
    pub request_body_max: Option<ByteSize>,
    /// How often a client may ask.
    pub rate: Option<Rate>,
    /// Which pages of other origins may ask; none: the function says.
    pub cors: Option<Cors>,
    /// Answers from this size on are compressed for clients that like that; none: none is.
    pub compress: Option<ByteSize>,
}

/// Who answers.
#[derive(Debug)]
pub enum Target<T> {
    /// A function.
    Function(T),
    /// The file of a folder that the end of the path, `{*rest}`, names. For `GET`, and with it `HEAD`.
    Files(Folder),
}

impl<T> Endpoint<T> {
    /// A function, and nothing besides.
    pub fn new(function: T) -> Self {
        Self { target: Target::Function(function), request_body_max: None, rate: None, cors: None, compress: None }
    }
}

/// All that is needed to answer requests.
#[derive(Debug)]
pub struct Door<T> {
    /// The routes.
    pub router: Router<Endpoint<T>>,
    /// The longest request target, in bytes. A longer one is answered with 414.
    pub uri_length_max: usize,
    /// The most header lines of a request. More are answered with 431.
    pub header_count_max: usize,
    /// The proxies that are believed when they say whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// Told when the host can't wait any longer. Who has no answer yet gets a 503.
    pub cut: Cut,
}

/// The version of the function that a client asks for; among the extensions of a request that has one.
#[derive(Debug, Clone)]
pub struct WantedVersion(pub HeaderValue);

/// What becomes of a request that is not refused.
enum Step<'r, T, B> {
    /// A function is asked.
    Call { function: &'r T, request: Request<Capped<B>>, fault: Option<Fault> },
    /// A file is read.
    Read { folder: &'r Folder, path: String, parts: request::Parts },
}

/// What the host answers itself.
enum Own {
    Refuse(Refusal),
    /// `OPTIONS` that no route takes, with the methods that the path takes.
    Options(Option<HeaderValue>),
    /// A page of another origin asks whether it may ask.
    Preflight(HeaderMap),
}

impl From<Refusal> for Own {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// What a route does with the answer, whoever it is from.
#[derive(Default)]
struct Finish<'r> {
    cors: Option<(&'r Cors, Option<HeaderValue>)>,
    compress: Option<(ByteSize, Option<Coding>)>,
}

/// The headers that tell a client which invocation it was.
struct Stamp {
    id: HeaderValue,
    traceparent: HeaderValue,
}

impl<T> Door<T> {
    /// Makes a door with the default limit of the request target.
    pub fn new(router: Router<Endpoint<T>>) -> Self {
        Self {
            router,
            uri_length_max: URI_LENGTH_MAX,
            header_count_max: Limits::default().header_count_max,
            trusted_proxies: Vec::new(),
            cut: Cut::default(),
        }
    }

    /// Answers a request; `call` invokes the target of its route.
    ///
    /// The target sees the request as it came, without what concerns the connection (see [`headers`](super::header)), plus
    /// `flint-route`, `flint-param-NAME`, `flint-invocation-id`, `traceparent` and `tracestate` of its own span, and who asks
    /// (see [`forwarded`](super::forwarded)). It sees the same whatever the version of HTTP.
    /// `HEAD` reaches a route for `GET` as `HEAD`. Bodies that HTTP does not let through (of `HEAD`, 204, 205, 304) are read
    /// and forgotten, so that their guest comes to its end, but for one second and 1 MiB at most. A `flint-version` that the
    /// client sent is among the extensions of the request, as [`WantedVersion`].
    ///
    /// Dropping the future drops the one that `call` returned.
    pub async fn answer<B, F, G>(
        &self,
        request: Request<B>,
        client: &Client,
        call: impl FnOnce(&T, Invocation, Request<Capped<B>>) -> F,
    ) -> Response<AnswerBody<G>>
    where
        B: Body,
        F: Future<Output = Result<Response<G>, Failure>>,
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let invocation = Invocation::accept(trace::caller(request.headers()));
        let (id, stamp) = (invocation.id, Stamp::new(&invocation));
        let head = request.method() == Method::HEAD;
        let version = request.version();
        let problem = |problem: Problem| problem.into_response(id).map(AnswerBody::Host);
        let mut last = Finish::default();
        let mut response = match self.admit(request, client, &invocation, &stamp, &mut last) {
            Ok(Step::Call { function, request, fault }) => {
                let answered = match self.unless_cut(call(function, invocation, request)).await {
                    Ok(response) => finish(response, id, head, version).await,
                    Err(failure) => Err(failure),
                };
                match (answered, fault.as_ref().and_then(Fault::get)) {
                    // Whatever a function says of a body that did not come: it did not come in time, and that is what the client can mend.
                    (Ok(_), Some(slow @ Refusal::SlowBody(_))) => problem(slow.clone().into()),
                    (Ok(response), _) => response,
                    // The guest may have failed for another reason, but the client can mend this one.
                    (Err(_), Some(refusal)) => problem(refusal.clone().into()),
                    (Err(failure), None) => {
                        tracing::debug!(invocation = %id, error = %failure, "no answer of the function");
                        problem(Problem::from(&failure))
                    }
                }
            }
            Ok(Step::Read { folder, path, parts }) => {
                let answer = folder.answer(path, &parts.method, &parts.uri, &parts.headers).await;
                answer.unwrap_or_else(|refusal| problem(refusal.into()))
            }
            Err(Own::Refuse(refusal)) => problem(refusal.into()),
            Err(Own::Options(allow)) => options(allow),
            Err(Own::Preflight(headers)) => preflight(headers),
        };
        if head && let AnswerBody::Host(bytes) = response.body_mut() {
            let bytes = std::mem::take(bytes);
            if !bytes.is_empty() && !response.headers().contains_key(header::CONTENT_LENGTH) {
                response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
        }
        if let Some((cors, origin)) = last.cors {
            cors.decorate(origin.as_ref(), response.headers_mut());
        }
        if let Some((min, chosen)) = last.compress {
            response = compressed(response, min, chosen, head);
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

    /// Decides what to do with a request, and prepares what the target sees. What is done with the answer, `last` is told as soon
    /// as the route is known.
    fn admit<'r, B>(
        &'r self,
        mut request: Request<B>,
        client: &Client,
        invocation: &Invocation,
        stamp: &Stamp,
        last: &mut Finish<'r>,
    ) -> Result<Step<'r, T, B>, Own>
    where
        B: Body,
    {
        self.check(&request)?;
        if request.version() >= Version::HTTP_2 {
            as_of_http1(&mut request)?;
        }
        let options = request.method() == Method::OPTIONS;
        if options && request.uri().path() == "*" {
            return Err(Own::Options(None));
        }
        let origin = Origin::of(client, request.headers(), &self.trusted_proxies);
        let keeps_host = Origin::keeps_host(client, &self.trusted_proxies);
        if let Some(version) = headers::clean_request(request.headers_mut(), keeps_host) {
            request.extensions_mut().insert(WantedVersion(version));
        }
        let (mut parts, body) = request.into_parts();
        // The target's authority counts before the header (RFC 9112, section 3.2.2).
        let host = parts.uri.authority().map(Authority::as_str);
        let host = host.or_else(|| parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()));
        if options {
            self.answer_preflight(host, &parts)?;
        }
        let (endpoint, rest) = match self.router.find(host, &parts.method, parts.uri.path()) {
            Found::Route(found) => {
                let endpoint = found.target();
                last.begin(endpoint, &parts.headers);
                parts.headers.insert(ROUTE, found.pattern().as_header().clone());
                let mut rest = None;
                for param in found.params() {
                    let (name, value) = param.map_err(Refusal::BadParam)?;
                    if let Target::Files(_) = &endpoint.target {
                        rest = Some(value.clone());
                    }
                    parts.headers.insert(name.clone(), value);
                }
                (endpoint, rest)
            }
            Found::OtherMethods(allow) if options => return Err(Own::Options(Some(allow))),
            Found::OtherMethods(allow) => return Err(Refusal::MethodNotAllowed(allow).into()),
            Found::Nothing => return Err(Refusal::NoRoute.into()),
            Found::BadPath => return Err(Refusal::BadPath.into()),
        };
        if let Some(rate) = &endpoint.rate {
            rate.take(&parts.headers, &origin).map_err(Refusal::RateLimited)?;
        }
        let function = match &endpoint.target {
            Target::Function(function) => function,
            Target::Files(folder) => {
                // The router lets nothing through that is no text.
                let rest = rest.as_ref().and_then(|rest| str::from_utf8(rest.as_bytes()).ok());
                let path = rest.unwrap_or_default().to_owned();
                return Ok(Step::Read { folder, path, parts });
            }
        };
        stamp.put(&mut parts.headers);
        origin.put(&mut parts.headers);
        if origin.secure || parts.uri.scheme().is_some() {
            say_scheme(&mut parts, origin.secure);
        }
        match invocation.trace.tracestate().and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => drop(parts.headers.insert(TRACESTATE, state)),
            None => drop(parts.headers.remove(TRACESTATE)),
        }
        let max = endpoint.request_body_max;
        // What is announced too large is refused before the client has sent it.
        if let Some(max) = max.filter(|max| announced(&parts.headers).is_some_and(|length| length > max.as_u64())) {
            return Err(Refusal::TooLarge(max).into());
        }
        let (body, fault) = Capped::new(body, max);
        Ok(Step::Call { function, request: Request::from_parts(parts, body), fault })
    }

    /// Answers a page that asks whether it may ask, if that is the host's to say: the route of what it wants to ask decides.
    fn answer_preflight(&self, host: Option<&str>, parts: &request::Parts) -> Result<(), Own> {
        if let Some(method) = cors::preflight(&parts.method, &parts.headers)
            && let Found::Route(found) = self.router.find(host, &method, parts.uri.path())
            && let Some(cors) = &found.target().cors
        {
            return Err(Own::Preflight(cors.answer_preflight(&parts.headers)));
        }
        Ok(())
    }

    /// Checks what can be said without the routes.
    fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        if request.method() == Method::CONNECT {
            return Err(Refusal::NoProxy);
        }
        let headers = request.headers();
        if headers.len() > self.header_count_max {
            return Err(Refusal::TooManyHeaders(self.header_count_max));
        }
        if !headers::is_plainly_framed(headers) {
            return Err(Refusal::BadFraming);
        }
        if headers::asks_for_upgrade(headers) {
            return Err(Refusal::NoUpgrade);
        }
        let uri = request.uri();
        let origin = uri.path_and_query().map_or(0, |target| target.as_str().len());
        if origin + uri.authority().map_or(0, |authority| authority.as_str().len()) > self.uri_length_max {
            return Err(Refusal::UriTooLong(self.uri_length_max));
        }
        // RFC 9112, section 3.2: one host, always, but HTTP/1.0 has none, and HTTP/2 an authority instead.
        let mut hosts = headers.get_all(header::HOST).iter();
        let missing = hosts.next().is_none()
            && (request.version() == Version::HTTP_11
                || (request.version() > Version::HTTP_11 && uri.authority().is_none()));
        if missing || hosts.next().is_some() || !is_host(request) {
            return Err(Refusal::BadHost);
        }
        Ok(())
    }
}

impl<'r> Finish<'r> {
    fn begin<T>(&mut self, endpoint: &'r Endpoint<T>, request: &HeaderMap) {
        self.cors = endpoint.cors.as_ref().map(|cors| (cors, request.get(header::ORIGIN).cloned()));
        self.compress = endpoint.compress.map(|min| (min, Coding::chosen(request)));
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

/// Makes a request of HTTP/2 look like one of HTTP/1.1: a path, a host, one line of cookies.
fn as_of_http1<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(authority) = parts.authority.take() {
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::BadHost)?;
        // RFC 9113, section 8.3.1: two that differ are a mistake, or worse.
        if request.headers_mut().insert(header::HOST, value.clone()).is_some_and(|other| other != value) {
            return Err(Refusal::BadHost);
        }
    }
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Refusal::BadPath)?;
    headers::join_cookies(request.headers_mut());
    Ok(())
}

/// Says in the target whether the client spoke TLS: a guest learns it from there.
fn say_scheme(parts: &mut request::Parts, secure: bool) {
    let host = || parts.headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let Some(authority) = parts.uri.authority().cloned().or_else(host) else { return };
    let mut uri = parts.uri.clone().into_parts();
    uri.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(authority);
    uri.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    // What has all three parts is a URI.
    if let Ok(uri) = Uri::from_parts(uri) {
        parts.uri = uri;
    }
}

/// The `content-length` of a request; hyper has checked it.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Makes an answer of what a guest returned.
async fn finish<G>(
    mut response: Response<G>,
    id: InvocationId,
    head: bool,
    version: Version,
) -> Result<Response<AnswerBody<G>>, Failure>
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
            // HTTP/2 sends trailers in any case.
            let announced = version >= Version::HTTP_2 || response.headers().contains_key(header::TRAILER);
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

fn preflight<G>(headers: HeaderMap) -> Response<AnswerBody<G>> {
    let mut response = Response::new(AnswerBody::Host(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    response
}

/// Compresses an answer if it gets smaller by that, and says so in its head, which that of `HEAD` has in common with it.
fn compressed<G>(
    mut response: Response<AnswerBody<G>>,
    min: ByteSize,
    chosen: Option<Coding>,
    head: bool,
) -> Response<AnswerBody<G>>
where
    G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let announced = announced(response.headers());
    let known = if head { announced } else { announced.or_else(|| response.body().size_hint().exact()) };
    match encoding::prepare(&mut response, chosen, known, min) {
        Some(coding) if !head => response.map(|body| AnswerBody::compressed(body, coding)),
        _ => response,
    }
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
