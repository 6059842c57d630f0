//! Between the words of the interface and those of the stores.

use crate::bindings::platform::blob as wit;
use crate::imports::stores::Spent;
use flint_stores::{BlobInfo, CommitError, Linked, Missing, Range, ReadError, Unavailable, WriteError};
use std::collections::BTreeMap;

/// What is read: all of it where nothing is said.
pub(super) fn range(range: Option<wit::Range>) -> Range {
    match range {
        None => Range::ALL,
        Some(wit::Range { start, length: None }) => Range::from(start),
        Some(wit::Range { start, length: Some(length) }) => Range::Span(start..start.saturating_add(length)),
    }
}

/// What a description takes.
pub(super) fn size(info: &BlobInfo) -> usize {
    let metadata = info.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    size_of::<BlobInfo>() + info.key.len() + info.content_type.as_ref().map_or(0, String::len) + metadata
}

/// What comes with a put beside the content.
pub(super) fn options_size(options: &wit::PutOptions) -> usize {
    let metadata = options.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    options.content_type.as_ref().map_or(0, String::len) + metadata
}

/// Metadata by name; no name comes twice.
pub(super) fn metadata(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, wit::Error> {
    let mut metadata = BTreeMap::new();
    for (name, value) in pairs {
        if metadata.contains_key(&name) {
            return Err(wit::Error::Invalid(format!("the metadata has {name:?} twice")));
        }
        metadata.insert(name, value);
    }
    Ok(metadata)
}

/// Describes what a commit linked.
pub(super) fn linked(
    linked: Linked,
    key: String,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
) -> wit::Info {
    let Linked { size, etag, modified_at, sequence } = linked;
    BlobInfo { key, size, etag, content_type, metadata, modified_at, sequence }.into()
}

impl From<BlobInfo> for wit::Info {
    fn from(info: BlobInfo) -> Self {
        Self {
            key: info.key,
            size: info.size,
            etag: info.etag.to_string(),
            content_type: info.content_type,
            metadata: info.metadata.into_iter().collect(),
            modified_at: info.modified_at.as_millis(),
        }
    }
}

impl From<Spent> for wit::Error {
    fn from(spent: Spent) -> Self {
        Self::TooLarge(spent.to_string())
    }
}

impl From<Missing> for wit::Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Bucket(bucket) => Self::NoSuchBucket(bucket.to_string()),
            Missing::Store(_) | Missing::Queue(_) | Missing::Topic(_) => unavailable(Unavailable::Failed),
        }
    }
}

impl From<ReadError> for wit::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuch(missing) => missing.into(),
            ReadError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            ReadError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            ReadError::Unavailable { reason } => unavailable(reason),
        }
    }
}

impl From<WriteError> for wit::Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NoSuch(missing) => missing.into(),
            WriteError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            WriteError::Unavailable { reason } => unavailable(reason),
        }
    }
}

impl From<CommitError> for wit::Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::BlobConflict { current, .. } => Self::Conflict(current.map(|etag| etag.to_string())),
            CommitError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            CommitError::NoSuch(missing) => missing.into(),
            CommitError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            CommitError::Unavailable { reason } => unavailable(reason),
            // The queues of those who listen to the bucket: back-pressure, and a circle.
            CommitError::Full { .. } => unavailable(Unavailable::Overloaded),
            CommitError::TooDeep { .. } => Self::Invalid(error.to_string()),
            // No key of a store, no lease and no schedule has a part in it.
            CommitError::Conflict { .. }
            | CommitError::NotACounter { .. }
            | CommitError::LeaseLost { .. }
            | CommitError::Ticked { .. } => unavailable(Unavailable::Failed),
        }
    }
}

fn unavailable(reason: Unavailable) -> wit::Error {
    wit::Error::Unavailable(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::BucketName;
    use flint_stores::{Etag, Invalid, TooLarge, What};

    /// Whether a retry can help is told by the case, so each refusal has to be the right one.
    #[test]
    fn what_a_commit_refuses_is_told_by_its_case() {
        let bucket = BucketName::parse("uploads").expect("a name");
        let too_large = TooLarge { what: What::Blob, size: 2, limit: 1 };
        let current = Some(Etag::of(b""));
        for (error, told) in [
            (CommitError::NoSuch(Missing::Bucket(bucket)), "NoSuchBucket"),
            (CommitError::TooLarge(too_large), "TooLarge"),
            (CommitError::Invalid(Invalid::EmptyBatch), "Invalid"),
            (CommitError::BlobConflict { index: 0, key: "k".to_owned(), current }, "Conflict"),
            (Unavailable::DiskFull.into(), "Unavailable"),
            (CommitError::Conflict { index: 0, key: "k".to_owned(), current: None }, "Unavailable"),
        ] {
            let error = format!("{:?}", wit::Error::from(error));
            assert!(error.starts_with(&format!("Error::{told}")), "{error} {told}");
        }
    }

    #[test]
    fn a_range_is_from_a_byte_on() {
        let read = |start, length| range(Some(wit::Range { start, length }));
        assert_eq!(range(None), Range::ALL);
        assert_eq!(read(3, None), Range::from(3));
        assert_eq!([read(3, Some(2)), read(3, Some(u64::MAX))], [Range::Span(3..5), Range::Span(3..u64::MAX)]);
    }
}
