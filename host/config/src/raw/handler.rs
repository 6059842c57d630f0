//! Who a route, a trigger or a schedule leads to: `function` or `workflow`.

use super::section::Section;
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform;
use flint_model::{FunctionName, WorkflowName};

/// Who handles what happens, by name as written.
#[derive(Debug)]
pub(crate) enum Handler {
    Function(At<String>),
    Workflow(At<String>),
}

impl Handler {
    /// The function, if it is one.
    pub(crate) fn function(&self) -> Option<&At<String>> {
        match self {
            Self::Function(name) => Some(name),
            Self::Workflow(_) => None,
        }
    }

    /// The workflow, if it is one.
    pub(crate) fn workflow(&self) -> Option<&At<String>> {
        match self {
            Self::Function(_) => None,
            Self::Workflow(name) => Some(name),
        }
    }

    /// The name, whichever it is.
    pub(crate) fn name(&self) -> &At<String> {
        match self {
            Self::Function(name) | Self::Workflow(name) => name,
        }
    }

    /// Its key.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Workflow(_) => "workflow",
        }
    }

    /// The same with a valid name.
    pub(crate) fn finish(&self) -> Option<platform::Handler> {
        Some(match self {
            Self::Function(name) => platform::Handler::Function(FunctionName::parse(&name.value).ok()?),
            Self::Workflow(name) => platform::Handler::Workflow(WorkflowName::parse(&name.value).ok()?),
        })
    }
}

/// Reads the one that has to be there. `what` is such as `a trigger`.
pub(super) fn required(reader: &mut Reader<'_>, section: &Section<'_, '_>, what: &str) -> Option<Handler> {
    if !section.has("function") && !section.has("workflow") && section.is_there() {
        let message = format!("{what} leads to a function or to a workflow");
        let diagnostic = Diagnostic::new(Code::MissingKey, section.at(), message, "leads nowhere");
        let help = "`function`: the function that is called. `workflow`: the workflow of which an execution is started";
        reader.report(diagnostic.help(help.to_owned()));
    }
    optional(reader, section, what)
}

/// Reads the one that is there, and reports a second one.
pub(super) fn optional(reader: &mut Reader<'_>, section: &Section<'_, '_>, what: &str) -> Option<Handler> {
    if let (Some((function, _)), Some((workflow, _))) = (section.get("function"), section.get("workflow")) {
        let message = format!("{what} leads to a function or to a workflow, not to both");
        let diagnostic = Diagnostic::new(Code::BadHandler, workflow, message, "one of two");
        let diagnostic = diagnostic.also(Some(function), "the other one");
        reader.report(diagnostic.help(format!("remove one of them, or write {what} for each")));
    }
    let (function, workflow) = (section.optional(reader, "function"), section.optional(reader, "workflow"));
    function.map(Handler::Function).or(workflow.map(Handler::Workflow))
}
