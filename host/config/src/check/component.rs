//! What the configuration says of a function against what its component is.

use crate::component::{DescribeError, Import, Shape};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::Isolation;
use crate::raw::{At, Function, Reader, Route};
use flint_model::FunctionName;

/// Reports `uses` where every instance serves one event. This needs no component.
pub(crate) fn check_uses(reader: &mut Reader<'_>, function: &Function) {
    if let Some(at) = &function.uses.at
        && function.isolation.value == "fresh"
    {
        let message = "`uses` does nothing with `isolation = \"fresh\"`: an instance serves one event";
        let diagnostic = Diagnostic::new(Code::UselessUses, at.clone(), message, "is of no use");
        let diagnostic = diagnostic.also(function.isolation.at.clone(), "one event an instance");
        reader.report(diagnostic.help("remove it, or set `isolation = \"serial\"`".to_owned()));
    }
}

/// Reports a source that could not be made into a component.
pub(crate) fn no_component(reader: &mut Reader<'_>, source: &At<std::path::PathBuf>, error: DescribeError) {
    let label = "no component comes from this";
    reader.report(Diagnostic::new(Code::NoComponent, source.at.clone(), error.message, label).help(error.help));
}

/// Checks a function against its component: handlers, isolation, grants.
pub(crate) fn check(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    function: &Function,
    isolation: Isolation,
    shape: &Shape,
    routes: &[Route],
) {
    check_handlers(reader, name, function, shape, routes);
    if let Some(at) = &function.isolation.at
        && matches!(isolation, Isolation::Shared { .. })
        && shape.has_handler()
        && !shape.can_be_shared()
    {
        let message = format!("an instance of `{name}` can't serve several events at once");
        let help = "wasi:http@0.2 is synchronous: export wasi:http/handler@0.3, or set `isolation = \"serial\"`";
        let diagnostic = Diagnostic::new(Code::NotShareable, at.clone(), message, "has no asynchronous handler");
        reader.report(diagnostic.help(help.to_owned()));
    }
    let mut imports: Vec<_> = shape.imports.iter().collect();
    imports.sort();
    imports.dedup();
    for import in imports {
        check_import(reader, name, function, import);
    }
}

fn check_handlers(reader: &mut Reader<'_>, name: &FunctionName, function: &Function, shape: &Shape, routes: &[Route]) {
    let Some(source) = &function.source else { return };
    if !shape.has_handler() {
        let message = format!("the component of `{name}` exports no handler");
        let help = "export wasi:http/handler@0.3, wasi:http/incoming-handler@0.2 or a handler of flint:platform";
        let diagnostic = Diagnostic::new(Code::NoHandler, source.at.clone(), message, "can't be called");
        reader.report(diagnostic.help(help.to_owned()));
        return;
    }
    if shape.http.is_some() {
        return;
    }
    let functions = routes.iter().filter_map(|route| route.handler.as_ref()?.function());
    for target in functions.filter(|to| to.value == name.as_str()) {
        let message = format!("a route leads to `{name}`, whose component has no HTTP handler");
        let diagnostic = Diagnostic::new(Code::NoHandler, target.at.clone(), message, "does not answer HTTP");
        let help = "export wasi:http/handler@0.3, with #[flint_sdk::http] in Rust; or remove the route";
        reader.report(diagnostic.also(Some(source.at.clone()), "made from this").help(help.to_owned()));
    }
}

fn check_import(reader: &mut Reader<'_>, name: &FunctionName, function: &Function, import: &Import) {
    let (given, what, help) = match import {
        Import::Config => return,
        Import::Kv => (
            function.grants.kv.is_some(),
            "key-value stores, and `grants.kv` is missing",
            "grants = { kv = { STORE = \"read-write\" } }, or grants = { kv = {} } for none",
        ),
        Import::Blob => (
            function.grants.buckets.is_some(),
            "buckets of blobs, and `grants.blob` is missing",
            "grants = { blob = { BUCKET = \"read-write\" } }, or grants = { blob = {} } for none",
        ),
        Import::Queue => (
            function.grants.queues.is_some(),
            "queues, and `grants.queue` is missing",
            "grants = { queue = { QUEUE = \"send\" } }, or grants = { queue = {} } for none",
        ),
        Import::Topic => (
            function.grants.topics.is_some(),
            "topics, and `grants.topic` is missing",
            "grants = { topic = { TOPIC = \"publish\" } }, or grants = { topic = {} } for none",
        ),
        Import::Invoke => (
            function.grants.functions.is_some(),
            "calls of other functions, and `grants.invoke` is missing",
            "grants = { invoke = { FUNCTION = \"call\" } }, or grants = { invoke = {} } for none",
        ),
        Import::Workflow => (
            function.grants.workflows.is_some(),
            "workflows, and `grants.workflow` is missing",
            "grants = { workflow = { WORKFLOW = \"start\" } }, or grants = { workflow = {} } for none",
        ),
        Import::Secrets => (
            function.secrets.is_some(),
            "secrets, and is given none",
            "secrets = { NAME = { env = \"VARIABLE\" } }, or secrets = {} for none",
        ),
        Import::Outbound => (
            function.outbound.is_some(),
            "outbound HTTP, and `outbound` is missing",
            "outbound = [\"api.example.com\"], or outbound = [] for none",
        ),
        Import::Unknown(interface) => {
            let Some(source) = &function.source else { return };
            let message = format!("the component of `{name}` imports `{interface}`, which this host does not serve");
            let help = "build it without, or against a version that is served; a newer flint may serve it".to_owned();
            reader.report(
                Diagnostic::new(Code::UnservedImport, source.at.clone(), message, "can't be started").help(help),
            );
            return;
        }
    };
    if !given {
        let message = format!("the component of `{name}` imports {what}");
        let diagnostic = Diagnostic::new(Code::MissingGrant, function.at.clone(), message, "lacks a grant");
        reader.report(diagnostic.help(format!("add: {help}")));
    }
}
