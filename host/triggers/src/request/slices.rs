//! A body in slices: HTTP takes a piece as a whole and lets go of the body with the last one, however little the client takes.
//!
//! So the body, and with it the time-outs of its client, lives until little is left of it.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The largest piece that is handed out: the largest frame that a client of HTTP/2 takes unless it says otherwise (RFC 9113,
/// section 6.5.2).
const SLICE: usize = 16 << 10;

/// See the module. A piece that is small enough passes as it is.
pub(super) struct Slices<B> {
    body: B,
    /// What is left of the last piece.
    rest: Bytes,
}

impl<B> Slices<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, rest: Bytes::new() }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Slices<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data(),
                ended => return Poll::Ready(ended),
            };
            match frame {
                Ok(data) if data.len() > SLICE => this.rest = data,
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked for before the first piece, when there is no rest.
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http::HeaderMap;
    use http_body_util::{BodyExt, Full, StreamBody};
    use std::convert::Infallible;

    #[tokio::test]
    async fn a_large_piece_comes_in_slices_and_ends_with_the_last() {
        let bytes: Bytes = (0..40_000_u32).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
        let mut body = Slices::new(Full::new(bytes.clone()));
        assert_eq!(body.size_hint().exact(), Some(40_000));
        let mut seen = Vec::new();
        for (length, is_end) in [(SLICE, false), (SLICE, false), (40_000 - 2 * SLICE, true)] {
            let slice = body.frame().await.expect("a piece").expect("a piece").into_data().expect("data");
            assert_eq!((slice.len(), body.is_end_stream()), (length, is_end));
            seen.extend_from_slice(&slice);
        }
        assert_eq!(seen, bytes);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_small_piece_passes_as_it_is_and_so_do_trailers() {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().expect("a value"))]);
        let frames = [Frame::data(Bytes::from_static(b"small")), Frame::trailers(trailers)];
        let frames = frames.map(Ok::<_, Infallible>);
        let mut body = Slices::new(StreamBody::new(stream::iter(frames)));
        let piece = body.frame().await.expect("a piece").expect("a piece").into_data().expect("data");
        assert_eq!(piece.as_ptr(), b"small".as_ptr());
        assert!(body.frame().await.expect("a frame").expect("a frame").is_trailers());
        assert!(body.frame().await.is_none());
    }
}
