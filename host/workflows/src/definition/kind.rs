//! Reading what a state does.

use super::fields::{Fields, Mistakes};
use super::flow::{self, is_expression};
use super::read::SECONDS_MAX;
use super::{Amount, Fail, Graph, Kind, Language, Moment, Task, Text, Wait, choice, map};
use crate::mistake::Place;
use crate::moment;
use crate::resource::{Resource, Service};
use crate::template::Template;
use serde_json::Value;
use std::sync::Arc;

/// Reads the fields of a state's type.
pub(super) fn read(
    fields: &mut Fields,
    kind: &str,
    language: Language,
    outer: Language,
    mistakes: &mut Mistakes,
) -> Option<Kind> {
    Some(match kind {
        "Task" => Kind::Task(Box::new(task(fields, language, mistakes)?)),
        "Parallel" => Kind::Parallel(branches(fields, outer, mistakes)?),
        "Map" => Kind::Map(Box::new(map::read(fields, language, outer, mistakes)?)),
        "Choice" => Kind::Choice(Box::new(choice::read(fields, language, mistakes)?)),
        "Wait" => Kind::Wait(wait(fields, language, mistakes)?),
        "Succeed" => Kind::Succeed,
        "Fail" => Kind::Fail(fail(fields, language, mistakes)),
        _ => Kind::Pass(result(fields, language)),
    })
}

fn result(fields: &mut Fields, language: Language) -> Option<Value> {
    match language {
        Language::JsonPath => fields.get("Result").cloned(),
        Language::Jsonata => {
            fields.forbid("Result", "it is of JSONPath, and the state is in JSONata: use `Output`");
            None
        }
    }
}

