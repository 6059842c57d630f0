//! Requests with an `Idempotency-Key`: the work is done once, and its answer is given as often as it is asked for.
//!
//! Follows draft-ietf-httpapi-idempotency-key-header. Three steps, each durable before the next: the key is claimed, the
//! function is asked, its answer is kept; then the client gets it. What to do with a key that is known, a pure function says
//! ([`judge`]). Once a function is asked, it is asked to the end, also if the client goes: it will come again for the answer.
//!
//! A key is one of its route, and stands for one request: its method, target, `authorization` and body. What a function
//! answers with a status of 5xx is not kept, and neither is that it failed: then the next request with the key is new.

use super::answer;
use super::body::{AnswerBody, BoxError, Capped};
use super::problem::Refusal;
use bytes::{Bytes, BytesMut};
use flint_model::{ByteSize, InvocationId, StoreName};
use flint_stores::idempotency::{Answer, Fingerprint, Record, State, Verdict, judge};
use flint_stores::{Commit, CommitError, Effect, Expectation, Outcome, ReadError, Stores, Unavailable, Version};
use flint_world::{Failure, RequestMemory};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The header of a request.
pub const KEY: &str = "idempotency-key";
/// The header of an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in bytes.
pub const KEY_LENGTH_MAX: usize = 255;
/// How often a key that others change meanwhile is looked at before the client is asked to come again.
const LOOKS_MAX: usize = 3;

/// Keeps answers.
#[derive(Clone)]
pub struct Answers {
    stores: Arc<dyn Stores>,
    memory: Arc<RequestMemory>,
    /// This run of the host.
    host: InvocationId,
}

/// What a route keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// What tells the route from others: their keys are others.
    pub route: String,
    /// Whether a request must have a key.
    pub required: bool,
    /// How long an answer is kept.
    pub kept: Duration,
    /// The largest body of an answer that is kept.
    pub answer_size_max: ByteSize,
    /// The largest body of a request with a key: it is read whole, since it is part of what the key stands for.
    pub request_size_max: ByteSize,
    /// How long a key is claimed at most: as long as the function may take, and longer.
    pub lasts: Duration,
}

impl Keep {
    /// The key of a request, if it is to be done once.
    ///
    /// # Errors
    /// [`Refusal::NoIdempotencyKey`], [`Refusal::BadIdempotencyKey`].
    pub(super) fn key(&self, method: &Method, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        key(self.required, method, headers)
    }
}

/// The key of a request, if it is one that changes something and has a key.
///
/// # Errors
/// [`Refusal::NoIdempotencyKey`] if it is required and not there, [`Refusal::BadIdempotencyKey`].
pub fn key(required: bool, method: &Method, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    if ![Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method) {
        return Ok(None);
    }
    let mut keys = headers.get_all(KEY).iter();
    match (keys.next(), keys.next()) {
        (None, _) if required => Err(Refusal::NoIdempotencyKey),
        (None, _) => Ok(None),
        (Some(key), None) => unquoted(key).map(Some).ok_or(Refusal::BadIdempotencyKey),
        (Some(_), Some(_)) => Err(Refusal::BadIdempotencyKey),
    }
}

/// The text of a key: a string of RFC 9651, as the draft has it, or the same without quotes, as clients send it.
fn unquoted(key: &HeaderValue) -> Option<String> {
    let key = key.to_str().ok()?.trim();
    let text = match key.strip_prefix('"') {
        None => key.to_owned(),
        Some(rest) => {
            let mut text = String::new();
            let mut rest = rest.strip_suffix('"')?.chars();
            while let Some(c) = rest.next() {
                text.push(match c {
                    '\\' => rest.next().filter(|c| matches!(c, '"' | '\\'))?,
                    '"' => return None,
                    other => other,
                });
            }
            text
        }
    };
    ((1..=KEY_LENGTH_MAX).contains(&text.len()) && text.chars().all(|c| matches!(c, ' '..='~'))).then_some(text)
}

/// A request that is to be done once.
pub(super) struct Once<'r> {
    pub(super) answers: &'r Answers,
    pub(super) keep: &'r Keep,
    pub(super) key: String,
}

