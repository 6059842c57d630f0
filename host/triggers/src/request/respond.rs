//! One request, from its head to the answer: check, route, invoke, answer.
//!
//! Data goes one way: [`Door::admit`] decides whether a function is asked and prepares what it sees; the caller invokes;
//! [`answer::finish`] makes an answer of what came back. Every answer has `flint-invocation-id` and `traceparent`.

use super::answer;
use super::blobs::Blobs;
use super::body::{AnswerBody, BoxError, Capped, Fault, Kept};
use super::client::Client;
use super::cors::{self, Cors};
use super::encoding::Coding;
use super::files::{self, Folder};
use super::forwarded::Origin;
use super::header::{self as headers, INVOCATION_ID, ROUTE};
use super::idempotency::{Answers, Begun, Keep, Once};
use super::listener::{Cut, Limits};
use super::problem::{Problem, Refusal};
use super::rate::Rate;
use super::router::{Found, Router};
use super::target;
use super::trace::{self, TRACEPARENT, TRACESTATE};
use bytes::Bytes;
use flint_model::lane::Permits;
use flint_model::{ByteSize, InvocationId};
use flint_stores::blob::sign::Signed;
use flint_world::{Failure, Invocation};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Version, request};
use http_body::Body;
use ipnet::IpNet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::Semaphore;

/// The default of [`Door::uri_length_max`].
pub const URI_LENGTH_MAX: usize = 8192;
/// How much of what costs the host something is done at once, by all requests together. Doors that take each other's place share it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Requests that are answered, to the last byte of the answer. Further ones are answered with 503.
    pub requests: Arc<Permits>,
    /// Files that are sent piece by piece, and are open meanwhile. Who asks for another one is answered with 503.
    pub files: Arc<Semaphore>,
    /// Answers that are compressed. Others are sent as they are.
    pub compressions: Arc<Semaphore>,
}

impl Room {
    /// Makes room for so many of each.
    pub fn new(requests: usize, files: usize, compressions: usize) -> Self {
        let room = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { requests: Arc::new(Permits::new(requests)), files: room(files), compressions: room(compressions) }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(20_000, 1000, 256)
    }
}

/// Where a route leads, what it takes, and what it does with the answer.
#[derive(Debug)]
pub struct Endpoint<T> {
    /// Who answers.
    pub target: Target<T>,
    /// The largest body of a request; none: as large as the function reads.
    pub request_body_max: Option<ByteSize>,
    /// Answers that are kept for those who ask again; none: they are not.
    pub keep: Option<Keep>,
    /// How often a client may ask; doors that take each other's place may share it.
    pub rate: Option<Arc<Rate>>,
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
        let target = Target::Function(function);
        Self { target, request_body_max: None, keep: None, rate: None, cors: None, compress: None }
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
    /// Signed URLs of blobs; none: there are no such.
    pub blobs: Option<Blobs>,
    /// Keeps answers for who asks again; none: no route does.
    pub answers: Option<Answers>,
    /// What is done at once.
    pub room: Room,
    /// Told when the host can't wait any longer. Who has no answer yet gets a 503.
    pub cut: Cut,
}

/// The version of the function that a client asks for; among the extensions of a request that has one.
#[derive(Debug, Clone)]
pub struct WantedVersion(pub HeaderValue);

