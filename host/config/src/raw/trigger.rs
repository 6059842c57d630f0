//! `[[trigger]]`.

use super::section::Section;
use super::{At, Field, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use flint_model::filter::Filter;
use serde_json::Value;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// A trigger; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Trigger {
    /// Where it stands.
    pub(crate) at: Span,
    pub(crate) queue: Option<At<String>>,
    pub(crate) function: Option<At<String>>,
    pub(crate) batch_size: Field<usize>,
    pub(crate) batch_window: Duration,
    pub(crate) concurrency: usize,
    pub(crate) transactional: Field<bool>,
    pub(crate) filter: Option<Filter>,
    pub(crate) retry_delay: Duration,
    pub(crate) retry_delay_max: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Trigger {
    Trigger {
        at: section.at(),
        queue: section.required(reader, "queue"),
        function: section.required(reader, "function"),
        batch_size: section.field(reader, "batch-size"),
        batch_window: section.field(reader, "batch-window").value,
        concurrency: section.field(reader, "concurrency").value,
        transactional: section.field(reader, "transactional"),
        filter: section.get("filter").and_then(|(_, value)| read_filter(reader, value)),
        retry_delay: section.field(reader, "retry-delay").value,
        retry_delay_max: section.field(reader, "retry-delay-max").value,
    }
}

fn read_filter(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Filter> {
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
