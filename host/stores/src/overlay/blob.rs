//! Changes of blobs: held in their order, and seen by who looks a key up.
//!
//! What a held copy reads from is settled when it is held: content that is held too is linked a second time, and what the
//! store has must still be there when it is committed. Lists are those of the store: nothing that is held shows in them. A
//! look-up of a blob is not noted, as one of a key-value store is: who decides by a blob says what it expects of it.

use std::collections::BTreeMap;

use flint_model::{BucketName, Timestamp};

use super::{Change, KEY_BYTES, Overlay};
use crate::blob::Linked;
use crate::refusal::TooLarge;
use crate::{BlobExpectation, BlobInfo, CommitError, Content, Effect, Outcome, Version};

/// What the store had under the keys that were changed, or copied from.
pub(super) type Seen = BTreeMap<(BucketName, String), Option<BlobInfo>>;

/// Where the content of a blob is that was changed and not committed.
pub(crate) enum Source {
    /// Nowhere: it is gone.
    Gone,
    /// It was written.
    Written(BlobInfo, Content),
    /// It is that of a blob of the store.
    Stored(BlobInfo, BucketName, String),
}

impl Source {
    fn info(self) -> Option<BlobInfo> {
        match self {
            Self::Gone => None,
            Self::Written(info, _) | Self::Stored(info, ..) => Some(info),
        }
    }
}

impl Overlay {
    /// What the invocation made of a blob, if it changed it.
    pub(crate) fn held_blob(&self, now: Timestamp, bucket: &BucketName, key: &str) -> Option<Source> {
        let held = self.others.iter().rev().find(|effect| effect.blob() == Some((bucket, key)))?;
        let at = |info: &BlobInfo| BlobInfo { key: key.to_owned(), modified_at: now, ..info.clone() };
        Some(match held {
            Effect::BlobLink { content, content_type, metadata, .. } => {
                let info = BlobInfo {
                    key: key.to_owned(),
                    size: content.size(),
                    etag: content.etag(),
                    content_type: content_type.clone(),
                    metadata: metadata.clone(),
                    modified_at: now,
                    sequence: self.version,
                };
                Source::Written(info, content.clone())
            }
            Effect::BlobCopy { from_bucket, from_key, .. } => self
                .stored(from_bucket, from_key)
                .map_or(Source::Gone, |info| Source::Stored(at(info), from_bucket.clone(), from_key.clone())),
            _ => Source::Gone,
        })
    }

