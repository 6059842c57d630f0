//! The tables of blobs.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `blob` | bucket, key | a [`Link`]: what the key leads to, and what there is to say about it; behind it the bytes, if they are few |
//! | `content` | id of a content | where it is, and how many keys and messages lead to it: never none. Not of what is in `blob` |
//! | `body` | id of a content | its bytes, if they are some, and no file's worth |
//!
//! A bucket's name ends with a NUL. Content that is not small is a file of its id's name; a file without a row in `content`
//! is nobody's, unless somebody is about to link it (`contents`).

use std::collections::BTreeMap;

use flint_model::{BucketName, ContentId, Timestamp};
use flint_stores::{BlobInfo, Content, Etag, Linked, Version};
use redb::{StorageError, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::logged::{Change, Logged, Redo};
use super::{Corrupt, NAME_END};

type Bytewise = TableDefinition<'static, &'static [u8], &'static [u8]>;
pub(crate) const BLOB: Bytewise = TableDefinition::new("blob");
pub(crate) const CONTENT: Bytewise = TableDefinition::new("content");
pub(crate) const BODY: Bytewise = TableDefinition::new("body");

type Rows<'tx> = Logged<'tx, &'static [u8], &'static [u8]>;

/// The largest content that is kept in its row of `blob`, in bytes: half a page of the database.
///
/// Who writes over a blob changes one row then. With rows in `content` and `body`, which are in the order of ids, the ones of the
/// content before are elsewhere: five pages more in each commit, as soon as there are many. Larger ones would make lists slow.
const ROW_MAX: usize = 2 << 10;

/// The tables of blobs in a write transaction.
pub(crate) struct BlobTables<'tx> {
    pub(crate) blob: Rows<'tx>,
    pub(crate) content: Rows<'tx>,
    pub(crate) body: Rows<'tx>,
}

impl<'tx> BlobTables<'tx> {
    /// Opens the tables, and makes those that are not there.
    pub(crate) fn open(transaction: &'tx WriteTransaction, redo: &'tx Redo) -> Result<Self, TableError> {
        Ok(Self {
            blob: Logged::open(transaction, BLOB, redo)?,
            content: Logged::open(transaction, CONTENT, redo)?,
            body: Logged::open(transaction, BODY, redo)?,
        })
    }

    /// Makes a change again that was noted; answers whether it is one of these tables.
    pub(super) fn redo(&mut self, change: &Change<'_>) -> Result<bool, StorageError> {
        Ok(self.blob.make(change)? || self.content.make(change)? || self.body.make(change)?)
    }
}

/// The key of a blob in `blob`; with a prefix, or whatever bytes keys may begin with, where a range starts.
pub(crate) fn blob_row(bucket: &BucketName, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(bucket.as_str().len() + 1 + key.len());
    row.extend(bucket.as_str().as_bytes());
    row.push(NAME_END);
    row.extend(key);
    row
}

/// The blob's key in a row's key of its bucket.
pub(crate) fn blob_key_of<'a>(bucket: &BucketName, row: &'a [u8]) -> Result<&'a str, Corrupt> {
    row.get(bucket.as_str().len() + 1..).and_then(|key| str::from_utf8(key).ok()).ok_or(Corrupt("a key of blob"))
}

/// Where the bytes of a content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In a file.
    File,
    /// In `body`.
    Body,
    /// In the row of `blob`, behind the link. A copy has its own.
    Row,
}

impl Place {
    /// Of so many bytes that are kept in the database.
    fn of(size: usize) -> Self {
        if size <= ROW_MAX { Self::Row } else { Self::Body }
    }
}

/// A row of `blob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    content: [u8; 16],
    pub(crate) place: Place,
    size: u64,
    etag: [u8; Etag::SIZE],
    modified_at: u64,
    sequence: Version,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
}

/// Content type and metadata.
pub(crate) type About<'a> = (Option<&'a str>, &'a BTreeMap<String, String>);