/// What to do with it.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Begun<B, G> {
    /// Ask the function, and let the claim have its answer.
    Ask(Claim, Request<Capped<B>>),
    /// Answer as before.
    Replay(Response<AnswerBody<G>>),
    Refuse(Refusal),
}

impl Once<'_> {
    /// Reads the request, and claims its key.
    ///
    /// # Errors
    /// [`Failure`], if the request can't be read.
    pub(super) async fn begin<B, G>(self, request: Request<Capped<B>>) -> Result<Begun<B, G>, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let (body, held) = self.answers.memory.read(body, self.keep.request_size_max).await?;
        let body = held.with(body);
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let who = parts.headers.get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
        let request = Fingerprint::of(&[parts.method.as_str().as_bytes(), target.as_bytes(), who, &body]);
        Ok(match self.claim(request).await {
            Ok(Claimed::ByUs(claim)) => Begun::Ask(claim, Request::from_parts(parts, Capped::whole(body))),
            Ok(Claimed::Answered(answer)) => Begun::Replay(replay(answer)),
            Err(refusal) => Begun::Refuse(refusal),
        })
    }

    async fn claim(&self, request: Fingerprint) -> Result<Claimed, Refusal> {
        let key = Fingerprint::of(&[self.keep.route.as_bytes(), self.key.as_bytes()]).key();
        let Answers { stores, host, .. } = self.answers;
        for _ in 0..LOOKS_MAX {
            let found = stores.kv().get(&StoreName::answers(), &key).await.map_err(of_read)?;
            let expect = found.as_ref().map_or(Expectation::Absent, |entry| Expectation::Version(entry.version));
            let record = found.and_then(|entry| Record::parse(&entry.value));
            match judge(record, request, *host) {
                Verdict::Work => {}
                Verdict::Replay(answer) => return Ok(Claimed::Answered(answer)),
                Verdict::Mismatch => return Err(Refusal::IdempotencyMismatch),
                Verdict::Wait => return Err(Refusal::IdempotencyRunning),
                Verdict::Lost => return Err(Refusal::IdempotencyLost),
            }
            let (answers, keep) = (self.answers.clone(), self.keep.clone());
            let claim = Claim { answers, keep, key: key.clone(), request, version: 0 };
            match claim.put(State::Running { host: host.to_bytes() }, self.keep.lasts, expect).await {
                Ok(version) => return Ok(Claimed::ByUs(Claim { version, ..claim })),
                // Another one was faster: what it found is another by now.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(of_commit(&error)),
            }
        }
        Err(Refusal::IdempotencyRunning)
    }
}

enum Claimed {
    ByUs(Claim),
    Answered(Answer),
}

/// A key that one request holds.
pub(super) struct Claim {
    answers: Answers,
    keep: Keep,
    key: String,
    request: Fingerprint,
    version: Version,
}