/// What becomes of a request that is not refused.
enum Step<'r, T, B> {
    /// A function is asked.
    Call { function: &'r T, request: Request<Capped<B>>, fault: Option<Fault>, once: Option<Once<'r>> },
    /// A blob is read or written.
    Blob { blobs: &'r Blobs, signed: Signed, request: Request<Capped<B>>, fault: Option<Fault> },
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
            blobs: None,
            answers: None,
            room: Room::default(),
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
    /// Dropping the future drops the one that `call` returned; but not that of a request which is done once
    /// ([`idempotency`](super::idempotency)): its answer is kept for who asks again.
    pub async fn answer<B, F, G>(
        &self,
        request: Request<B>,
        client: &Client,
        call: impl FnOnce(&T, Invocation, Request<Capped<B>>) -> F,
    ) -> Response<Kept<AnswerBody<G>>>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
        F: Future<Output = Result<Response<G>, Failure>> + Send + 'static,
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static,
    {
        let invocation = Invocation::accept(trace::caller(request.headers()));
        let (id, stamp) = (invocation.id, Stamp::new(&invocation));
        let head = request.method() == Method::HEAD;
        let version = request.version();
        let problem = |problem: Problem| problem.into_response(id).map(AnswerBody::Host);
        let mut last = Finish::default();
        let mut is_file = false;
        // Held until the answer is gone: a client that does not take it is at work here, too.
        let permit = self.room.requests.take();
        let admitted = match &permit {
            Some(_) => self.admit(request, client, &invocation, &stamp, &mut last),
            None => Err(Refusal::TooManyRequests.into()),
        };
        // What is rare is in a box: a request for a function, which is none of it, has no room for it, and is moved faster.
        let mut response = match admitted {
            Ok(Step::Call { function, request, fault, once }) => {
                let call = |request| call(function, invocation, request);
                let answered = match once {
                    Some(once) => Box::pin(self.once(once, request, call, id, version)).await,
                    None => match self.unless_cut(call(request)).await {
                        Ok(response) => answer::finish(response, id, head, version).await,
                        Err(failure) => Err(failure),
                    },
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
            Ok(Step::Blob { blobs, signed, request, fault }) => {
                is_file = true;
                match (Box::pin(blobs.answer(signed, request)).await, fault.as_ref().and_then(Fault::get)) {
                    (Ok(response), _) => response,
                    (Err(_), Some(refusal)) => problem(refusal.clone().into()),
                    (Err(refusal), None) => problem(refusal.into()),
                }
            }
            Ok(Step::Read { folder, path, parts }) => {
                is_file = true;
                let answer = folder.answer(path, &parts.method, &parts.uri, &parts.headers, &self.room.files);
                Box::pin(answer).await.unwrap_or_else(|refusal| problem(refusal.into()))
            }
            Err(Own::Refuse(refusal)) => problem(refusal.into()),
            Err(Own::Options(allow)) => answer::options(allow),
            Err(Own::Preflight(headers)) => answer::preflight(headers),
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
            response = answer::compressed(response, min, chosen, head, &self.room.compressions);
        }
        if is_file && response.status() == StatusCode::NOT_MODIFIED {
            files::unchanged(response.headers_mut());
        }
        stamp.put(response.headers_mut());
        response.map(|body| Kept::new(body, permit))
    }

    /// Answers a request that is done once. What has begun goes on when nobody waits for it any more: whoever asks again gets its
    /// answer.
    async fn once<B, F, G>(
        &self,
        once: Once<'_>,
        request: Request<Capped<B>>,
        call: impl FnOnce(Request<Capped<B>>) -> F,
        id: InvocationId,
        version: Version,
    ) -> Result<Response<AnswerBody<G>>, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
        F: Future<Output = Result<Response<G>, Failure>> + Send + 'static,
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static,
    {
        match once.begin(request).await? {
            Begun::Ask(claim, request) => {
                let settled = tokio::spawn(claim.settle(call(request), id, version));
                let settled = async { settled.await.unwrap_or(Err(Failure::Internal)) };
                self.unless_cut(settled).await
            }
            Begun::Replay(response) => Ok(response),
            Begun::Refuse(refusal) => Ok(Problem::from(refusal).into_response(id).map(AnswerBody::Host)),
        }
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
            target::as_of_http1(&mut request)?;
        } else {
            target::name_host(&mut request)?;
        }
        if let Some(blobs) = &self.blobs
            && let Some(signed) = blobs.read(request.method(), request.uri())
        {
            let (parts, body) = request.into_parts();
            let (body, fault) = Capped::new(body, None);
            return Ok(Step::Blob { blobs, signed: signed?, request: Request::from_parts(parts, body), fault });
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
        let once = match (&self.answers, &endpoint.keep) {
            (Some(answers), Some(keep)) => {
                keep.key(&parts.method, &parts.headers)?.map(|key| Once { answers, keep, key })
            }
            _ => None,
        };
        stamp.put(&mut parts.headers);
        origin.put(&mut parts.headers);
        if origin.secure || parts.uri.scheme().is_some() {
            target::say_scheme(&mut parts, origin.secure);
        }
        match invocation.trace.tracestate().and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => drop(parts.headers.insert(TRACESTATE, state)),
            None => drop(parts.headers.remove(TRACESTATE)),
        }
        let max = endpoint.request_body_max;
        // What is announced too large is refused before the client has sent it.
        if let Some(max) =
            max.filter(|max| answer::announced(&parts.headers).is_some_and(|length| length > max.as_u64()))
        {
            return Err(Refusal::TooLarge(max).into());
        }
        let (body, fault) = Capped::new(body, max);
        Ok(Step::Call { function, request: Request::from_parts(parts, body), fault, once })
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
        if missing || hosts.next().is_some() || !target::has_valid_host(request) {
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

#[cfg(test)]
mod tests;
