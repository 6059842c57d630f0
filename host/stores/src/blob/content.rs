//! Content that is written and not linked yet.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use flint_model::ContentId;

use crate::BoxFuture;
use crate::blob::Etag;
use crate::refusal::{Missing, TooLarge, Unavailable};

/// Takes the bytes of one content, a piece at a time.
///
/// Dropping it leaves nothing.
pub trait ContentWriter: Send {
    /// Adds the next bytes, and waits for room: a writer holds a block or two in memory, however much comes.
    ///
    /// A writer of which such a future was dropped, or failed, can only be dropped: all else is refused.
    ///
    /// # Errors
    /// [`WriteError`].
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), WriteError>>;

    /// Makes the content durable. Nobody sees it before a commit links it.
    ///
    /// # Errors
    /// [`WriteError`]. Then nothing is left of it.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Content, WriteError>>;
}

/// Content that was written: a commit can link it, as often as it likes, for as long as somebody holds this.
///
/// What is not linked when the last clone is dropped is removed, and if the process ends before, some time after it starts
/// again. Small content may travel in here instead of being written anywhere.
#[derive(Clone)]
pub struct Content {
    id: ContentId,
    size: u64,
    etag: Etag,
    inline: Option<Bytes>,
    // Whoever drops the last clone lets the engine know.
    _hold: Option<Arc<dyn Any + Send + Sync>>,
}

impl Content {
    /// Small content, which the commit brings along.
    pub fn inline(id: ContentId, bytes: Bytes, etag: Etag) -> Self {
        Self { id, size: bytes.len() as u64, etag, inline: Some(bytes), _hold: None }
    }

    /// Content that the engine has put aside, and keeps for as long as `hold` is not dropped.
    pub fn aside(id: ContentId, size: u64, etag: Etag, hold: Arc<dyn Any + Send + Sync>) -> Self {
        Self { id, size, etag, inline: None, _hold: Some(hold) }
    }

    /// Its id, of this engine alone.
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// Its bytes, in number.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of its bytes.
    pub fn etag(&self) -> Etag {
        self.etag
    }

    /// Its bytes, if they are not put aside.
    pub fn bytes(&self) -> Option<&Bytes> {
        self.inline.as_ref()
    }
}

/// Two are equal if they are one content; not if their bytes are the same, which their etags tell.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, size, etag, inline, _hold: _ } = self;
        let mut content = f.debug_struct("Content");
        content.field("id", id).field("size", size).field("etag", etag).field("inline", &inline.is_some());
        content.finish()
    }
}

/// Why content could not be written. Nothing is left of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// What is named does not exist. A retry can't help.
    #[error(transparent)]
    NoSuch(Missing),
    /// It is larger than the bucket allows. A retry can't help.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The engine can't serve now. A retry can help, after a back-off.
    #[error("{reason}")]
    Unavailable {
        /// Why.
        reason: Unavailable,
    },
}

impl From<Missing> for WriteError {
    fn from(missing: Missing) -> Self {
        Self::NoSuch(missing)
    }
}

impl From<TooLarge> for WriteError {
    fn from(too_large: TooLarge) -> Self {
        Self::TooLarge(too_large)
    }
}

impl From<Unavailable> for WriteError {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable { reason }
    }
}