    /// The blobs of which [`Overlay::commit`] has to know what the store has, and does not yet.
    pub fn unseen_blobs<'a>(&self, effects: &'a [Effect]) -> Vec<(&'a BucketName, &'a str)> {
        let from = |effect: &'a Effect| match effect {
            Effect::BlobCopy { from_bucket, from_key, .. } => Some((from_bucket, from_key.as_str())),
            _ => None,
        };
        let keys = effects.iter().flat_map(|effect| effect.blob().into_iter().chain(from(effect)));
        keys.filter(|(bucket, key)| !self.blobs.contains_key(&((*bucket).clone(), (*key).to_owned()))).collect()
    }

    /// Notes what the store has under the key of a blob.
    ///
    /// # Errors
    /// As of [`Overlay::see`].
    pub fn note_blob(&mut self, bucket: &BucketName, key: &str, info: Option<BlobInfo>) -> Result<(), TooLarge> {
        let size = key.len() as u64 + KEY_BYTES;
        self.fits(size)?;
        self.bytes += size;
        self.blobs.insert((bucket.clone(), key.to_owned()), info);
        Ok(())
    }

    pub(super) fn decide_blob(
        &self,
        now: Timestamp,
        version: Version,
        index: usize,
        effect: &Effect,
    ) -> Result<(Change, Outcome), CommitError> {
        let linked = |size, etag| Linked { size, etag, modified_at: now, sequence: version };
        let before = self.expect_blob(now, index, effect.blob(), expectation(effect))?;
        Ok(match effect {
            Effect::BlobLink { content, .. } => {
                (Change::Other, Outcome::BlobLink { linked: linked(content.size(), content.etag()) })
            }
            Effect::BlobCopy { from_bucket, from_key, from_expect, .. } => {
                let wanted = from_expect.map_or(BlobExpectation::Exists, BlobExpectation::Etag);
                let from = Some((from_bucket, from_key.as_str()));
                let Some(info) = self.expect_blob(now, index, from, Some(wanted))? else {
                    return Err(CommitError::BlobConflict { index, key: from_key.clone(), current: None });
                };
                let copy = self.settled(now, effect.clone(), info.clone());
                (Change::Instead(Box::new(copy)), Outcome::BlobCopy { linked: linked(info.size, info.etag) })
            }
            _ => (Change::Other, Outcome::BlobUnlink { existed: before.is_some() }),
        })
    }

    /// Compares what the invocation sees of a blob with what is expected of it, and answers that.
    fn expect_blob(
        &self,
        now: Timestamp,
        index: usize,
        blob: Option<(&BucketName, &str)>,
        expect: Option<BlobExpectation>,
    ) -> Result<Option<BlobInfo>, CommitError> {
        let Some((bucket, key)) = blob else { return Ok(None) };
        let seen = match self.held_blob(now, bucket, key) {
            Some(held) => held.info(),
            None => self.stored(bucket, key).cloned(),
        };
        let current = seen.as_ref().map(|info| info.etag);
        if expect.is_some_and(|expect| !expect.is_met(current)) {
            return Err(CommitError::BlobConflict { index, key: key.to_owned(), current });
        }
        Ok(seen)
    }

    /// A copy that says where the content is that its source has now.
    fn settled(&self, now: Timestamp, copy: Effect, info: BlobInfo) -> Effect {
        let Effect::BlobCopy { from_bucket, from_key, bucket, key, expect, .. } = copy else { return copy };
        let (from_bucket, from_key) = match self.held_blob(now, &from_bucket, &from_key) {
            Some(Source::Written(BlobInfo { content_type, metadata, .. }, content)) => {
                return Effect::BlobLink { bucket, key, content, content_type, metadata, expect };
            }
            Some(Source::Stored(_, bucket, key)) => (bucket, key),
            Some(Source::Gone) | None => (from_bucket, from_key),
        };
        Effect::BlobCopy { from_bucket, from_key, from_expect: Some(info.etag), bucket, key, expect }
    }

    fn stored(&self, bucket: &BucketName, key: &str) -> Option<&BlobInfo> {
        self.blobs.get(&(bucket.clone(), key.to_owned()))?.as_ref()
    }
}

/// Leaves the last change of each blob, which expects what the first one did: one commit changes no blob twice.
pub(super) fn last_of_each(effects: Vec<Effect>) -> impl Iterator<Item = Effect> {
    let mut left: Vec<Option<Effect>> = Vec::with_capacity(effects.len());
    let mut last: BTreeMap<(BucketName, String), usize> = BTreeMap::new();
    for mut effect in effects {
        let blob = effect.blob().map(|(bucket, key)| (bucket.clone(), key.to_owned()));
        if let Some(before) = blob.and_then(|blob| last.insert(blob, left.len()))
            && let Some(before) = left.get_mut(before).and_then(Option::take)
            && let Effect::BlobLink { expect, .. } | Effect::BlobUnlink { expect, .. } | Effect::BlobCopy { expect, .. } =
                &mut effect
        {
            *expect = expectation(&before);
        }
        left.push(Some(effect));
    }
    left.into_iter().flatten()
}

fn expectation(effect: &Effect) -> Option<BlobExpectation> {
    match effect {
        Effect::BlobLink { expect, .. } | Effect::BlobUnlink { expect, .. } | Effect::BlobCopy { expect, .. } => {
            *expect
        }
        _ => None,
    }
}
