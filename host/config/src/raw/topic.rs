//! `[topic.TOPIC]` and `[[subscription]]`.

use super::section::Section;
use super::trigger::read_filter;
use super::{At, Reader};
use crate::platform::Topic;
use crate::source::Span;
use flint_model::filter::Filter;

/// A queue that listens to a topic; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Where it stands.
    pub(crate) at: Span,
    pub(crate) topic: Option<At<String>>,
    pub(crate) queue: Option<At<String>>,
    pub(crate) filter: Option<Filter>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Topic {
    Topic {
        message_size_max: section.field(reader, "message-size-max").value,
        batch_max: section.field(reader, "batch-max").value,
        batch_size_max: section.field(reader, "batch-size-max").value,
    }
}

pub(super) fn read_subscription(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Subscription {
    Subscription {
        at: section.at(),
        topic: section.required(reader, "topic"),
        queue: section.required(reader, "queue"),
        filter: section.get("filter").and_then(|(_, value)| read_filter(reader, value)),
    }
}

impl Default for Topic {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("topic.TOPIC"))
    }
}
