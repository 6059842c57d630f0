//! Signed URLs of blobs: whoever has one may read or write one blob until it expires, and no function is asked.
//!
//! They are below one path that no route can take. What is read was put by anybody, and is served from the origin of the
//! functions: so it is told not to be sniffed, and as a page it may do nothing (`sandbox`).

use super::body::{AnswerBody, BoxError, Capped};
use super::files::condition::{Asked, Verdict, Version};
use super::files::range::Part;
use super::problem::Refusal;
use bytes::Bytes;
use flint_model::Clock;
use flint_stores::blob::sign::{SIGNED_PATH, Signed, SignedMethod, Signer};
use flint_stores::{
    BlobExpectation, BlobInfo, Commit, CommitError, Effect, Outcome, Range, ReadError, Stores, Unavailable, WriteError,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, request};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, UNIX_EPOCH};

/// Answers signed URLs.
pub struct Blobs {
    stores: Arc<dyn Stores>,
    signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
}

impl Blobs {
    /// Reads and writes blobs of these stores.
    pub fn new(stores: Arc<dyn Stores>, signer: Arc<Signer>, clock: Arc<dyn Clock>) -> Self {
        Self { stores, signer, clock }
    }

    /// The blob that a request is about, if its path is one of signed URLs.
    pub(super) fn read(&self, method: &Method, uri: &Uri) -> Option<Result<Signed, Refusal>> {
        let bucket = uri.path().strip_prefix(SIGNED_PATH)?;
        let signed = self.signer.read(self.clock.now(), bucket, uri.query().unwrap_or_default());
        Some(signed.map_err(Refusal::Signature).and_then(|signed| {
            let allowed = match signed.method {
                SignedMethod::Get => ["GET", "HEAD"].contains(&method.as_str()),
                SignedMethod::Put => *method == Method::PUT,
            };
            let allow = match signed.method {
                SignedMethod::Get => "GET, HEAD",
                SignedMethod::Put => "PUT",
            };
            if allowed { Ok(signed) } else { Err(Refusal::MethodNotAllowed(HeaderValue::from_static(allow))) }
        }))
    }

    /// Does what a URL allows.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such blob, a condition of the request does not hold, or the store refuses.
    pub(super) async fn answer<B, G>(
        &self,
        signed: Signed,
        request: Request<Capped<B>>,
    ) -> Result<Response<AnswerBody<G>>, Refusal>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let (parts, body) = request.into_parts();
        match signed.method {
            SignedMethod::Get => self.get(&signed, &parts).await,
            SignedMethod::Put => self.put(signed, &parts.headers, body).await,
        }
    }

    async fn get<G>(&self, signed: &Signed, parts: &request::Parts) -> Result<Response<AnswerBody<G>>, Refusal> {
        let Signed { bucket, key, .. } = signed;
        let info = self.stores.blobs().head(bucket, key).await.map_err(of_read)?.ok_or(Refusal::NoBlob)?;
        let version = version(&info);
        let asked = Asked { method: &parts.method, headers: &parts.headers };
        let part = match asked.judge(&version) {
            Verdict::Send => asked.range(&version),
            Verdict::Unchanged => {
                let mut response = Response::new(AnswerBody::Host(Bytes::new()));
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                version.put(response.headers_mut());
                return Ok(response);
            }
            Verdict::Failed => return Err(Refusal::PreconditionFailed),
        };
        let (status, start, length) = match part {
            Part::All => (StatusCode::OK, 0, info.size),
            Part::Some { start, length } => (StatusCode::PARTIAL_CONTENT, start, length),
            Part::None => return Err(Refusal::BadRange(info.size)),
        };
        let body = if parts.method == Method::HEAD {
            AnswerBody::Host(Bytes::new())
        } else {
            let range = Range::Span(start..start + length);
            let blob = self.stores.blobs().read(bucket, key, range).await.map_err(of_read)?.ok_or(Refusal::NoBlob)?;
            if blob.info.etag != info.etag {
                // It was overwritten between the two looks: what was judged is not what would be sent.
                return Err(Refusal::BlobStore(Unavailable::Overloaded));
            }
            AnswerBody::Blob(BlobBody::new(blob.body.bytes, length))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        describe(response.headers_mut(), &info, &version, length);
        if let Part::Some { start, length } = part {
            let range = format!("bytes {start}-{}/{}", start + length - 1, info.size);
            // Digits are a value.
            response
                .headers_mut()
                .extend(HeaderValue::try_from(range).ok().map(|range| (header::CONTENT_RANGE, range)));
        }
        Ok(response)
    }

    async fn put<B, G>(
        &self,
        signed: Signed,
        headers: &HeaderMap,
        mut body: Capped<B>,
    ) -> Result<Response<AnswerBody<G>>, Refusal>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let Signed { bucket, key, .. } = signed;
        let expect = expectation(headers)?;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let mut writer = self.stores.blobs().write(&bucket).await.map_err(of_write)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_broken| Refusal::CutShort)?;
            if let Ok(piece) = frame.into_data() {
                writer.write(piece).await.map_err(of_write)?;
            }
        }
        let content = writer.finish().await.map_err(of_write)?;
        let effect = Effect::BlobLink { bucket, key, content, content_type, metadata: BTreeMap::new(), expect };
        let committed = self.stores.commit(Commit::from(effect)).await.map_err(of_commit)?;
        let Some(Outcome::BlobLink { linked }) = committed.outcomes.into_iter().next() else {
            return Err(Refusal::BlobStore(Unavailable::Failed));
        };
        let mut response = Response::new(AnswerBody::Host(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let etag = HeaderValue::try_from(linked.etag.to_string());
        response.headers_mut().extend(etag.ok().map(|etag| (header::ETAG, etag)));
        Ok(response)
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("signer", &self.signer).finish_non_exhaustive()
    }
}

