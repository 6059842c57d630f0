//! `[[trigger]]`.

use super::handler::{self, Handler};
use super::section::Section;
use super::{At, Field, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{BlobEvents, ChangeEvents, Start};
use crate::source::Span;
use flint_model::filter::{Filter, KeyFilter};
use serde_json::Value;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// A trigger; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Trigger {
    /// Where it stands.
    pub(crate) at: Span,
    pub(crate) source: Option<Source>,
    pub(crate) handler: Option<Handler>,
    pub(crate) batch_size: Field<usize>,
    pub(crate) batch_window: Duration,
    pub(crate) concurrency: usize,
    pub(crate) transactional: Field<bool>,
    pub(crate) filter: Option<Filter>,
    pub(crate) retry_delay: Duration,
    pub(crate) retry_delay_max: Duration,
    pub(crate) max_receives: usize,
    pub(crate) length_max: usize,
}

/// What a trigger listens to, by name as written.
#[derive(Debug)]
pub(crate) enum Source {
    Queue(At<String>),
    Topic(At<String>),
    Kv { store: At<String>, keys: KeyFilter, events: ChangeEvents, start: Start },
    Bucket { bucket: At<String>, keys: KeyFilter, events: BlobEvents },
}

/// The keys that say what is listened to, each with those that go with it alone.
const SOURCES: &[(&str, &[&str])] = &[
    ("queue", &["filter"]),
    ("topic", &["filter", "max-receives", "length-max"]),
    ("kv", &["prefix", "events", "start", "max-receives", "length-max"]),
    ("bucket", &["prefix", "suffix", "events", "max-receives", "length-max"]),
];

