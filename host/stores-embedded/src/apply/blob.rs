//! Blobs: what keys lead to, and how many keys and messages lead to a content.
//!
//! All that links goes through [`Apply::link`], all that unlinks through [`Apply::unlink`]: whatever a change of a blob
//! causes in the same commit begins there.

use bytes::Bytes;
use flint_model::{BucketName, ContentId, MessageId};
use flint_stores::derive::{self, Derived};
use flint_stores::{BlobEvent, BlobExpectation, Cause, CommitError, Content, Etag, Linked, Outcome, Version};
use redb::ReadableTable as _;

use super::queue::Plan;
use super::{Apply, Halt};
use crate::database::Failure;
use crate::table::Corrupt;
use crate::table::blob::{About, Link, Place, Usage, blob_row};

/// A change of a blob that can happen.
pub(super) enum Step<'a> {
    Link {
        row: Vec<u8>,
        link: Link,
        bytes: Option<&'a Bytes>,
    },
    /// With the bytes that are kept beside the link.
    Copy {
        row: Vec<u8>,
        source: Link,
        bytes: Vec<u8>,
    },
    Unlink {
        row: Vec<u8>,
    },
}

type Key<'a> = (&'a BucketName, &'a String);

impl Apply<'_> {
    pub(super) fn decide_link<'a>(
        &self,
        index: usize,
        (bucket, key): Key<'_>,
        content: &'a Content,
        about: About<'_>,
        expect: Option<BlobExpectation>,
    ) -> Result<Step<'a>, Halt> {
        let row = blob_row(bucket, key.as_bytes());
        self.expect_blob(index, key, &row, expect)?;
        Ok(Step::Link { row, link: Link::new(content, about), bytes: content.bytes() })
    }

    pub(super) fn decide_unlink<'a>(
        &self,
        index: usize,
        (bucket, key): Key<'_>,
        expect: Option<BlobExpectation>,
    ) -> Result<Step<'a>, Halt> {
        let row = blob_row(bucket, key.as_bytes());
        self.expect_blob(index, key, &row, expect)?;
        Ok(Step::Unlink { row })
    }

    pub(super) fn decide_copy<'a>(
        &self,
        index: usize,
        (from_bucket, from_key): Key<'_>,
        from_expect: Option<Etag>,
        (bucket, key): Key<'_>,
        expect: Option<BlobExpectation>,
    ) -> Result<Step<'a>, Halt> {
        let from = blob_row(from_bucket, from_key.as_bytes());
        let wanted = from_expect.map_or(BlobExpectation::Exists, BlobExpectation::Etag);
        let source = self.expect_blob(index, from_key, &from, Some(wanted))?;
        let (source, bytes) = source.ok_or(Corrupt("what a copy found"))?;
        let row = blob_row(bucket, key.as_bytes());
        self.expect_blob(index, key, &row, expect)?;
        Ok(Step::Copy { row, source, bytes })
    }

    /// Makes the messages that a change of a blob causes, and finds room for them. They are small, and wait in memory.
    pub(super) fn decide_event(
        &mut self,
        (bucket, key): (&BucketName, &str),
        step: &Step<'_>,
        cause: &Cause,
        plan: &mut Plan<'_>,
    ) -> Result<Vec<Derived>, Halt> {
        let catalog = self.catalog;
        if !catalog.blobs.contains_key(bucket) {
            return Ok(Vec::new());
        }
        let sequence = self.version + 1;
        let created = match step {
            Step::Link { link, .. } | Step::Copy { source: link, .. } => {
                Some(link.clone().at(self.now, sequence).info(key))
            }
            Step::Unlink { row } if self.tables.blobs.blob.get(row.as_slice())?.is_none() => return Ok(Vec::new()),
            Step::Unlink { .. } => None,
        };
        let (bucket, key) = (bucket.clone(), key.to_owned());
        let event = BlobEvent { id: MessageId::at(self.now), bucket, key, created, sequence, at: self.now };
        let derived: Vec<_> = derive::blob(catalog, cause, &event).collect::<Result<_, _>>()?;
        derived.iter().try_for_each(|one| self.admit(&one.queue, plan))?;
        Ok(derived)
    }

    /// Compares what a key leads to with what is expected of it, and answers that, with the bytes beside it. Without an expectation it
    /// isn't read.
    fn expect_blob(
        &self,
        index: usize,
        key: &str,
        row: &[u8],
        expect: Option<BlobExpectation>,
    ) -> Result<Option<(Link, Vec<u8>)>, Halt> {
        let Some(expect) = expect else { return Ok(None) };
        let row = self.tables.blobs.blob.get(row)?;
        let found = row.as_ref().map(|row| Link::parse_with_bytes(row.value())).transpose()?;
        let found = found.map(|(link, bytes)| (link, bytes.to_vec()));
        let current = found.as_ref().map(|(link, _)| link.etag());
        if expect.is_met(current) {
            return Ok(found);
        }
        Err(CommitError::BlobConflict { index, key: key.to_owned(), current }.into())
    }

    pub(super) fn take_blob(&mut self, step: Step<'_>, version: Version) -> Result<Outcome, Failure> {
        match step {
            Step::Link { row, link, bytes } => {
                let bytes = bytes.map_or(&[][..], |bytes| bytes);
                if link.place == Place::Body {
                    self.tables.blobs.body.insert(link.content().to_bytes().as_slice(), bytes)?;
                }
                Ok(Outcome::BlobLink { linked: self.link(&row, link, bytes, version)? })
            }
            Step::Copy { row, source, bytes } => {
                Ok(Outcome::BlobCopy { linked: self.link(&row, source, &bytes, version)? })
            }
            Step::Unlink { row } => Ok(Outcome::BlobUnlink { existed: self.unlink(&row)? }),
        }
    }

    pub(super) fn link(&mut self, row: &[u8], link: Link, bytes: &[u8], version: Version) -> Result<Linked, Failure> {
        let link = link.at(self.now, version);
        link.write(bytes, &mut self.row)?;
        let before = self.tables.blobs.blob.insert(row, self.row.as_slice())?;
        let before = before.map(|row| Link::parse(row.value())).transpose()?;
        self.changed = true;
        if link.place != Place::Row {
            self.usage(&link)?.links += 1;
        }
        before.map_or(Ok(()), |before| self.let_go(&before))?;
        Ok(link.linked())
    }

    /// Answers whether there was something to unlink.
    pub(super) fn unlink(&mut self, row: &[u8]) -> Result<bool, Failure> {
        let before = self.tables.blobs.blob.remove(row)?;
        let Some(before) = before.map(|row| Link::parse(row.value())).transpose()? else { return Ok(false) };
        self.changed = true;
        self.let_go(&before)?;
        Ok(true)
    }

    pub(super) fn let_go(&mut self, before: &Link) -> Result<(), Failure> {
        if before.place == Place::Row {
            return Ok(());
        }
        let usage = self.usage(before)?;
        // Within one commit a key may let go of it before another one takes it up, but then it had it before.
        usage.links = usage.links.checked_sub(1).ok_or(Corrupt("content, which counts less links than there are,"))?;
        Ok(())
    }

    /// How many keys lead to a content, as the group of commits has left it so far.
    pub(super) fn usage(&mut self, link: &Link) -> Result<&mut Usage, Failure> {
        let id = link.content();
        if !self.usages.contains_key(&id) {
            let found = self.tables.blobs.content.get(id.to_bytes().as_slice())?;
            let found = found.map(|row| Usage::parse(row.value())).transpose()?;
            self.usages.insert(id, found.unwrap_or(Usage { place: link.place, links: 0 }));
        }
        Ok(self.usages.get_mut(&id).ok_or(Corrupt("a content that was looked up"))?)
    }

    /// Writes how many keys lead to the contents that were touched; answers the files to which none leads any more.
    pub(super) fn write_usages(&mut self) -> Result<Vec<ContentId>, Failure> {
        let mut released = Vec::new();
        for (id, usage) in &self.usages {
            let row = id.to_bytes();
            if usage.links > 0 {
                self.tables.blobs.content.insert(row.as_slice(), usage.row().as_slice())?;
                continue;
            }
            self.tables.blobs.content.remove(row.as_slice())?;
            match usage.place {
                Place::Body => drop(self.tables.blobs.body.remove(row.as_slice())?),
                Place::File => released.push(*id),
                // It is not counted.
                Place::Row => {}
            }
        }
        Ok(released)
    }
}
