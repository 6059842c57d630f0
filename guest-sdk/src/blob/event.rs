//! One event of a bucket, as a handler gets it.

use std::time::SystemTime;

use super::Info;
use crate::bindings::blob::exports::flint::platform::blob_handler as wit;
use crate::time;

/// What happened to a blob.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::blob::{Event, EventKind};
///
/// #[flint_sdk::blob]
/// async fn report(event: Event) -> Result<(), Failure> {
///     match event.kind {
///         EventKind::Created(info) => println!("{} has {} bytes now", event.key, info.size),
///         EventKind::Deleted => println!("{} is gone", event.key),
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Unique for each event, the same when it comes again.
    pub id: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What happened.
    pub kind: EventKind,
    /// Of two events of a key, the later one has the greater number.
    pub sequence: u64,
    /// When it happened.
    pub at: SystemTime,
}

/// What kind of event it is.
///
/// ```
/// use flint_sdk::blob::EventKind;
///
/// fn is_image(kind: &EventKind) -> bool {
///     matches!(kind, EventKind::Created(info) if info.content_type.as_deref() == Some("image/png"))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A blob was put, or copied to the key, whatever was there before: what it was then. By now there may be another one, or
    /// none: [`Info::etag`] tells.
    Created(Info),
    /// A blob was deleted.
    Deleted,
}

impl From<wit::Event> for Event {
    fn from(event: wit::Event) -> Self {
        Self {
            id: event.id,
            bucket: event.bucket,
            key: event.key,
            kind: match event.kind {
                wit::EventKind::Created(info) => EventKind::Created(info.into()),
                wit::EventKind::Deleted => EventKind::Deleted,
            },
            sequence: event.sequence,
            at: time::from_timestamp(event.at),
        }
    }
}
