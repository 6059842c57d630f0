//! What happened in an execution, as AWS's `GetExecutionHistory` tells it.

use crate::failure::Failure;
use crate::moment;
use serde_json::{Map, Value, json};

/// An event of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Counts from 1, without gaps.
    pub id: u64,
    /// The event that led to it; 0 for the first ones.
    pub previous: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Such as `TaskStateEntered`.
    pub kind: &'static str,
    /// What its kind has to say.
    pub details: Option<Value>,
}

impl Happened {
    /// The event with the names that AWS's API has.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), json!(moment::format(self.at)));
        event.insert("type".to_owned(), json!(self.kind));
        event.insert("id".to_owned(), json!(self.id));
        event.insert("previousEventId".to_owned(), json!(self.previous));
        if let Some(details) = &self.details {
            event.insert(details_key(self.kind), details.clone());
        }
        Value::Object(event)
    }
}

/// The name of the field that holds an event's details.
fn details_key(kind: &str) -> String {
    let kind = match kind {
        kind if kind.ends_with("StateEntered") => "StateEntered",
        kind if kind.ends_with("StateExited") => "StateExited",
        kind => kind,
    };
    let (first, rest) = kind.split_at(1);
    format!("{}{rest}EventDetails", first.to_ascii_lowercase())
}

/// Details that tell an error; what is not there is left out.
#[must_use]
pub fn of_failure(failure: &Failure) -> Map<String, Value> {
    let mut details = Map::new();
    for (name, text) in [("error", &failure.error), ("cause", &failure.cause)] {
        if !text.is_empty() {
            details.insert(name.to_owned(), json!(text));
        }
    }
    details
}

/// Details that tell data as text, in a field of this name.
#[must_use]
pub fn of_data(field: &str, data: &Value) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert(field.to_owned(), json!(data.to_string()));
    details.insert(format!("{field}Details"), json!({"truncated": false}));
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_names_of_the_api() {
        let happened =
            Happened { id: 3, previous: 2, at: 1_000, kind: "PassStateExited", details: Some(json!({"name": "a"})) };
        let expected = json!({
            "timestamp": "1970-01-01T00:00:01.000Z", "type": "PassStateExited", "id": 3, "previousEventId": 2,
            "stateExitedEventDetails": {"name": "a"},
        });
        assert_eq!(happened.to_json(), expected);
        assert_eq!(details_key("LambdaFunctionFailed"), "lambdaFunctionFailedEventDetails");
    }
}