impl Link {
    /// A link to new content; when it is made is said by [`Link::at`].
    pub(crate) fn new(content: &Content, (content_type, metadata): About<'_>) -> Self {
        Self {
            content: content.id().to_bytes(),
            place: content.bytes().map_or(Place::File, |bytes| Place::of(bytes.len())),
            size: content.size(),
            etag: content.etag().to_bytes(),
            modified_at: 0,
            sequence: 0,
            content_type: content_type.map(str::to_owned),
            metadata: metadata.clone(),
        }
    }

    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        Self::parse_with_bytes(row).map(|(link, _)| link)
    }

    /// Reads a row, and the bytes behind the link: none, unless they are kept there.
    pub(crate) fn parse_with_bytes(row: &[u8]) -> Result<(Self, &[u8]), Corrupt> {
        let corrupt = Corrupt("a value of blob");
        let (link, bytes) = postcard::take_from_bytes::<Self>(row).map_err(|_| corrupt)?;
        let expected = if link.place == Place::Row { link.size } else { 0 };
        if bytes.len() as u64 == expected { Ok((link, bytes)) } else { Err(corrupt) }
    }

    /// Writes the row into a buffer, in the place of what it held; behind the link the bytes, if they are kept there.
    pub(crate) fn write(&self, bytes: &[u8], row: &mut Vec<u8>) -> Result<(), Corrupt> {
        row.clear();
        *row = postcard::to_extend(self, std::mem::take(row)).map_err(|_| Corrupt("a value of blob"))?;
        if self.place == Place::Row {
            row.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The same link, to bytes that others lead to beside the key.
    pub(crate) fn shared(self) -> Self {
        Self { place: Place::Body, ..self }
    }

    /// The same link, made by this commit.
    pub(crate) fn at(self, at: Timestamp, sequence: Version) -> Self {
        Self { modified_at: at.as_millis(), sequence, ..self }
    }

    pub(crate) fn content(&self) -> ContentId {
        ContentId::from_bytes(self.content)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn etag(&self) -> Etag {
        Etag::from_bytes(self.etag)
    }

    pub(crate) fn linked(&self) -> Linked {
        let (etag, modified_at) = (self.etag(), Timestamp::from_millis(self.modified_at));
        Linked { size: self.size, etag, modified_at, sequence: self.sequence }
    }

    /// What a reader is told.
    pub(crate) fn info(self, key: &str) -> BlobInfo {
        let Linked { size, etag, modified_at, sequence } = self.linked();
        let (content_type, metadata) = (self.content_type, self.metadata);
        BlobInfo { key: key.to_owned(), size, etag, content_type, metadata, modified_at, sequence }
    }
}

/// A row of `content`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) place: Place,
    /// How many keys and messages lead to it.
    pub(crate) links: u64,
}

impl Usage {
    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        let corrupt = Corrupt("a value of content");
        let (links, place) = row.split_first_chunk().ok_or(corrupt)?;
        let place = match place {
            [0] => Place::File,
            [1] => Place::Body,
            // What is in the row of its link is not counted.
            _ => return Err(corrupt),
        };
        Ok(Self { place, links: u64::from_le_bytes(*links) })
    }

    pub(crate) fn row(self) -> [u8; 9] {
        let mut row = [0; 9];
        row[..8].copy_from_slice(&self.links.to_le_bytes());
        row[8] = u8::from(self.place != Place::File);
        row
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_link_reads_as_it_was_written() {
        let mut row = b"what was there before".to_vec();
        let hold = Arc::new(());
        let aside = Content::aside(ContentId::now(), u64::MAX, Etag::of(b"abc"), hold);
        let inline = |size| Content::inline(ContentId::now(), vec![7; size].into(), Etag::of(b"abc"));
        let cases = [
            (aside, Place::File, None),
            (inline(ROW_MAX + 1), Place::Body, Some("text/plain")),
            (inline(ROW_MAX), Place::Row, None),
            (inline(0), Place::Row, None),
        ];
        let metadata = BTreeMap::from([("a".to_owned(), "é\0".to_owned())]);
        for (content, place, content_type) in cases {
            let link = Link::new(&content, (content_type, &metadata)).at(Timestamp::from_millis(7), 9);
            let bytes = content.bytes().cloned().unwrap_or_default();
            link.write(&bytes, &mut row).expect("it is written");
            let (read, beside) = Link::parse_with_bytes(&row).expect("it is read");
            assert_eq!(beside, if place == Place::Row { &bytes[..] } else { &[] });
            assert_eq!((&read, read.content(), read.place), (&link, content.id(), place));
            let info = BlobInfo {
                key: "k".to_owned(),
                size: content.size(),
                etag: content.etag(),
                content_type: content_type.map(str::to_owned),
                metadata: metadata.clone(),
                modified_at: Timestamp::from_millis(7),
                sequence: 9,
            };
            assert_eq!(read.info("k"), info);
            for cut in 0..row.len() {
                assert!(Link::parse(&row[..cut]).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_usage_reads_as_it_was_written() {
        for place in [Place::File, Place::Body] {
            let usage = Usage { place, links: 1 << 40 };
            assert_eq!(Usage::parse(&usage.row()), Ok(usage));
        }
        assert!(Usage::parse(&[0; 8]).is_err() && Usage::parse(&[9; 9]).is_err());
    }
}
