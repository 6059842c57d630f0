//! Bodies on their way through the door: a request's, with a limit; an answer's, with the length that it announced.

use super::blobs::BlobBody;
use super::client::SlowBody;
use super::compress::Compressed;
use super::encoding::Coding;
use super::files::FileBody;
use super::header as headers;
use super::problem::Refusal;
use bytes::Bytes;
use flint_model::lane::Permit;
use flint_model::{ByteSize, InvocationId};
use flint_world::RequestError;
use http_body::{Body, Frame, SizeHint};
use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::sync::OwnedSemaphorePermit;

/// Any error of a body.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A request's body, which yields an error when it grows over its limit. Its trailers count, and are cleaned as its headers are.
#[derive(Debug)]
pub struct Capped<B> {
    inner: Inner<B>,
    cap: Option<Cap>,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Inner<B> {
    /// As the client sends it.
    Client(B),
    /// It was read before.
    Whole(Bytes),
}

#[derive(Debug)]
struct Cap {
    max: ByteSize,
    left: u64,
}

/// Tells, after the body is gone, what its client did wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<OnceLock<Refusal>>);

impl Fault {
    /// What it was, if anything.
    pub(super) fn get(&self) -> Option<&Refusal> {
        self.0.get()
    }

    /// The first counts.
    fn set(this: Option<&Self>, refusal: Refusal) {
        if let Some(Self(fault)) = this {
            _ = fault.set(refusal);
        }
    }
}

impl<B: Body> Capped<B> {
    /// Passes a body on, `max` bytes of it at most. Without a body there is nothing that a client could do wrong.
    pub(super) fn new(inner: B, max: Option<ByteSize>) -> (Self, Option<Fault>) {
        let fault = (!inner.is_end_stream()).then(Fault::default);
        let cap = max.map(|max| Cap { max, left: max.as_u64() });
        (Self { inner: Inner::Client(inner), cap, fault: fault.clone() }, fault)
    }

    /// A body that was read before.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { inner: Inner::Whole(bytes), cap: None, fault: None }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Capped<B> {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        let this = &mut *self;
        let mut frame = match &mut this.inner {
            Inner::Client(body) => ready!(Pin::new(body).poll_frame(cx)),
            Inner::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
        };
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            headers::clean_trailers(trailers);
        }
        if let Some(cap) = &mut this.cap
            && let Some(Ok(frame)) = &frame
        {
            match cap.left.checked_sub(length(frame)) {
                Some(left) => cap.left = left,
                None => {
                    Fault::set(this.fault.as_ref(), Refusal::TooLarge(cap.max));
                    return Poll::Ready(Some(Err(RequestError::TooLarge(cap.max))));
                }
            }
        }
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| match error.into().downcast::<SlowBody>() {
                Ok(slow) => {
                    Fault::set(this.fault.as_ref(), Refusal::SlowBody(slow.0));
                    RequestError::Slow(slow.0)
                }
                Err(error) => RequestError::Client(error),
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Client(body) => body.is_end_stream(),
            Inner::Whole(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Client(body) => body.size_hint(),
            Inner::Whole(bytes) => SizeHint::with_exact(length_of(bytes)),
        }
    }
}

/// Says that a guest's body has another length than its `content-length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response body does not have the {declared} bytes that its content-length announced")]
pub struct WrongLength {
    /// What was announced.
    pub declared: u64,
}

/// The body of an answer: the host's own words, or a guest's.
#[derive(Debug)]
pub enum AnswerBody<G> {
    /// Complete. Empty where an answer has no body.
    Host(Bytes),
    /// A guest's, as it comes.
    Guest(Guest<G>),
    /// A guest's that comes in pieces and announced its length.
    Measured(Measured<G>),
    /// A file's.
    File(FileBody),
    /// A blob's.
    Blob(BlobBody),
    /// Any of them, whose beginning was read already.
    Begun(Bytes, Box<AnswerBody<G>>),
    /// Any of them, made smaller. In a box, for it is large and seldom there.
    Compressed(Box<Compressed<AnswerBody<G>>>),
    /// None: there was no memory to make it smaller.
    Broken(Option<io::Error>),
}

impl<G> AnswerBody<G> {
    /// A body whose beginning was read, as it was before that.
    pub(super) fn begun(beginning: Bytes, rest: Self) -> Self {
        Self::Begun(beginning, Box::new(rest))
    }

    /// The same, compressed.
    pub(super) fn compressed(self, coding: Coding, permit: OwnedSemaphorePermit) -> Self {
        match Compressed::new(self, coding, permit) {
            Ok(body) => Self::Compressed(Box::new(body)),
            // Its head is gone, so the answer can't be sent in another form.
            Err(error) => Self::Broken(Some(error)),
        }
    }
}

