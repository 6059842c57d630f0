//! A body that the host holds: of a request that came in, or of an answer to one that went out.

use bytes::Bytes;
use wit_bindgen::{FutureReader, StreamReader, StreamResult};

use super::HeaderMap;
use super::body::BodyError;
use super::wire::{self, Outgoing, Trailers};
use crate::bindings::imports::wasi::http0_3_0::types as wasi;
use crate::bindings::imports::wit_future;

/// How much one read asks for: what a host with ordinary socket buffers has at hand.
const READ_SIZE: usize = 16 * 1024;

/// The state of reading.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Nobody has asked for the body yet. Most requests have none, and then the stream is never made.
    Unopened(Unopened),
    /// Bytes may follow.
    Open(StreamReader<u8>, FutureReader<Trailers>),
    /// All was read.
    Complete(Option<HeaderMap>),
    /// It broke off, or is being read by a future that was dropped meanwhile.
    Broken(String),
}

/// A message whose body is still the host's, and the way to open it.
///
/// The way is a value, so that a function carries the code only for the messages that it can meet.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// A request that came in.
    Request(wasi::Request, fn(wasi::Request) -> Opened),
    /// An answer to a request that went out.
    Response(wasi::Response, fn(wasi::Response) -> Opened),
}

type Opened = (StreamReader<u8>, FutureReader<Trailers>);

impl Unopened {
    pub(crate) fn request(request: wasi::Request) -> Self {
        Self::Request(request, |request| wasi::Request::consume_body(request, handled()))
    }

    pub(crate) fn response(response: wasi::Response) -> Self {
        Self::Response(response, |response| wasi::Response::consume_body(response, handled()))
    }

    fn open(self) -> Opened {
        match self {
            Self::Request(request, open) => open(request),
            Self::Response(response, open) => open(response),
        }
    }
}

/// The host is told at once that a message will be handled: the guest has no error to report for it later.
fn handled() -> FutureReader<Result<(), wasi::ErrorCode>> {
    let (handled, result) = wit_future::new(|| Ok(()));
    drop(handled);
    result
}

impl Incoming {
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self {
                Self::Unopened(_) => self.open(),
                Self::Complete(_) => return Ok(None),
                Self::Broken(why) => return Err(BodyError::Incomplete(why.clone())),
                Self::Open(stream, _) => {
                    let (result, bytes) = stream.read(Vec::with_capacity(READ_SIZE)).await;
                    if !bytes.is_empty() {
                        return Ok(Some(bytes.into()));
                    }
                    if result == StreamResult::Dropped {
                        self.close().await;
                    }
                }
            }
        }
    }

    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self {
            Self::Complete(trailers) => trailers.take(),
            Self::Unopened(_) | Self::Open(..) | Self::Broken(_) => None,
        }
    }

    /// What is left of the body as the host knows it, to be sent on without being read.
    pub(crate) fn into_outgoing(mut self) -> Outgoing {
        if let Self::Unopened(_) = self {
            self.open();
        }
        match self {
            Self::Open(stream, trailers) => (Some(stream), trailers),
            // Read to its end, it is a body of no bytes; its trailers belong to who read it.
            Self::Complete(_) | Self::Unopened(_) => (None, wire::no_trailers()),
            Self::Broken(_) => (None, wire::incomplete()),
        }
    }

    fn open(&mut self) {
        let unread = Self::Broken("reading was given up".to_owned());
        *self = match core::mem::replace(self, unread) {
            Self::Unopened(message) => {
                let (stream, trailers) = message.open();
                Self::Open(stream, trailers)
            }
            opened => opened,
        };
    }

    /// Learns from the trailers whether the body is complete.
    async fn close(&mut self) {
        let unread = Self::Broken("reading was given up".to_owned());
        let Self::Open(stream, trailers) = core::mem::replace(self, unread) else {
            return;
        };
        drop(stream);
        *self = match trailers.await {
            Ok(trailers) => Self::Complete(trailers.map(|fields| wire::headers(&fields))),
            Err(code) => Self::Broken(wire::describe(code)),
        };
    }
}
