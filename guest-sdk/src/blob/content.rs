//! Content that is read.

use bytes::{Bytes, BytesMut};
use wit_bindgen::{FutureReader, StreamReader, StreamResult};

use super::bucket::Info;
use super::error::Error;
use crate::bindings::imports::flint::platform::blob as wit;

/// How much one read asks for.
const READ_SIZE: usize = 64 * 1024;

/// Says how the content came to its end.
type End = FutureReader<Result<(), wit::Error>>;

/// A blob that is being read.
///
/// ```
/// use flint_sdk::blob::{Blob, Error};
///
/// async fn count_lines(mut blob: Blob) -> Result<usize, Error> {
///     let mut lines = 0;
///     while let Some(chunk) = blob.content.chunk().await? {
///         lines += chunk.iter().filter(|byte| **byte == b'\n').count();
///     }
///     Ok(lines)
/// }
/// ```
#[derive(Debug)]
pub struct Blob {
    /// What is known about it.
    pub info: Info,
    /// Its content, or the part that was asked for.
    pub content: Content,
}

/// The content of a blob, as it was when it was opened: it is read to its end whatever is put there meanwhile.
///
/// ```
/// use flint_sdk::blob::{Content, Error};
///
/// async fn text(content: Content) -> Result<String, Error> {
///     Ok(String::from_utf8_lossy(&content.bytes().await?).into_owned())
/// }
/// ```
#[derive(Debug)]
pub struct Content {
    /// None when all was read.
    open: Option<(StreamReader<u8>, End)>,
}

impl Content {
    pub(super) fn new(stream: StreamReader<u8>, end: End) -> Self {
        Self { open: Some((stream, end)) }
    }

    /// Reads the next piece; none when the content is complete. Pieces are never empty.
    ///
    /// ```
    /// # async fn example(mut content: flint_sdk::blob::Content) -> Result<(), flint_sdk::blob::Error> {
    /// while let Some(chunk) = content.chunk().await? {
    ///     println!("{} bytes", chunk.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::TooLarge`] if it can't be read to its end: what was read so far is not the whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some((stream, _)) = &mut self.open {
            let (result, bytes) = stream.read(Vec::with_capacity(READ_SIZE)).await;
            if !bytes.is_empty() {
                return Ok(Some(bytes.into()));
            }
            if result == StreamResult::Dropped
                && let Some((stream, end)) = self.open.take()
            {
                drop(stream);
                end.await?;
            }
        }
        Ok(None)
    }

    /// Reads all that is left.
    ///
    /// ```
    /// # async fn example(content: flint_sdk::blob::Content) -> Result<(), flint_sdk::blob::Error> {
    /// let bytes = content.bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Content::chunk`].
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}