impl<G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for AnswerBody<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Host(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Guest(body) => {
                let frame = ready!(Pin::new(&mut body.inner).poll_frame(cx));
                if let (Some(invocation), Some(Ok(frame))) = (body.no_trailers, &frame)
                    && frame.is_trailers()
                {
                    tell_dropped_trailers(invocation, "it has no header `trailer`");
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Self::Measured(body) => Pin::new(body).poll_frame(cx),
            Self::File(body) => body.poll_frame(cx),
            Self::Blob(body) => body.poll_frame(cx),
            Self::Begun(beginning, _) if !beginning.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(beginning)))))
            }
            Self::Begun(_, rest) => Pin::new(&mut **rest).poll_frame(cx),
            Self::Compressed(body) => Pin::new(&mut **body).poll_frame(cx),
            Self::Broken(error) => Poll::Ready(error.take().map(|error| Err(error.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Host(bytes) => bytes.is_empty(),
            Self::Guest(body) => body.inner.is_end_stream(),
            Self::Measured(body) => body.done,
            Self::File(body) => body.left() == 0,
            Self::Blob(body) => body.left() == 0,
            Self::Begun(beginning, rest) => beginning.is_empty() && rest.is_end_stream(),
            Self::Compressed(body) => body.is_end_stream(),
            Self::Broken(error) => error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Host(bytes) => SizeHint::with_exact(length_of(bytes)),
            Self::Begun(beginning, rest) => match rest.size_hint().exact() {
                Some(left) => SizeHint::with_exact(left + length_of(beginning)),
                None => SizeHint::default(),
            },
            Self::Guest(body) => body.inner.size_hint(),
            // As announced: hyper would otherwise have to read it out of the header again.
            Self::Measured(body) => SizeHint::with_exact(body.left),
            Self::File(body) => SizeHint::with_exact(body.left()),
            Self::Blob(body) => SizeHint::with_exact(body.left()),
            Self::Compressed(_) | Self::Broken(_) => SizeHint::default(),
        }
    }
}

/// A body whose request counts until it is gone.
#[derive(Debug)]
pub struct Kept<B> {
    body: B,
    /// None: it was refused.
    _permit: Option<Permit>,
}

impl<B> Kept<B> {
    /// Keeps a permit with a body.
    pub(super) fn new(body: B, permit: Option<Permit>) -> Self {
        Self { body, _permit: permit }
    }
}

impl<B: Body + Unpin> Body for Kept<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body as it comes.
#[derive(Debug)]
pub struct Guest<G> {
    inner: G,
    /// Whose it is, if it announced no trailers: then HTTP sends none.
    no_trailers: Option<InvocationId>,
}

impl<G> Guest<G> {
    /// Passes a body on; `announced` says whether the answer's head speaks of trailers.
    pub(super) fn new(inner: G, invocation: InvocationId, announced: bool) -> Self {
        Self { inner, no_trailers: (!announced).then_some(invocation) }
    }
}

fn tell_dropped_trailers(invocation: InvocationId, why: &'static str) {
    tracing::debug!(%invocation, "the trailers of the answer are not sent: {why}");
}

/// A body that comes in pieces and has to have exactly the announced length.
///
/// The piece that completes it waits for the body's end. HTTP is done with a body at its last byte and drops it then, which
/// ends a guest that is still at work; and a guest that fails after its last byte, or writes more, must not look as if it had
/// answered well.
#[derive(Debug)]
pub struct Measured<G> {
    inner: G,
    invocation: InvocationId,
    declared: u64,
    left: u64,
    last: Option<Bytes>,
    done: bool,
}

impl<G> Measured<G> {
    /// Expects `declared` bytes.
    pub(super) fn new(inner: G, invocation: InvocationId, declared: u64) -> Self {
        Self { inner, invocation, declared, left: declared, last: None, done: false }
    }
}

impl<G: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Measured<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        loop {
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if frame.is_trailers() {
                        tell_dropped_trailers(this.invocation, "it has a header `content-length`");
                    }
                    // A body with a length has no trailers, and an empty piece says nothing.
                    let Some(data) = frame.into_data().ok().filter(|data| !data.is_empty()) else { continue };
                    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    let Some(left) = this.left.checked_sub(size).filter(|_| this.last.is_none()) else {
                        this.done = true;
                        return Poll::Ready(Some(Err(WrongLength { declared: this.declared }.into())));
                    };
                    if left > 0 {
                        this.left = left;
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    this.last = Some(data);
                }
                Some(Err(error)) => {
                    this.done = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => {
                    this.done = true;
                    return match this.last.take() {
                        Some(last) => {
                            this.left = 0;
                            Poll::Ready(Some(Ok(Frame::data(last))))
                        }
                        None if this.left == 0 => Poll::Ready(None),
                        None => Poll::Ready(Some(Err(WrongLength { declared: this.declared }.into()))),
                    };
                }
            }
        }
    }
}

fn length_of(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// How much a frame holds, of content or of trailers.
fn length(frame: &Frame<Bytes>) -> u64 {
    let trailers = frame.trailers_ref().into_iter().flatten();
    let trailers: usize = trailers.map(|(name, value)| name.as_str().len() + value.len()).sum();
    u64::try_from(frame.data_ref().map_or(0, Bytes::len) + trailers).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http::HeaderMap;
    use http_body_util::{BodyExt, StreamBody};

    #[tokio::test]
    async fn trailers_are_cleaned_as_headers_are_and_count_as_the_body_does() {
        let lines =
            ["x-sum", "flint-route", "x-forwarded-for", "host", "content-length", "connection", "authorization"];
        let trailers =
            HeaderMap::from_iter(lines.map(|name| (name.parse().expect("a name"), "12345".parse().expect("a value"))));
        for (max, fits) in [(None, true), (Some(14), true), (Some(13), false)] {
            let frames = [Frame::data(Bytes::from_static(b"body")), Frame::trailers(trailers.clone())];
            let body = StreamBody::new(stream::iter(frames.map(Ok::<_, BoxError>)));
            let (mut body, _) = Capped::new(body, max.map(ByteSize::bytes));
            assert!(body.frame().await.expect("a piece").is_ok());
            let last = body.frame().await.expect("trailers");
            assert_eq!(last.is_ok(), fits, "{max:?}");
            let Ok(last) = last else { continue };
            let names: Vec<_> =
                last.trailers_ref().expect("trailers").keys().map(|name| name.as_str().to_owned()).collect();
            assert_eq!(names, ["x-sum"]);
        }
    }
}
