//! The memory that requests and answers take while they are held whole: all of them together have a bound.
//!
//! A request waits whole for its instance where the guest wants it whole, and its answer for the client, when the instance is
//! free again; so bursts of large ones would otherwise be limited by nothing but the number of those that may wait, and clients
//! that do not read by nothing at all.

use crate::failure::Failure;
use bytes::{Bytes, BytesMut};
use flint_model::ByteSize;
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what is held, of all functions.
#[derive(Debug)]
pub struct RequestMemory {
    held: AtomicU64,
    max: ByteSize,
}

/// Bytes of one request or answer, until it is dropped.
#[derive(Debug)]
pub struct Held {
    memory: Arc<RequestMemory>,
    bytes: u64,
}

impl RequestMemory {
    /// Nothing is held, and never more than `max`.
    pub fn new(max: ByteSize) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), max })
    }

    /// How many bytes are held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// Holds so many bytes.
    ///
    /// # Errors
    /// [`Failure::RequestMemory`] if others hold too much: a retry can help when they are done.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Result<Held, Failure> {
        let mut held = Held { memory: Arc::clone(self), bytes: 0 };
        held.grow_to(bytes)?;
        Ok(held)
    }

    /// Holds an answer until the last part of it is dropped.
    ///
    /// # Errors
    /// [`Failure::RequestMemory`] if others hold too much: a retry can help when they are done.
    pub(crate) fn keep(self: &Arc<Self>, bytes: Bytes) -> Result<Bytes, Failure> {
        Ok(self.hold(bytes.len())?.with(bytes))
    }

    /// Reads a body of `limit` bytes at most. It holds what is there, not what is announced: a client that announces much and
    /// sends nothing keeps nobody out. But what is announced and does not fit now is refused before it is sent.
    ///
    /// # Errors
    /// [`Failure::TooLarge`], [`Failure::RequestMemory`], or [`Failure::BadRequest`] if the body ends early.
    pub async fn read<B>(self: &Arc<Self>, body: B, limit: ByteSize) -> Result<(Bytes, Held), Failure>
    where
        B: Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let too_large = || Failure::TooLarge { what: "request", limit };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit.as_usize() {
            return Err(too_large());
        }
        let mut held = self.hold(0)?;
        held.fits(announced)?;
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::BadRequest("the request body ended early".to_owned()))?;
            // The handler gets no trailers.
            let Ok(data) = frame.into_data() else { continue };
            let size = first.len() + all.len() + data.len();
            if size > limit.as_usize() {
                return Err(too_large());
            }
            held.grow_to(size)?;
            if size == data.len() {
                // Most bodies come in one piece, which need not be copied.
                first = data;
                continue;
            }
            all.reserve(announced.saturating_sub(all.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
        Ok((if all.is_empty() { first } else { all.freeze() }, held))
    }
}

/// An answer, and that it is held.
struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    /// Bytes that are held until the last part of them is dropped.
    pub fn with(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Kept { bytes, _held: self })
    }

    fn fits(&self, bytes: usize) -> Result<(), Failure> {
        let sum = self.memory.held.load(Relaxed).saturating_add(bytes as u64);
        if sum > self.memory.max.as_u64() { Err(Failure::RequestMemory(self.memory.max)) } else { Ok(()) }
    }

    /// Holds so many bytes, if it holds less.
    ///
    /// # Errors
    /// [`Failure::RequestMemory`] if others hold too much; it holds what it held.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Failure> {
        let more = (bytes as u64).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let max = self.memory.max.as_u64();
        let fits = |now: u64| now.checked_add(more).filter(|sum| *sum <= max);
        self.memory.held.try_update(Relaxed, Relaxed, fits).map_err(|_| Failure::RequestMemory(self.memory.max))?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.held.fetch_sub(self.bytes, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use std::convert::Infallible;

    const LIMIT: ByteSize = ByteSize::bytes(10);

    fn pieces(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        StreamBody::new(stream::iter(frames).boxed())
    }

    fn read<B: Body<Data = Bytes>>(memory: &Arc<RequestMemory>, body: B) -> Result<(Bytes, Held), Failure> {
        memory.read(body, LIMIT).now_or_never().expect("it is all there")
    }

    #[test]
    fn a_body_is_what_its_pieces_are_and_is_held_until_it_is_dropped() {
        let memory = RequestMemory::new(ByteSize::bytes(15));
        for body in [&["0123456789"][..], &["01", "234", "", "56789"], &["", "0123456789"]] {
            let (bytes, held) = read(&memory, pieces(body)).expect("it fits");
            assert_eq!((&bytes[..], held.bytes), (&b"0123456789"[..], 10), "{body:?}");
            let refused = read(&memory, pieces(&["012", "345"])).map(drop);
            assert_eq!(refused, Err(Failure::RequestMemory(ByteSize::bytes(15))));
            let announced = read(&memory, Full::new(Bytes::from_static(b"012345"))).map(drop);
            assert_eq!(announced, Err(Failure::RequestMemory(ByteSize::bytes(15))));
            drop(held);
            assert_eq!(memory.held.load(Relaxed), 0);
        }
    }

    #[test]
    fn an_answer_is_held_until_its_last_piece_is_gone() {
        let memory = RequestMemory::new(ByteSize::bytes(15));
        let mut answer = memory.keep(Bytes::from_static(b"0123456789")).expect("it fits");
        let first = answer.split_to(4);
        assert_eq!(memory.keep(Bytes::from_static(b"012345")), Err(Failure::RequestMemory(ByteSize::bytes(15))));
        drop(answer);
        assert_eq!((&first[..], memory.held.load(Relaxed)), (&b"0123"[..], 10));
        drop(first);
        assert_eq!(memory.held.load(Relaxed), 0);
    }

    #[test]
    fn a_body_that_is_too_large_is_not_read_to_its_end() {
        let memory = RequestMemory::new(ByteSize::bytes(100));
        for refused in [
            read(&memory, pieces(&["0123456", "0123456"])).map(drop),
            read(&memory, Full::new(Bytes::from_static(b"01234567890"))).map(drop),
        ] {
            assert_eq!(refused, Err(Failure::TooLarge { what: "request", limit: LIMIT }));
        }
        assert_eq!(memory.held.load(Relaxed), 0);
    }
}
