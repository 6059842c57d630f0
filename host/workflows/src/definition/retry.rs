//! Reading `Retry` and `Catch`.

use super::fields::{Fields, Mistakes};
use super::{Catcher, Language, Retrier, flow};
use crate::failure::name;
use crate::mistake::Place;
use serde_json::Value;

/// Reads `Retry` and `Catch` of a state; only Task, Parallel and Map have them.
pub(super) fn read(
    fields: &mut Fields,
    kind: &str,
    language: Language,
    mistakes: &mut Mistakes,
) -> (Vec<Retrier>, Vec<Catcher>) {
    if !matches!(kind, "Task" | "Parallel" | "Map") {
        return (Vec::new(), Vec::new());
    }
    let retriers = items(fields, "Retry", mistakes, retrier);
    let catchers = items(fields, "Catch", mistakes, |fields, mistakes| catcher(fields, language, mistakes));
    (retriers, catchers)
}

fn items<T>(
    fields: &mut Fields,
    name: &'static str,
    mistakes: &mut Mistakes,
    read: impl Fn(&mut Fields, &mut Mistakes) -> Option<T>,
) -> Vec<T> {
    let Some(list) = fields.list(name, mistakes) else { return Vec::new() };
    let place = fields.at(name);
    let what = if name == "Retry" { "a retrier" } else { "a catcher" };
    let mut found = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let place = place.item(index);
        let Some(mut item) = Fields::of(value, &place, what, mistakes) else { continue };
        item.text("Comment", mistakes);
        found.extend(read(&mut item, mistakes));
        check_all(value, index + 1 == list.len(), &place, mistakes);
        item.finish(what, mistakes);
    }
    found
}

/// `States.ALL` stands alone, in the last retrier or catcher.
fn check_all(value: &Value, is_last: bool, place: &Place, mistakes: &mut Mistakes) {
    let Some(errors) = value.get("ErrorEquals").and_then(Value::as_array) else { return };
    if !errors.iter().any(|error| error == name::ALL) {
        return;
    }
    let place = place.field("ErrorEquals");
    if errors.len() > 1 {
        mistakes.add(
            "workflow/error-equals",
            &place,
            "`States.ALL` stands alone",
            Some("remove the other names".to_owned()),
        );
    }
    if !is_last {
        let message = "`States.ALL` stands in the last one: what follows is never looked at";
        mistakes.add("workflow/error-equals", &place, message, Some("move it to the end".to_owned()));
    }
}

fn errors(fields: &mut Fields, mistakes: &mut Mistakes) -> Vec<String> {
    fields.required("ErrorEquals", mistakes);
    let (Some(list), place) = (fields.list("ErrorEquals", mistakes), fields.at("ErrorEquals")) else {
        return Vec::new();
    };
    if list.is_empty() {
        mistakes.add("workflow/empty", &place, "`ErrorEquals` names no error", None);
    }
    let mut found = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let Some(error) = value.as_str() else {
            mistakes.add("workflow/type", &place.item(index), "the name of an error is a text", None);
            continue;
        };
        found.push(error.to_owned());
    }
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within its range")]
fn retrier(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<Retrier> {
    Some(Retrier {
        errors: errors(fields, mistakes),
        interval: fields.number("IntervalSeconds", (1.0, 99_999_999.0), true, mistakes).unwrap_or(1.0),
        attempts: fields.number("MaxAttempts", (0.0, 99_999_999.0), true, mistakes).unwrap_or(3.0) as u32,
        backoff: fields.number("BackoffRate", (1.0, f64::MAX), false, mistakes).unwrap_or(2.0),
        delay_max: fields.number("MaxDelaySeconds", (1.0, 31_622_400.0), true, mistakes),
        jitter: fields.word("JitterStrategy", &["FULL", "NONE"], mistakes) == Some("FULL"),
    })
}

fn catcher(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<Catcher> {
    let errors = errors(fields, mistakes);
    fields.required("Next", mistakes);
    let next = fields.text("Next", mistakes).map(str::to_owned);
    let assign = flow::assign(fields, "catcher", language, mistakes);
    let (mut result_path, mut output) = (None, None);
    match language {
        Language::JsonPath => {
            result_path = flow::result_path(fields, mistakes);
            fields.forbid("Output", "it is of JSONata, and the state is in JSONPath");
        }
        Language::Jsonata => {
            output = flow::output(fields, "catcher", mistakes);
            fields.forbid("ResultPath", "it is of JSONPath, and the state is in JSONata");
        }
    }
    Some(Catcher { errors, next: next?, result_path, output, assign })
}
