//! From JSON to a state machine, or to every mistake in it.
//!
//! Each state is read by itself, with what its type and its query language allow; what is between states (targets,
//! reachability, names, scopes) is looked at by [`super::graph`].

use super::fields::{Fields, Mistakes, listed};
use super::{Flow, Graph, JsonataFlow, Kind, Language, Machine, Next, State, flow, graph, kind};
use crate::jsonata::{self, Jsonata};
use crate::mistake::{Mistake, Place};
use indexmap::IndexMap;
use serde_json::Value;
use std::sync::Arc;

/// The types of states.
const TYPES: [&str; 8] = ["Task", "Parallel", "Map", "Choice", "Wait", "Pass", "Succeed", "Fail"];
/// The longest name of a state, in characters ("State machine structure").
const NAME_MAX: usize = 80;
/// Most seconds that anything takes.
pub(super) const SECONDS_MAX: f64 = 99_999_999.0;

/// Reads a state machine.
///
/// # Errors
/// Every mistake in it, in no particular order.
pub fn read(value: &Value) -> Result<Machine, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let machine = machine(value, &mut mistakes);
    match machine {
        Some(machine) if mistakes.is_empty() => Ok(machine),
        _ => Err(mistakes.into_all()),
    }
}

fn machine(value: &Value, mistakes: &mut Mistakes) -> Option<Machine> {
    let mut fields = Fields::of(value, &Place::default(), "a state machine", mistakes)?;
    let comment = fields.text("Comment", mistakes).map(str::to_owned);
    if let Some(version) = fields.text("Version", mistakes)
        && version != "1.0"
    {
        mistakes.add("workflow/value", &fields.at("Version"), format!("the version is `1.0`, not `{version}`"), None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and within its range")]
    let timeout = fields.number("TimeoutSeconds", (1.0, SECONDS_MAX), true, mistakes).map(|seconds| seconds as u64);
    let language = language(&mut fields, mistakes).unwrap_or(Language::JsonPath);
    let graph = graph(fields, language, "a state machine", mistakes)?;
    graph::check(&graph, mistakes);
    Some(Machine { comment, timeout, graph: Arc::new(graph), is_long: is_long(value) })
}

/// Whether there is an expression of JSONata in it that is more than a look-up.
fn is_long(value: &Value) -> bool {
    match value {
        Value::String(text) => jsonata::text_of(text).is_some_and(|text| !Jsonata::is_lookup(text)),
        Value::Array(items) => items.iter().any(is_long),
        Value::Object(fields) => fields.values().any(is_long),
        _ => false,
    }
}

fn language(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<Language> {
    Some(match fields.word("QueryLanguage", &["JSONPath", "JSONata"], mistakes)? {
        "JSONata" => Language::Jsonata,
        _ => Language::JsonPath,
    })
}

/// Reads the states of a machine, a branch or an item processor.
pub(super) fn graph(mut fields: Fields, language: Language, what: &str, mistakes: &mut Mistakes) -> Option<Graph> {
    let start = fields.required("StartAt", mistakes).and(fields.text("StartAt", mistakes)).map(str::to_owned);
    let place = fields.at("States");
    let states = fields
        .required("States", mistakes)
        .and_then(|states| Fields::of(states, &place, "`States`", mistakes).and(states.as_object()));
    if states.is_some_and(serde_json::Map::is_empty) {
        mistakes.add("workflow/empty", &place, "`States` has no state", None);
    }
    fields.finish(what, mistakes);
    let outer = mistakes.state.take();
    let mut read = IndexMap::new();
    for (name, value) in states? {
        mistakes.state = Some(name.clone());
        let place = place.field(name);
        if name.is_empty() || name.chars().count() > NAME_MAX {
            let message = format!("the name of a state has 1 to {NAME_MAX} characters");
            mistakes.add("workflow/name", &place, message, None);
        }
        // One that can't be read stands for itself, so that what leads to it is no mistake.
        read.insert(name.clone(), state(value, &place, language, mistakes).unwrap_or_else(unread));
    }
    mistakes.state = outer;
    Some(Graph { start: start?, states: read })
}

fn state(value: &Value, place: &Place, outer: Language, mistakes: &mut Mistakes) -> Option<State> {
    let mut fields = Fields::of(value, place, "a state", mistakes)?;
    fields.required("Type", mistakes)?;
    let kind = fields.word("Type", &TYPES, mistakes)?;
    fields.text("Comment", mistakes);
    let language = match (language(&mut fields, mistakes), outer) {
        (Some(Language::JsonPath), Language::Jsonata) => {
            let message = "a state can't be in JSONPath if the whole state machine is in JSONata";
            mistakes.add("workflow/query-language", &fields.at("QueryLanguage"), message, None);
            Language::Jsonata
        }
        (own, outer) => own.unwrap_or(outer),
    };
    let what = format!("a {kind} state{}", if language == Language::Jsonata { " in JSONata" } else { "" });
    let next = next(&mut fields, kind, mistakes);
    let flow = flow::read(&mut fields, kind, language, mistakes);
    let assign = flow::assign(&mut fields, kind, language, mistakes);
    let (retry, catch) = super::retry::read(&mut fields, kind, language, mistakes);
    let kind = kind::read(&mut fields, kind, language, outer, mistakes);
    fields.finish(&what, mistakes);
    Some(State { kind: kind.unwrap_or(Kind::Pass(None)), next, flow, assign, retry, catch })
}

/// In place of a state that can't be read.
fn unread() -> State {
    let flow = Flow::Jsonata(Box::new(JsonataFlow { arguments: None, output: None }));
    State { kind: Kind::Succeed, next: Next::End, flow, assign: None, retry: Vec::new(), catch: Vec::new() }
}

/// Where a state leads: `Next` or `End`, of those that have them.
fn next(fields: &mut Fields, kind: &str, mistakes: &mut Mistakes) -> Next {
    if matches!(kind, "Choice" | "Succeed" | "Fail") {
        let why = if kind == "Choice" { "its rules say where it goes on" } else { "it ends what it is in" };
        fields.forbid("Next", why);
        fields.forbid("End", why);
        return Next::End;
    }
    let (next, end) = (fields.text("Next", mistakes), fields.flag("End", mistakes));
    let (has_next, has_end) = (fields.has("Next"), fields.has("End"));
    match (next, end) {
        (Some(_), Some(true)) => {
            mistakes.add(
                "workflow/conflict",
                &fields.at("End"),
                "`Next` and `End` exclude each other",
                Some("remove one of them".to_owned()),
            );
        }
        (None, Some(false)) if !has_next => {
            mistakes.add("workflow/value", &fields.at("End"), "`End` is `true`, or the state has a `Next`", None);
        }
        _ if !has_next && !has_end => {
            let names = listed(&["Next", "End"]);
            mistakes.add(
                "workflow/missing-field",
                &fields.place,
                format!("the state has neither of {names}"),
                Some("add `\"Next\": \"…\"` or `\"End\": true`".to_owned()),
            );
        }
        _ => {}
    }
    next.map_or(Next::End, |next| Next::To(next.to_owned()))
}
