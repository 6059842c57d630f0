//! Compresses a body on its way.
//!
//! Nothing is held back: when the function has no more for now, what is there is flushed, so that events of a stream arrive one
//! by one. Pieces that are there at once share a block.

use super::body::BoxError;
use super::encoding::Coding;
use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Body, Frame, SizeHint};
use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// How hard Brotli tries, of 11: as fast as gzip does by default, and smaller.
const BROTLI_QUALITY: u32 = 4;
/// The binary logarithm of what Brotli looks back to: its memory is a few times that.
const BROTLI_WINDOW: u32 = 18;
/// Room for Brotli's output before it is taken.
const BROTLI_BUFFER: usize = 4096;
/// How hard zstd tries: its default.
const ZSTD_LEVEL: i32 = 3;
/// The binary logarithm of what zstd looks back to.
const ZSTD_WINDOW: u32 = 18;
/// Pieces are taken together up to this size.
const PIECE: usize = 32 << 10;
/// How much is compressed before others get their turn.
const STEP: usize = 64 << 10;

/// A body that is compressed while it is read.
pub struct Compressed<B> {
    inner: B,
    /// What was read and is to be compressed yet.
    input: Bytes,
    /// None: all was said.
    encoder: Option<Encoder>,
    /// An encoder has memory of its own, so there are only so many.
    _permit: OwnedSemaphorePermit,
    /// Whether the encoder holds what was not given out.
    holds: bool,
    /// What comes behind the last piece.
    last: Option<Frame<Bytes>>,
}

impl<B> std::fmt::Debug for Compressed<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressed").field("holds", &self.holds).finish_non_exhaustive()
    }
}

enum Encoder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Brotli => {
                Self::Brotli(Box::new(CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW)))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.window_log(ZSTD_WINDOW)?;
                Self::Zstd(encoder)
            }
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
        })
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Brotli(encoder) => encoder.write_all(data),
            Self::Zstd(encoder) => encoder.write_all(data),
            Self::Gzip(encoder) => encoder.write_all(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Brotli(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }

    /// How much came out and was not taken.
    fn len(&self) -> usize {
        match self {
            Self::Brotli(encoder) => encoder.get_ref().len(),
            Self::Zstd(encoder) => encoder.get_ref().len(),
            Self::Gzip(encoder) => encoder.get_ref().len(),
        }
    }

    fn take(&mut self) -> Bytes {
        mem::take(match self {
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        })
        .into()
    }

    fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Zstd(encoder) => encoder.finish()?,
            Self::Gzip(encoder) => encoder.finish()?,
        }
        .into())
    }
}

impl<B> Compressed<B> {
    /// Compresses a body.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(super) fn new(inner: B, coding: Coding, permit: OwnedSemaphorePermit) -> io::Result<Self> {
        let encoder = Some(Encoder::new(coding)?);
        Ok(Self { inner, input: Bytes::new(), encoder, _permit: permit, holds: false, last: None })
    }

    /// All was said: what is left comes out.
    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.encoder.take().map(Encoder::finish) {
            Some(Ok(rest)) => Poll::Ready(Some(Ok(Frame::data(rest)))),
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => Poll::Ready(self.last.take().map(Ok)),
        }
    }
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Compressed<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let mut left = STEP;
        loop {
            let Some(encoder) = &mut this.encoder else { return this.end() };
            if left == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !this.input.is_empty() {
                let piece = this.input.split_to(this.input.len().min(left));
                left -= piece.len();
                encoder.write(&piece)?;
                this.holds = true;
                if encoder.len() >= PIECE {
                    return Poll::Ready(Some(Ok(Frame::data(encoder.take()))));
                }
                continue;
            }
            match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.input = data,
                    Err(trailers) => {
                        this.last = Some(trailers);
                        return this.end();
                    }
                },
                Poll::Ready(None) => return this.end(),
                Poll::Ready(Some(Err(error))) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Pending if this.holds => {
                    this.holds = false;
                    encoder.flush()?;
                    return Poll::Ready(Some(Ok(Frame::data(encoder.take()))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.last.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::mpsc;
    use http_body_util::{BodyExt, StreamBody};
    use std::io::Read;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    fn permit() -> OwnedSemaphorePermit {
        Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit")
    }

    const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    fn plain(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        // What is cut off is read as far as it goes.
        let _ = match coding {
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes).expect("a decoder").read_to_end(&mut plain),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        };
        plain
    }

    #[tokio::test]
    async fn what_was_compressed_is_what_comes_out() {
        for coding in CODINGS {
            for size in [0, 1, 100, 1 << 20] {
                let bytes: Vec<u8> = (0..size).map(|n: u32| u8::try_from(n / 7 % 251).expect("a byte")).collect();
                let pieces: Vec<_> = bytes
                    .chunks(50_000)
                    .map(|piece| Ok::<_, BoxError>(Frame::data(Bytes::copy_from_slice(piece))))
                    .collect();
                let body =
                    Compressed::new(StreamBody::new(futures::stream::iter(pieces)), coding, permit()).expect("a body");
                let packed = body.collect().await.expect("a body").to_bytes();
                assert!(plain(coding, &packed) == bytes, "{coding:?} {size}");
                assert!(size < 1000 || packed.len() < bytes.len() / 10, "{coding:?}: {} bytes", packed.len());
            }
        }
    }

    #[tokio::test]
    async fn what_is_there_is_not_held_back_and_trailers_and_errors_come_through() {
        for coding in CODINGS {
            let (sender, pieces) = mpsc::unbounded();
            let mut body = Compressed::new(StreamBody::new(pieces), coding, permit()).expect("a body");
            let mut seen = Vec::new();
            for event in ["data: 1\n\n", "data: 2\n\n"] {
                sender.unbounded_send(Ok(Frame::data(Bytes::from(event)))).expect("sent");
                let frame = body.frame().await.expect("a frame").expect("a frame").into_data().expect("data");
                seen.extend_from_slice(&frame);
                assert!(plain(coding, &seen).ends_with(event.as_bytes()), "{coding:?}");
            }
            let trailers = http::HeaderMap::from_iter([(http::header::ETAG, "x".parse().expect("a value"))]);
            sender.unbounded_send(Ok(Frame::trailers(trailers))).expect("sent");
            assert!(body.frame().await.expect("a frame").expect("a frame").is_data());
            assert!(body.frame().await.expect("a frame").expect("a frame").is_trailers());
            assert!(body.frame().await.is_none() && body.is_end_stream());

            let broken = futures::stream::iter([Ok(Frame::data(Bytes::from("x"))), Err("broken".into())]);
            let mut body = Compressed::new(StreamBody::new(broken), coding, permit()).expect("a body");
            assert_eq!(body.frame().await.expect("a frame").expect_err("an error").to_string(), "broken");
        }
    }
}
