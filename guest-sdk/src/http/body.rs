//! The body of a message: whole, coming from the host, or written by the function while the other side reads.

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;

use super::HeaderMap;
use super::channel::{self, Receiver, Sender};
use super::incoming::Incoming;
use super::json::JsonError;

/// The body of a request or a response.
///
/// A body that was received is read [piece by piece](Body::chunk) or [whole](Body::bytes), and only as fast as the reader
/// asks: what is not read stays with the sender. A received body may be sent on as it is, in an answer or in a request,
/// and then its bytes never enter the memory of the function.
///
/// ```
/// use flint_sdk::http::{Body, BodyError};
///
/// async fn count_lines(mut body: Body) -> Result<usize, BodyError> {
///     let mut lines = 0;
///     while let Some(chunk) = body.chunk().await? {
///         lines += chunk.iter().filter(|byte| **byte == b'\n').count();
///     }
///     Ok(lines)
/// }
/// ```
#[derive(Debug, Default)]
pub struct Body(pub(crate) Source);

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Source {
    /// All here, possibly none.
    Whole(Bytes),
    /// With the host.
    Incoming(Incoming),
    /// With another part of this function, which holds the [`Sender`].
    Channel(Receiver),
}

impl Default for Source {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

/// Why a body could not be read to its end.
///
/// ```
/// use flint_sdk::http::{BodyError, Problem, StatusCode};
///
/// let problem = Problem::from(BodyError::TooLarge { limit: 1024 });
/// assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The sender went away before the body was complete. A retry by the sender can help.
    #[error("the body is cut short: {0}")]
    Incomplete(String),
    /// The body is larger than the reader allows. A retry can't help.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// What the reader allows, in bytes.
        limit: usize,
    },
}

impl Body {
    /// How much [`Body::bytes`] and its kin read at most, unless they are told: 6 MiB, like the host's own default for
    /// buffered requests.
    ///
    /// ```
    /// assert_eq!(flint_sdk::http::Body::LIMIT, 6 << 20);
    /// ```
    pub const LIMIT: usize = 6 * 1024 * 1024;

    /// A body of no bytes.
    ///
    /// ```
    /// assert_eq!(flint_sdk::http::Body::empty().len(), Some(0));
    /// ```
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body that is written while it is sent, and the end to write into.
    ///
    /// One piece is held between writer and reader: [`Sender::send`] waits until the reader has taken the piece before,
    /// so a slow client slows the writer down and memory stays small. Write from a task of its own:
    ///
    /// ```
    /// use flint_sdk::http::{Body, IntoResponse, Request};
    ///
    /// #[flint_sdk::http]
    /// async fn count(_: Request) -> Body {
    ///     let (mut sender, body) = Body::channel();
    ///     flint_sdk::spawn(async move {
    ///         for n in 0..1_000 {
    ///             if sender.send(format!("{n}\n")).await.is_err() {
    ///                 return; // The client is gone.
    ///             }
    ///         }
    ///         sender.finish();
    ///     });
    ///     body
    /// }
    /// ```
    pub fn channel() -> (Sender, Self) {
        let (sender, receiver) = channel::new();
        (sender, Self(Source::Channel(receiver)))
    }

    /// The length in bytes, if it is known before reading: for bodies that are whole.
    ///
    /// ```
    /// assert_eq!(flint_sdk::http::Body::from("four").len(), Some(4));
    /// ```
    #[expect(clippy::len_without_is_empty, reason = "whether a stream is empty is unknown until it is read")]
    pub fn len(&self) -> Option<usize> {
        match &self.0 {
            Source::Whole(bytes) => Some(bytes.len()),
            Source::Incoming(_) | Source::Channel(_) => None,
        }
    }

    /// Reads the next piece; none when the body is complete.
    ///
    /// Pieces are never empty and have the sizes in which they came. Dropping the future loses nothing but what it was
    /// about to return.
    ///
    /// ```
    /// # async fn example(mut body: flint_sdk::http::Body) -> Result<(), flint_sdk::http::BodyError> {
    /// while let Some(chunk) = body.chunk().await? {
    ///     println!("{} bytes", chunk.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BodyError::Incomplete`] if the sender went away before the end: what was read so far is not the whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        match &mut self.0 {
            Source::Whole(bytes) if bytes.is_empty() => Ok(None),
            Source::Whole(bytes) => Ok(Some(core::mem::take(bytes))),
            Source::Incoming(incoming) => incoming.chunk().await,
            Source::Channel(receiver) => receiver.chunk().await,
        }
    }

    /// Reads what is left of the body, drops it, and answers the trailers: header fields that came behind the body.
    ///
    /// ```
    /// # async fn example(mut body: flint_sdk::http::Body) -> Result<(), flint_sdk::http::BodyError> {
    /// if let Some(trailers) = body.trailers().await? {
    ///     println!("checksum: {:?}", trailers.get("checksum"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BodyError::Incomplete`], as for [`Body::chunk`].
    pub async fn trailers(&mut self) -> Result<Option<HeaderMap>, BodyError> {
        while self.chunk().await?.is_some() {}
        Ok(match &mut self.0 {
            Source::Whole(_) => None,
            Source::Incoming(incoming) => incoming.take_trailers(),
            Source::Channel(receiver) => receiver.take_trailers(),
        })
    }

    /// Reads the whole body, at most [`Body::LIMIT`] bytes.
    ///
    /// ```
    /// # async fn example(body: flint_sdk::http::Body) -> Result<(), flint_sdk::http::BodyError> {
    /// let bytes = body.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Either of [`BodyError`].
    pub async fn bytes(self) -> Result<Bytes, BodyError> {
        self.bytes_up_to(Self::LIMIT).await
    }

    /// Reads the whole body, at most `limit` bytes.
    ///
    /// ```
    /// # async fn example(body: flint_sdk::http::Body) -> Result<(), flint_sdk::http::BodyError> {
    /// let small = body.bytes_up_to(1024).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Either of [`BodyError`]; [`BodyError::TooLarge`] without reading on.
    pub async fn bytes_up_to(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let too_large = BodyError::TooLarge { limit };
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit {
            return Err(too_large);
        }
        // Most bodies are one piece, which then is not copied.
        let Some(mut next) = self.chunk().await? else {
            return Ok(first);
        };
        let mut whole = BytesMut::from(first);
        loop {
            if next.len() > limit - whole.len() {
                return Err(too_large);
            }
            whole.extend_from_slice(&next);
            match self.chunk().await? {
                Some(chunk) => next = chunk,
                None => return Ok(whole.freeze()),
            }
        }
    }

    /// Reads the whole body as JSON, at most [`Body::LIMIT`] bytes, whatever its content type.
    ///
    /// ```
    /// # async fn example(body: flint_sdk::http::Body) -> Result<(), flint_sdk::http::JsonError> {
    /// let numbers: Vec<u64> = body.json().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JsonError::Body`] or [`JsonError::Syntax`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, JsonError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(JsonError::Syntax)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Whole(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests;
