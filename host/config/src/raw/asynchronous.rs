//! The keys `async-…` of `[function.NAME]`.

use super::section::Section;
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{self, Destination};
use flint_model::{FunctionName, QueueName, TopicName};
use std::time::Duration;

/// How a function is invoked where nobody waits; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Asynchronous {
    max_age: Duration,
    retries: usize,
    retry_delay: Duration,
    retry_delay_max: Duration,
    kept: Duration,
    pub(crate) on_success: Option<At<Destination>>,
    pub(crate) on_failure: Option<At<Destination>>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Asynchronous {
    Asynchronous {
        max_age: section.field(reader, "async-max-age").value,
        retries: section.field(reader, "async-retries").value,
        retry_delay: section.field(reader, "async-retry-delay").value,
        retry_delay_max: section.field(reader, "async-retry-delay-max").value,
        kept: section.field(reader, "async-kept").value,
        on_success: read_destination(reader, section, "async-on-success"),
        on_failure: read_destination(reader, section, "async-on-failure"),
    }
}

impl Asynchronous {
    pub(super) fn finish(&self) -> platform::Asynchronous {
        let value = |destination: &Option<At<Destination>>| destination.as_ref().map(|to| to.value.clone());
        platform::Asynchronous {
            max_age: self.max_age,
            retries: self.retries,
            retry_delay: self.retry_delay,
            retry_delay_max: self.retry_delay_max,
            kept: self.kept,
            on_success: value(&self.on_success),
            on_failure: value(&self.on_failure),
        }
    }
}

fn read_destination(reader: &mut Reader<'_>, section: &Section<'_, '_>, name: &str) -> Option<At<Destination>> {
    let At { value, at } = section.optional::<String>(reader, name)?;
    let destination = match value.split_once(':') {
        Some(("function", name)) => FunctionName::parse(name).ok().map(Destination::Function),
        Some(("queue", name)) => QueueName::parse(name).ok().map(Destination::Queue),
        Some(("topic", name)) => TopicName::parse(name).ok().map(Destination::Topic),
        _ => None,
    };
    if destination.is_none() {
        let message = format!("`{name}` can't be {}", reader.quote(&at));
        let diagnostic = Diagnostic::new(Code::BadDestination, at.clone(), message, "is no destination");
        reader.report(diagnostic.help("`function:NAME`, `queue:NAME` or `topic:NAME`".to_owned()));
    }
    Some(At { value: destination?, at })
}