fn version(info: &BlobInfo) -> Version {
    let modified = UNIX_EPOCH + Duration::from_millis(info.modified_at.as_millis());
    Version::tagged(info.size, info.etag.to_string(), Some(modified))
}

fn describe(headers: &mut HeaderMap, info: &BlobInfo, version: &Version, length: u64) {
    version.put(headers);
    let kind = info.content_type.as_deref().and_then(|kind| HeaderValue::try_from(kind).ok());
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    // The URL is a secret: no cache that several share keeps what it leads to.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

/// What a request with conditions expects of the blob that it overwrites (RFC 9110, section 13).
fn expectation(headers: &HeaderMap) -> Result<Option<BlobExpectation>, Refusal> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(BlobExpectation::Absent)),
        (Some("*"), None) => Ok(Some(BlobExpectation::Exists)),
        // A tag that no blob has is met by none.
        (Some(tag), None) => {
            tag.parse().map(|etag| Some(BlobExpectation::Etag(etag))).map_err(|_| Refusal::PreconditionFailed)
        }
        _ => Err(Refusal::BadBlob("an upload has `if-match` with one etag, or `if-none-match: *`".to_owned())),
    }
}

fn of_read(error: ReadError) -> Refusal {
    match error {
        // The bucket was there when the URL was made.
        ReadError::NoSuch(_) => Refusal::NoBlob,
        ReadError::TooLarge(_) | ReadError::Invalid(_) => Refusal::BadBlob(error.to_string()),
        ReadError::Unavailable { reason } => Refusal::BlobStore(reason),
    }
}

fn of_write(error: WriteError) -> Refusal {
    match error {
        WriteError::NoSuch(_) => Refusal::NoBlob,
        WriteError::TooLarge(too_large) => Refusal::TooLarge(flint_model::ByteSize::bytes(too_large.limit)),
        WriteError::Unavailable { reason } => Refusal::BlobStore(reason),
    }
}

fn of_commit(error: CommitError) -> Refusal {
    match error {
        CommitError::BlobConflict { .. } => Refusal::PreconditionFailed,
        CommitError::NoSuch(_) => Refusal::NoBlob,
        CommitError::Unavailable { reason } => Refusal::BlobStore(reason),
        CommitError::Full { .. } => Refusal::BlobStore(Unavailable::Overloaded),
        other => Refusal::BadBlob(other.to_string()),
    }
}

/// The content of a blob, as its client takes it.
pub struct BlobBody {
    // Streams of the stores are not for several threads at once; nobody but the connection polls this one.
    blocks: Mutex<BoxStream<'static, Result<Bytes, ReadError>>>,
    left: u64,
}

impl BlobBody {
    fn new(blocks: BoxStream<'static, Result<Bytes, ReadError>>, left: u64) -> Self {
        Self { blocks: Mutex::new(blocks), left }
    }

    /// How much is still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let blocks = self.blocks.get_mut().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(ready!(blocks.poll_next_unpin(cx)).map(|block| {
            let block = block?;
            self.left = self.left.saturating_sub(block.len() as u64);
            Ok(Frame::data(block))
        }))
    }
}

impl fmt::Debug for BlobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobBody").field("left", &self.left).finish_non_exhaustive()
    }
}
