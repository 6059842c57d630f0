//! `[schedule.SCHEDULE]`.

use super::handler::{self, Handler};
use super::section::Section;
use super::{At, Field, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::Overlap;
use flint_model::schedule::{Error, Missed, Schedule as When};
use std::time::Duration;

/// A schedule; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) when: Option<When>,
    pub(crate) zone: String,
    pub(crate) handler: Option<Handler>,
    pub(crate) payload: Option<String>,
    pub(crate) missed: Missed,
    pub(crate) grace: Duration,
    pub(crate) overlap: Overlap,
    pub(crate) waiting_max: usize,
    pub(crate) transactional: Field<bool>,
    pub(crate) max_receives: usize,
    pub(crate) retry_delay: Duration,
    pub(crate) retry_delay_max: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Schedule {
    let when = section.required(reader, "when");
    let zone = section.field(reader, "zone");
    let concurrency = section.field(reader, "concurrency").value;
    Schedule {
        when: when.and_then(|when| read_when(reader, &when, &zone)),
        zone: zone.value,
        handler: handler::required(reader, section, "a schedule"),
        payload: section.optional(reader, "payload").and_then(|payload| read_payload(reader, payload)),
        missed: match section.field::<String>(reader, "missed").value.as_str() {
            "skip" => Missed::Skip,
            _ => Missed::RunOnce,
        },
        grace: section.field(reader, "grace").value,
        overlap: match section.field::<String>(reader, "overlap").value.as_str() {
            "allow" => Overlap::Allow { concurrency },
            "skip" => Overlap::Skip,
            _ => Overlap::Queue,
        },
        waiting_max: section.field(reader, "waiting-max").value,
        transactional: section.field(reader, "transactional"),
        max_receives: section.field(reader, "max-receives").value,
        retry_delay: section.field(reader, "retry-delay").value,
        retry_delay_max: section.field(reader, "retry-delay-max").value,
    }
}

/// The longest payload, in bytes: more than one writes into a configuration, less than a message may have.
const PAYLOAD_MAX: usize = 64 << 10;

fn read_payload(reader: &mut Reader<'_>, payload: At<String>) -> Option<String> {
    if payload.value.len() <= PAYLOAD_MAX {
        return Some(payload.value);
    }
    let message = format!("a payload of {} bytes is too long for a schedule", payload.value.len());
    let diagnostic = Diagnostic::new(Code::OutOfRange, payload.at, message, "too long");
    reader.report(
        diagnostic.help(format!("at most {PAYLOAD_MAX} bytes; more belongs into a store that the function reads")),
    );
    None
}

const WHEN_HELP: &str = "such as: when = \"every 30s\", \"rate(5 minutes)\", \"30 3 * * MON-FRI\" or \"@daily\"";

/// Reads the expression in its zone. A mistake is where it stands: in the one, or in the other.
fn read_when(reader: &mut Reader<'_>, when: &At<String>, zone: &Field<String>) -> Option<When> {
    let error = match When::parse(&when.value, &zone.value) {
        Ok(when) => return Some(when),
        Err(error) => error,
    };
    let (at, what, help) = match (&error, &zone.at) {
        (Error::Zone { .. }, Some(zone)) => (zone.clone(), "zone", "such as: zone = \"Europe/Berlin\""),
        _ => (when.at.clone(), "when", WHEN_HELP),
    };
    let message = format!("`{what}` can't be read: {error}");
    reader.report(Diagnostic::new(Code::BadSchedule, at, message, "is no schedule").help(help.to_owned()));
    None
}