fn task(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<Task> {
    fields.required("Resource", mistakes);
    let place = fields.at("Resource");
    let resource = fields.text("Resource", mistakes).and_then(|text| {
        let wrong = |message| mistakes.add("workflow/resource", &place, message, None);
        Resource::parse(text).map_err(wrong).ok()
    });
    let timeout = amount(fields, "TimeoutSeconds", Some("TimeoutSecondsPath"), (1.0, SECONDS_MAX), language, mistakes);
    let heartbeat =
        amount(fields, "HeartbeatSeconds", Some("HeartbeatSecondsPath"), (1.0, SECONDS_MAX), language, mistakes);
    if let (Some(Amount::Fixed(timeout)), Some(Amount::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        let message = "`HeartbeatSeconds` is smaller than `TimeoutSeconds`";
        mistakes.add("workflow/range", &fields.at("HeartbeatSeconds"), message, None);
    }
    let credentials = flow::payload(fields, "Credentials", language, mistakes);
    let resource = resource?;
    check_arguments(fields, &resource, language, mistakes);
    Some(Task { resource, timeout, heartbeat, credentials })
}

/// The arguments without which a service can't be called.
fn check_arguments(fields: &mut Fields, resource: &Resource, language: Language, mistakes: &mut Mistakes) {
    let needed: &[&str] = match resource.service {
        Service::Function { .. } | Service::Activity { .. } | Service::Other { .. } => return,
        Service::Invoke => &["FunctionName"],
        Service::SqsSendMessage => &["QueueUrl", "MessageBody"],
        Service::SnsPublish => &["Message"],
        Service::StartExecution => &["StateMachineArn"],
        Service::DynamoDbGetItem | Service::DynamoDbUpdateItem | Service::DynamoDbDeleteItem => &["TableName", "Key"],
        Service::DynamoDbPutItem => &["TableName", "Item"],
        Service::PutEvents => &["Entries"],
    };
    let name = if language == Language::Jsonata { "Arguments" } else { "Parameters" };
    let Some(Value::Object(arguments)) = fields.get(name) else { return };
    let place = fields.at(name);
    for needed in needed {
        if !arguments.contains_key(*needed) && !arguments.contains_key(&format!("{needed}.$")) {
            let message = format!("`{name}` lacks `{needed}`, which `{}` needs", resource.text);
            mistakes.add("workflow/arguments", &place, message, None);
        }
    }
}

fn branches(fields: &mut Fields, outer: Language, mistakes: &mut Mistakes) -> Option<Vec<Arc<Graph>>> {
    fields.required("Branches", mistakes);
    let (list, place) = (fields.list("Branches", mistakes)?, fields.at("Branches"));
    if list.is_empty() {
        mistakes.add("workflow/empty", &place, "`Branches` has no branch", None);
    }
    let mut branches = Vec::new();
    for (index, value) in list.iter().enumerate() {
        branches.extend(graph(value, &place.item(index), "a branch", outer, mistakes).map(Arc::new));
    }
    (branches.len() == list.len()).then_some(branches)
}

/// Reads a graph within a state.
pub(super) fn graph(
    value: &Value,
    place: &Place,
    what: &str,
    outer: Language,
    mistakes: &mut Mistakes,
) -> Option<Graph> {
    let mut fields = Fields::of(value, place, what, mistakes)?;
    fields.text("Comment", mistakes);
    fields.get("ProcessorConfig");
    let language = match fields.word("QueryLanguage", &["JSONPath", "JSONata"], mistakes) {
        Some("JSONata") => Language::Jsonata,
        _ => outer,
    };
    super::read::graph(fields, language, what, mistakes)
}

/// A number: fixed, of a path field of its own (JSONPath), or an expression (JSONata).
pub(super) fn amount(
    fields: &mut Fields,
    name: &'static str,
    path_name: Option<&'static str>,
    range: (f64, f64),
    language: Language,
    mistakes: &mut Mistakes,
) -> Option<Amount> {
    if let Some(path_name) = path_name {
        match language {
            Language::JsonPath => {
                fields.exclusive(&[name, path_name], mistakes);
                if fields.has(path_name) {
                    return fields.reference_path(path_name, mistakes).map(Amount::Path);
                }
            }
            Language::Jsonata => fields.forbid(path_name, "it is of JSONPath, and the state is in JSONata"),
        }
    }
    match fields.get(name) {
        Some(value) if language == Language::Jsonata && is_expression(value) => {
            fields.expression(name, mistakes).map(Amount::Jsonata)
        }
        _ => fields.number(name, range, !name.ends_with("Percentage"), mistakes).map(Amount::Fixed),
    }
}

fn wait(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<Wait> {
    let names: &[&'static str] = match language {
        Language::JsonPath => &["Seconds", "Timestamp", "SecondsPath", "TimestampPath"],
        Language::Jsonata => {
            fields.forbid("SecondsPath", "it is of JSONPath, and the state is in JSONata");
            fields.forbid("TimestampPath", "it is of JSONPath, and the state is in JSONata");
            &["Seconds", "Timestamp"]
        }
    };
    fields.exclusive(names, mistakes);
    match names.iter().copied().find(|name| fields.has(name)) {
        Some("SecondsPath") => {
            fields.reference_path("SecondsPath", mistakes).map(|path| Wait::Seconds(Amount::Path(path)))
        }
        Some("Seconds") => amount(fields, "Seconds", None, (0.0, SECONDS_MAX), language, mistakes).map(Wait::Seconds),
        Some("TimestampPath") => {
            fields.reference_path("TimestampPath", mistakes).map(|path| Wait::Timestamp(Moment::Path(path)))
        }
        Some(_)
            if fields.get("Timestamp").is_some_and(|value| language == Language::Jsonata && is_expression(value)) =>
        {
            fields.expression("Timestamp", mistakes).map(|expression| Wait::Timestamp(Moment::Jsonata(expression)))
        }
        Some(_) => {
            let text = fields.text("Timestamp", mistakes)?;
            let Some(at) = moment::parse(text) else {
                let message = format!("`{text}` is not a moment such as `2026-08-18T17:33:00Z` (RFC 3339)");
                mistakes.add("workflow/timestamp", &fields.at("Timestamp"), message, None);
                return None;
            };
            Some(Wait::Timestamp(Moment::Fixed(text.to_owned(), at)))
        }
        None => {
            let message = format!("a Wait state has one of {}", super::fields::listed(names));
            mistakes.add("workflow/missing-field", &fields.place, message, None);
            None
        }
    }
}

fn fail(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Fail {
    let error = text(fields, "Error", "ErrorPath", language, mistakes);
    Fail { error, cause: text(fields, "Cause", "CausePath", language, mistakes) }
}

fn text(
    fields: &mut Fields,
    name: &'static str,
    path_name: &'static str,
    language: Language,
    mistakes: &mut Mistakes,
) -> Option<Text> {
    match language {
        Language::Jsonata => {
            fields.forbid(path_name, "it is of JSONPath, and the state is in JSONata");
            if fields.get(name).is_some_and(is_expression) {
                return fields
                    .expression(name, mistakes)
                    .map(|expression| Text::Template(Template::Jsonata(expression)));
            }
        }
        Language::JsonPath => {
            fields.exclusive(&[name, path_name], mistakes);
            if let Some(text) = fields.text(path_name, mistakes) {
                let place = fields.at(path_name);
                let wrong = |message| mistakes.add("workflow/path", &place, message, None);
                let template = Template::path_or_intrinsic(text).map_err(wrong).ok()?;
                if let Template::Path(path) = &template
                    && !fields.single(path, path_name, mistakes)
                {
                    return None;
                }
                return Some(Text::Template(template));
            }
        }
    }
    fields.text(name, mistakes).map(|text| Text::Fixed(text.to_owned()))
}