impl Source {
    /// Its key.
    pub(crate) fn area(&self) -> &'static str {
        match self {
            Self::Queue(_) => "queue",
            Self::Topic(_) => "topic",
            Self::Kv { .. } => "kv",
            Self::Bucket { .. } => "bucket",
        }
    }

    /// The name of what is listened to.
    pub(crate) fn name(&self) -> &At<String> {
        match self {
            Self::Queue(name)
            | Self::Topic(name)
            | Self::Kv { store: name, .. }
            | Self::Bucket { bucket: name, .. } => name,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Trigger {
    Trigger {
        at: section.at(),
        source: read_source(reader, section),
        handler: handler::required(reader, section, "a trigger"),
        batch_size: section.field(reader, "batch-size"),
        batch_window: section.field(reader, "batch-window").value,
        concurrency: section.field(reader, "concurrency").value,
        transactional: section.field(reader, "transactional"),
        filter: section.get("filter").and_then(|(_, value)| read_filter(reader, value)),
        retry_delay: section.field(reader, "retry-delay").value,
        retry_delay_max: section.field(reader, "retry-delay-max").value,
        max_receives: section.field(reader, "max-receives").value,
        length_max: section.field(reader, "length-max").value,
    }
}

/// Reads what is listened to: one thing, and no key that belongs to another.
fn read_source(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Source> {
    let mut written = SOURCES.iter().filter_map(|source| Some((source, section.get(source.0)?.0)));
    let Some(((area, own), at)) = written.next() else {
        let words: Vec<_> = SOURCES.iter().map(|(area, _)| format!("`{area}`")).collect();
        let diagnostic =
            Diagnostic::new(Code::BadSource, section.at(), "a trigger has no source", "listens to nothing");
        reader.report(diagnostic.help(format!("say one of {}", words.join(", "))));
        return None;
    };
    for ((other, _), second) in written {
        let message = format!("a trigger has one source, and this one has `{area}` and `{other}`");
        let diagnostic = Diagnostic::new(Code::BadSource, second, message, "a second source");
        reader.report(diagnostic.also(Some(at.clone()), "the first one").help("write two triggers".to_owned()));
    }
    check_keys(reader, section, area, own);
    match *area {
        "queue" => section.optional(reader, area).map(Source::Queue),
        "topic" => section.optional(reader, area).map(Source::Topic),
        "bucket" => Some(Source::Bucket {
            bucket: section.optional(reader, area)?,
            keys: read_keys(reader, section),
            events: read_blob_events(reader, section),
        }),
        _ => Some(Source::Kv {
            store: section.optional(reader, area)?,
            keys: read_keys(reader, section),
            events: read_change_events(reader, section),
            start: match section.field::<String>(reader, "start").value.as_str() {
                "beginning" => Start::Beginning,
                _ => Start::Latest,
            },
        }),
    }
}

/// Reports keys that say nothing about the source that there is.
fn check_keys(reader: &mut Reader<'_>, section: &Section<'_, '_>, area: &str, own: &[&str]) {
    let mut others: Vec<_> = SOURCES.iter().flat_map(|(_, keys)| *keys).filter(|key| !own.contains(key)).collect();
    others.sort_unstable();
    others.dedup();
    for key in others {
        let Some((at, _)) = section.get(key) else { continue };
        let fitting: Vec<_> = SOURCES.iter().filter(|(_, keys)| keys.contains(key)).map(|(area, _)| *area).collect();
        let message = format!("`{key}` says nothing about a trigger with `{area}`");
        let diagnostic = Diagnostic::new(Code::BadSource, at, message, "is of no use here");
        reader.report(diagnostic.help(format!("remove it; it goes with `{}`", fitting.join("`, `"))));
    }
}

/// Reads which keys are told. Of a store, a suffix was refused already.
fn read_keys(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> KeyFilter {
    let mut end = |key| section.optional::<String>(reader, key).map(|text| text.value);
    KeyFilter { prefix: end("prefix"), suffix: end("suffix") }
}

/// Reads which kinds of changes are told.
fn read_change_events(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> ChangeEvents {
    let [insert, modify, remove] = read_events(reader, section, "change", ["insert", "modify", "remove"]);
    ChangeEvents { insert, modify, remove }
}

/// Reads which kinds of events of blobs are told.
fn read_blob_events(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> BlobEvents {
    let [created, deleted] = read_events(reader, section, "event of a blob", ["created", "deleted"]);
    BlobEvents { created, deleted }
}

/// Reads which of these kinds are told: all, unless some are written down.
fn read_events<const N: usize>(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    what: &str,
    kinds: [&str; N],
) -> [bool; N] {
    let example = format!("\"{}\"", kinds[0]);
    let Some(words) = section.texts(reader, "events", &example) else { return [true; N] };
    if let (true, Some((at, _))) = (words.is_empty(), section.get("events")) {
        let message = format!("a trigger of no {what} at all handles nothing");
        let diagnostic = Diagnostic::new(Code::BadValue, at, message, "empty");
        reader.report(diagnostic.help("leave `events` out to handle all of them".to_owned()));
    }
    let mut told = [false; N];
    for word in words {
        match kinds.iter().position(|kind| *kind == word.value) {
            Some(index) => told[index] = true,
            None => {
                let message = format!("{} is no kind of {what}", reader.quote(&word.at));
                let help = format!("the kinds are `{}`", kinds.join("`, `"));
                reader.report(Diagnostic::new(Code::BadValue, word.at, message, "not possible").help(help));
            }
        }
    }
    told
}

pub(super) fn read_filter(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Filter> {
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        reader.wrong_type(value, "filter", "a table", "such as: filter = { kind = [\"a\", \"b\"] }".to_owned());
        return None;
    }
    match Filter::parse(&json(value)) {
        Ok(filter) => Some(filter),
        Err(error) => {
            let message = format!("the filter can't be read: {error}");
            let help = "such as: filter = { kind = [\"a\", { prefix = \"b\" }], size = [{ numeric = [\">\", 10] }] }";
            let diagnostic = Diagnostic::new(Code::BadFilter, value.span(), message, "is no filter");
            reader.report(diagnostic.help(help.to_owned()));
            None
        }
    }
}

/// A value of the file as JSON. What JSON does not have, a filter does not take: as a text it is refused with its place.
fn json(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => number_of(number.as_str()),
        DeValue::Float(number) => number_of(number.as_str()),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(json).collect()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.get_ref().clone().into_owned(), json(value)));
            Value::Object(entries.collect())
        }
    }
}

/// Numbers of TOML may have underscores and a plus, those of JSON have not.
fn number_of(text: &str) -> Value {
    let plain = text.replace('_', "");
    let plain = plain.strip_prefix('+').unwrap_or(&plain);
    serde_json::from_str(plain).unwrap_or_else(|_| Value::String(text.to_owned()))
}
