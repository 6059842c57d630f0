//! What is written of one execution.

use super::Group;
use crate::definition::Transformation;
use crate::moment;
use serde_json::{Map, Value, json};

/// An execution of an item or a batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its ARN.
    pub execution: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The ARN of its state machine.
    pub machine: &'a str,
    /// Its input.
    pub input: &'a Value,
    /// How it ended, if it began.
    pub outcome: Outcome<'a>,
    /// When, and how often it was redriven.
    pub details: Details,
}

/// When an execution ran, and how often it was redriven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// When it started, in milliseconds since 1970.
    pub started: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub stopped: Option<u64>,
    /// How often it was redriven.
    pub redrives: u32,
    /// Whether it can be redriven.
    pub is_redrivable: bool,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// It never started.
    Pending,
    /// Well, with this output.
    Succeeded(&'a Value),
    /// With an error.
    Failed {
        /// The name of the error.
        error: Option<&'a str>,
        /// What a person reads.
        cause: Option<&'a str>,
    },
    /// It took too long.
    TimedOut {
        /// The name of the error.
        error: Option<&'a str>,
        /// What a person reads.
        cause: Option<&'a str>,
    },
    /// It was stopped.
    Aborted {
        /// The name of the error.
        error: Option<&'a str>,
        /// What a person reads.
        cause: Option<&'a str>,
    },
}

impl Outcome<'_> {
    /// Which file it belongs to.
    #[must_use]
    pub fn group(&self) -> Group {
        match self {
            Self::Pending => Group::Pending,
            Self::Succeeded(_) => Group::Succeeded,
            Self::Failed { .. } | Self::TimedOut { .. } | Self::Aborted { .. } => Group::Failed,
        }
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded(_) => "SUCCEEDED",
            Self::Failed { .. } => "FAILED",
            Self::TimedOut { .. } => "TIMED_OUT",
            Self::Aborted { .. } => "ABORTED",
        }
    }
}

impl Record<'_> {
    /// Tells each value that is written of it. Of what did not succeed, it is always the whole record.
    pub(crate) fn each(&self, transformation: Transformation, mut tell: impl FnMut(&Value)) {
        match (self.outcome, transformation) {
            (Outcome::Succeeded(Value::Array(items)), Transformation::Flatten) => items.iter().for_each(tell),
            (Outcome::Succeeded(output), Transformation::Compact | Transformation::Flatten) => tell(output),
            _ => tell(&self.whole()),
        }
    }

    /// The record with all that is known, its fields in the order of the alphabet, as AWS writes them.
    fn whole(&self) -> Value {
        let status = self.outcome.status();
        let redrive = match self.details.is_redrivable {
            true => ("REDRIVABLE", None),
            false => ("NOT_REDRIVABLE", Some(format!("Execution is {status} and cannot be redriven"))),
        };
        let (error, cause) = match self.outcome {
            Outcome::Pending | Outcome::Succeeded(_) => (None, None),
            Outcome::Failed { error, cause }
            | Outcome::TimedOut { error, cause }
            | Outcome::Aborted { error, cause } => (error, cause),
        };
        let output = match self.outcome {
            Outcome::Succeeded(output) => Some(output.to_string()),
            _ => None,
        };
        let is_output = output.is_some();
        let included = || json!({"Included": true});
        let fields = [
            ("Cause", cause.map(Value::from)),
            ("Error", error.map(Value::from)),
            ("ExecutionArn", Some(self.execution.into())),
            ("Input", Some(self.input.to_string().into())),
            ("InputDetails", Some(included())),
            ("Name", Some(self.name.into())),
            ("Output", output.map(Value::from)),
            ("OutputDetails", is_output.then(included)),
            ("RedriveCount", Some(self.details.redrives.into())),
            ("RedriveStatus", Some(redrive.0.into())),
            ("RedriveStatusReason", redrive.1.map(Value::from)),
            ("StartDate", self.details.started.map(|ms| moment::format(ms).into())),
            ("StateMachineArn", Some(self.machine.into())),
            ("Status", Some(status.into())),
            ("StopDate", self.details.stopped.map(|ms| moment::format(ms).into())),
        ];
        let known = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(known.collect::<Map<_, _>>())
    }
}
