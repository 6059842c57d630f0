//! Bodies that are too large for their queue: they lie in a bucket, and their messages lead to them.
//!
//! Two lead to such a body: a key of the bucket, for people to see, and the message itself. So it is there as long as the
//! message is, whatever becomes of the key; and both go with the message, in the same commit. A message that moves takes its
//! body along, by the rules of the queue that it moves to.

use std::collections::BTreeMap;

use flint_model::{BucketName, ContentId, QueueName};
use flint_stores::{Content, Etag, Message};
use redb::ReadableTable as _;

use crate::apply::Apply;
use crate::database::Failure;
use crate::table::blob::{Link, blob_row};
use crate::table::queue::{Aside, aside_of, message_key};

impl Apply<'_> {
    /// Puts the body of a message into a bucket.
    pub(super) fn set_aside(
        &mut self,
        bucket: &BucketName,
        queue: &QueueName,
        message: &Message,
    ) -> Result<Aside, Failure> {
        let content = Content::inline(ContentId::now(), message.body.clone(), Etag::of(&message.body));
        let link = Link::new(&content, (None, &BTreeMap::new())).shared();
        self.tables.blobs.body.insert(content.id().to_bytes().as_slice(), message.body.as_ref())?;
        // Of one queue no two messages have one id.
        let key = format!("{queue}/{}", message.id);
        self.link(&blob_row(bucket, key.as_bytes()), link.clone(), &[], self.version + 1)?;
        self.usage(&link)?.links += 1;
        Ok(Aside { bucket: bucket.to_string(), key, link })
    }

    /// Removes the row of a message, and its body if that lies in a bucket.
    pub(super) fn remove_message(&mut self, queue: &QueueName, number: u64) -> Result<(), Failure> {
        let row = self.tables.queues.message.remove(message_key(queue, number).as_slice())?;
        let aside = row.map(|row| aside_of(row.value())).transpose()?.flatten();
        let Some(Aside { bucket, key, link }) = aside else { return Ok(()) };
        self.let_go(&link)?;
        let Ok(bucket) = BucketName::parse(&bucket) else { return Ok(()) };
        let row = blob_row(&bucket, key.as_bytes());
        let found = self.tables.blobs.blob.get(row.as_slice())?.map(|row| Link::parse(row.value())).transpose()?;
        // Somebody may have put something else there, or taken it away.
        if found.is_some_and(|found| found.content() == link.content()) {
            self.unlink(&row)?;
        }
        Ok(())
    }
}
