//! `[queue.QUEUE]`.

use super::section::Section;
use super::{At, Reader};
use crate::platform;
use crate::source::Span;
use flint_model::{BucketName, QueueName};

/// A queue, and what refers to others.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Where its name stands.
    pub(crate) at: Span,
    /// As written; whether there is such a queue is checked later.
    pub(crate) dead_letter: Option<At<String>>,
    /// As written; whether there is such a bucket is checked later.
    pub(crate) large_payloads: Option<At<String>>,
    pub(crate) queue: platform::Queue,
}

pub(super) fn read(reader: &mut Reader<'_>, at: Span, name: Option<&QueueName>, section: &Section<'_, '_>) -> Queue {
    let dead_letter = section.optional::<String>(reader, "dead-letter");
    let named = dead_letter.as_ref().and_then(|named| QueueName::parse(&named.value).ok());
    let large_payloads = section.optional::<String>(reader, "large-payloads");
    let bucket = large_payloads.as_ref().and_then(|named| BucketName::parse(&named.value).ok());
    let queue = platform::Queue {
        is_fifo: section.field::<String>(reader, "order").value == "fifo",
        visibility: section.field(reader, "visibility").value,
        delay: section.field(reader, "delay").value,
        retention: section.optional(reader, "retention").map(|retention| retention.value),
        deduplication_window: section.field(reader, "deduplication-window").value,
        max_receives: section.field(reader, "max-receives").value,
        dead_letter: named.or_else(|| name.and_then(platform::Queue::kept_dead_letter)),
        message_size_max: section.field(reader, "message-size-max").value,
        large_payloads: bucket,
        length_max: section.field(reader, "length-max").value,
        batch_max: section.field(reader, "batch-max").value,
        batch_size_max: section.field(reader, "batch-size-max").value,
    };
    Queue { at, dead_letter, large_payloads, queue }
}

impl Default for platform::Queue {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), 0..0, None, &Section::absent("queue.QUEUE")).queue
    }
}
