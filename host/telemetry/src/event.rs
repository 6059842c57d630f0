//! The host's own events, as `tracing` brings them, in the same lines as what guests say.
//!
//! The fields `function`, `invocation` and `trace` of an event, or of the spans around it, become the ids of the line;
//! all others are listed behind the message.

use crate::Shared;
use crate::format::Line;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Makes lines of events. Put it on a `tracing_subscriber::Registry`.
pub struct EventLayer {
    shared: Arc<Shared>,
}

impl EventLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for EventLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.shared.filter.allows(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.shared.filter.max_level_hint()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.inherit(outer);
            }
        }
        let metadata = event.metadata();
        self.shared.sink.write(&self.shared.format.line(Line {
            time: SystemTime::now(),
            level: (*metadata.level()).into(),
            source: "host",
            function: fields.function.as_deref(),
            invocation: fields.invocation.as_ref().map(|id| id as &dyn fmt::Display),
            trace: fields.trace.as_ref().map(|id| id as &dyn fmt::Display),
            context: metadata.target(),
            message: &fields.message,
            fields: fields.rest,
        }));
    }
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields {
    message: String,
    function: Option<String>,
    invocation: Option<String>,
    trace: Option<String>,
    rest: Map<String, Value>,
}

impl Fields {
    /// Takes from a span around what is not said closer by.
    fn inherit(&mut self, outer: &Self) {
        let missing = |mine: &mut Option<String>, theirs: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        missing(&mut self.function, &outer.function);
        missing(&mut self.invocation, &outer.invocation);
        missing(&mut self.trace, &outer.trace);
        for (name, value) in &outer.rest {
            self.rest.entry(name).or_insert_with(|| value.clone());
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match field.name() {
            "message" => self.message = text(value),
            "function" => self.function = Some(text(value)),
            "invocation" => self.invocation = Some(text(value)),
            "trace" => self.trace = Some(text(value)),
            name => {
                self.rest.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    /// An error is told with all that caused it, since the cause is not in its text.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(value.source(), |cause| cause.source());
        let text = causes.fold(value.to_string(), |text, cause| format!("{text}: {cause}"));
        self.put(field, text.into());
    }
}
