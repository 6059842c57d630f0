//! What happened in an execution, as AWS's `GetExecutionHistory` tells it.

use crate::failure::Failure;
use crate::moment;
use crate::size;
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

/// Which events of a history are kept: of those that are not, nothing is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The numbers of the first that is kept, and of the first after the last.
    from: u64,
    until: u64,
    /// How many bytes are kept yet.
    room: usize,
    /// Whether of details only the name of the state is kept.
    is_brief: bool,
}

impl Keep {
    /// No events.
    pub const NOTHING: Self = Self { from: u64::MAX, until: u64::MAX, room: 0, is_brief: false };
    /// All events.
    pub const ALL: Self = Self { from: 0, until: u64::MAX, room: usize::MAX, is_brief: false };
    /// All events, with no more than which state each is about.
    pub const STATES: Self = Self { is_brief: true, ..Self::ALL };

    /// The events after one, so many and so many bytes at most; one of them whatever it is.
    #[must_use]
    pub fn page(after: u64, most: u64, bytes: usize) -> Self {
        let from = after.saturating_add(1);
        Self { from, until: from.saturating_add(most), room: bytes, is_brief: false }
    }

    /// All events, up to so many bytes.
    #[must_use]
    pub fn up_to(bytes: usize) -> Self {
        Self { room: bytes, ..Self::ALL }
    }

    /// The number of the first event for which there is no room any more.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.until
    }

    /// Whether the event of this number is kept, as far as one can know without it.
    pub(crate) fn wants(&self, id: u64) -> bool {
        (self.from..self.until).contains(&id)
    }

    /// Takes what is kept of an event that is wanted; nothing if there is no room for it, nor for what comes after it.
    pub(crate) fn take(&mut self, mut happened: Happened) -> Option<Happened> {
        if let Some(details) = happened.details.as_mut().and_then(Value::as_object_mut).filter(|_| self.is_brief) {
            details.retain(|name, _| matches!(name.as_str(), "name" | "state"));
        }
        let size = EVENT + happened.details.as_ref().map_or(0, size::of);
        match self.room.checked_sub(size) {
            Some(left) => self.room = left,
            None if happened.id == self.from => self.room = 0,
            None => {
                self.until = happened.id;
                return None;
            }
        }
        Some(happened)
    }
}

/// About how many bytes an event has without its details.
const EVENT: usize = 128;

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
    fn a_page_ends_when_it_is_full_by_number_or_by_bytes_and_has_an_event_at_least() {
        let kept = |mut keep: Keep| {
            let event = |id| Happened { id, previous: 0, at: 0, kind: "k", details: Some(json!("x".repeat(1_000))) };
            let mut ids = Vec::new();
            for id in 1..=9 {
                let kept = if keep.wants(id) { keep.take(event(id)) } else { None };
                ids.extend(kept.map(|event| event.id));
            }
            (ids, keep.until())
        };
        assert_eq!(kept(Keep::page(2, 3, usize::MAX)), (vec![3, 4, 5], 6));
        assert_eq!(kept(Keep::page(2, 3, 2_500)), (vec![3, 4], 5));
        assert_eq!(kept(Keep::page(2, 3, 10)), (vec![3], 4));
        assert_eq!(kept(Keep::page(9, 3, 10)), (vec![], 13));
        assert_eq!(kept(Keep::up_to(2_500)), (vec![1, 2], 3));
        assert!(kept(Keep::NOTHING).0.is_empty());
    }

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
