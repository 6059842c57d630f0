//! `[workflow.WORKFLOW]`.

use super::section::Section;
use super::{At, Reader};
use crate::platform::Kind;
use std::time::Duration;

/// A workflow; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) definition: Option<At<String>>,
    pub(crate) kind: Kind,
    pub(crate) concurrency: usize,
    pub(crate) retention: Duration,
    pub(crate) runs_cached: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Workflow {
    Workflow {
        definition: section.required(reader, "definition"),
        kind: match section.field::<String>(reader, "type").value.as_str() {
            "express" => Kind::Express,
            _ => Kind::Standard,
        },
        concurrency: section.field(reader, "concurrency").value,
        retention: section.field(reader, "retention").value,
        runs_cached: section.field(reader, "runs-cached").value,
    }
}
