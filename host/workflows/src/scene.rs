//! What the expressions of a state see, and how one of them fails.

use crate::clock::Clock;
use crate::failure::{Failure, name};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The variables that a state can read: its own scope's and those around it. An inner scope can't use a name of an outer one,
/// so one map is enough for all.
pub type Variables = Arc<BTreeMap<String, Value>>;

/// What an expression may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// `$` of JSONPath, `$states.input` of JSONata.
    pub input: &'a Value,
    /// `$states.result`.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`.
    pub error: Option<&'a Value>,
    /// `$$` of JSONPath, `$states.context` of JSONata.
    pub context: &'a Value,
    /// `$name`.
    pub variables: &'a Variables,
    /// What is random in it: the same seed gives the same values, so that an execution can be replayed.
    pub seed: u64,
    /// The moment that `$now` and `$millis` tell, in milliseconds since 1970.
    pub now: u64,
    /// What decides how long an evaluation may take.
    pub clock: &'a Clock,
}

impl<'a> Scene<'a> {
    /// The same, of another `$`.
    #[must_use]
    pub fn of(self, input: &'a Value) -> Self {
        Self { input, ..self }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The error's name.
    pub error: &'static str,
    /// The cause, without the words about the state that AWS puts in front.
    pub cause: String,
    /// The field that the expression stands in, such as `Arguments/FunctionName`.
    pub location: Option<String>,
}

impl Trouble {
    /// A path that finds nothing, and what else makes a state of JSONPath impossible.
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self { error: name::RUNTIME, cause: cause.into(), location: None }
    }

    /// A failure of this name.
    pub fn new(error: &'static str, cause: impl Into<String>) -> Self {
        Self { error, cause: cause.into(), location: None }
    }

    /// The same, of this field.
    #[must_use]
    pub fn at(self, location: &str) -> Self {
        Self { location: Some(location.to_owned()), ..self }
    }

    /// The failure of the state that was entered with the event of this number.
    #[must_use]
    pub fn of_state(self, state: &str, entered: u64) -> Failure {
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{entered}). {}",
            self.cause
        );
        Failure::new(self.error, cause)
    }
}