impl Claim {
    /// Waits for the function's answer, and keeps it before anybody else sees it.
    ///
    /// # Errors
    /// That of the function. Then the key is free again.
    pub(super) async fn settle<G>(
        self,
        asked: impl Future<Output = Result<Response<G>, Failure>>,
        id: InvocationId,
        version: http::Version,
    ) -> Result<Response<AnswerBody<G>>, Failure>
    where
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let answered = match asked.await {
            Ok(response) => answer::finish(response, id, false, version).await,
            Err(failure) => Err(failure),
        };
        let read = match answered {
            Ok(response) if !response.status().is_server_error() => self.read(response).await,
            other => {
                self.release().await;
                return other;
            }
        };
        match read {
            Ok(Read::Whole(parts, body)) => {
                self.end(State::Answered(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers.iter().map(line).collect(),
                    body: body.to_vec(),
                }))
                .await;
                Ok(Response::from_parts(parts, AnswerBody::Host(body)))
            }
            Ok(Read::Part(response)) => {
                let limit = self.keep.answer_size_max;
                tracing::warn!(
                    invocation = %id, %limit,
                    "an answer is too large to be kept for its `Idempotency-Key`; `idempotency.answer-size-max` says how large it may be"
                );
                self.end(State::Lost).await;
                Ok(response)
            }
            Err(failure) => {
                self.release().await;
                Err(failure)
            }
        }
    }

    /// Reads an answer whole, if it is not too large for that.
    async fn read<G>(&self, response: Response<AnswerBody<G>>) -> Result<Read<G>, Failure>
    where
        G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let (parts, mut body) = response.into_parts();
        let mut held = self.answers.memory.hold(0)?;
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::NoAnswer(error.to_string()))?;
            // Trailers are not kept, so nobody gets them: all who ask are answered alike.
            let Ok(data) = frame.into_data() else { continue };
            all.extend_from_slice(&data);
            if all.len() > self.keep.answer_size_max.as_usize() || held.grow_to(all.len()).is_err() {
                let body = AnswerBody::begun(held.with(all.freeze()), body);
                return Ok(Read::Part(Response::from_parts(parts, body)));
            }
        }
        Ok(Read::Whole(parts, held.with(all.freeze())))
    }

    /// Says what came of it. An answer that can't be kept is given all the same: the client that has it need not come again.
    async fn end(&self, state: State) {
        if let Err(error) = self.put(state, self.keep.kept, Expectation::Version(self.version)).await {
            tracing::error!(%error, "an answer could not be kept for its `Idempotency-Key`");
        }
    }

    /// Gives the key up: nothing came of it.
    async fn release(&self) {
        let (store, expect) = (StoreName::answers(), Some(Expectation::Version(self.version)));
        let delete = Effect::KvDelete { store, key: self.key.clone(), expect };
        if let Err(error) = self.answers.stores.commit(delete.into()).await {
            tracing::warn!(%error, "an `Idempotency-Key` stays claimed for a while, since it could not be given up");
        }
    }

    async fn put(&self, state: State, lasts: Duration, expect: Expectation) -> Result<Version, CommitError> {
        let stores = &self.answers.stores;
        let put = Effect::KvPut {
            store: StoreName::answers(),
            key: self.key.clone(),
            value: Record { request: self.request, state }.to_bytes(),
            expires_at: Some(stores.now().saturating_add(lasts)),
            expect: Some(expect),
        };
        let committed = stores.commit(Commit::from(put)).await?;
        match committed.outcomes[..] {
            [Outcome::KvPut { version }] => Ok(version),
            _ => Err(Unavailable::Failed.into()),
        }
    }
}

/// How much of an answer is here.
enum Read<G> {
    Whole(http::response::Parts, Bytes),
    Part(Response<AnswerBody<G>>),
}

fn line((name, value): (&HeaderName, &HeaderValue)) -> (String, Vec<u8>) {
    (name.to_string(), value.as_bytes().to_vec())
}

/// The answer as it was given before, and that it was.
fn replay<G>(answer: Answer) -> Response<AnswerBody<G>> {
    let mut response = Response::new(AnswerBody::Host(Bytes::from(answer.body)));
    // What was a status and a header when it was kept is one now.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn of_read(error: ReadError) -> Refusal {
    match error {
        ReadError::Unavailable { reason } => Refusal::AnswerStore(reason),
        _ => Refusal::AnswerStore(Unavailable::Failed),
    }
}

fn of_commit(error: &CommitError) -> Refusal {
    match error {
        CommitError::Unavailable { reason } => Refusal::AnswerStore(*reason),
        _ => Refusal::AnswerStore(Unavailable::Failed),
    }
}

impl Answers {
    /// Keeps answers in these stores, and counts what it holds in this memory.
    pub fn new(stores: Arc<dyn Stores>, memory: Arc<RequestMemory>) -> Self {
        Self { stores, memory, host: InvocationId::now() }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_quoted_string_or_the_same_without_quotes() {
        let long = "k".repeat(KEY_LENGTH_MAX);
        for (header, key) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"a \\\" b \\\\\"", Some("a \" b \\")),
            (long.as_str(), Some(long.as_str())),
            (&format!("{long}k"), None),
            ("\"open", None),
            ("\"", None),
            ("\"\"", None),
            ("", None),
            ("\"a\"b\"", None),
            ("\"a\\n\"", None),
            ("\"a\\\"", None),
        ] {
            let value = HeaderValue::from_str(header).expect("a value");
            assert_eq!(unquoted(&value).as_deref(), key, "{header}");
        }
        assert_eq!(unquoted(&HeaderValue::from_bytes(b"gr\xFCn").expect("a value")), None);
    }
}
