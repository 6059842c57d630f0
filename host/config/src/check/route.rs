//! Routes that take the same requests, and what does not go together in one.

use super::source::why_unreadable;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Cors, Kind, Methods, Route, Segment, Target};
use crate::raw::{self, File, Handler, Reader};
use crate::source::Span;
use flint_model::{FunctionName, WorkflowName};
use http::Method;
use std::fs;
use std::io;
use std::path::Path;

/// The methods that a page may use where a route takes all.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Reports each route that is ambiguous with one before it, and returns the valid ones, more specific ones first.
pub(crate) fn check(reader: &mut Reader<'_>, folder: &Path, file: &File) -> Vec<Route> {
    for route in &file.routes {
        check_target(reader, folder, route);
        check_workflow(reader, file, route);
        check_credentials(reader, route);
    }
    let mut routes: Vec<(Route, Span)> = Vec::new();
    for (route, at) in file.routes.iter().filter_map(|route| finish(folder, route)) {
        if let Some((_, first_at)) = routes.iter().find(|(other, _)| other.is_ambiguous_with(&route)) {
            let (first, second) = (reader.quote(first_at), reader.quote(&at));
            let message = format!("two routes take the same requests: {first} and {second}");
            let diagnostic =
                Diagnostic::new(Code::OverlappingRoutes, at.clone(), message, "takes what is taken already");
            let diagnostic = diagnostic.also(Some(first_at.clone()), "by this route");
            let help = "let one of them name another host, method or path; parameters' names make no difference";
            reader.report(diagnostic.help(help.to_owned()));
        }
        routes.push((route, at));
    }
    let mut routes: Vec<_> = routes.into_iter().map(|(route, _)| route).collect();
    routes.sort_by_cached_key(Route::precedence);
    routes
}

/// A route leads to a function, a workflow or a folder that is there, under a path and methods that fit.
fn check_target(reader: &mut Reader<'_>, folder: &Path, route: &raw::Route) {
    if !route.has_target {
        let help = "`function`: the function that answers. `workflow`: the workflow of which each request starts an execution. \
                    `files`: a folder whose files are the answers";
        let message = "a route leads to a function, to a workflow or to files";
        let diagnostic = Diagnostic::new(Code::MissingKey, route.at.clone(), message, "leads nowhere");
        reader.report(diagnostic.help(help.to_owned()));
    }
    let Some(files) = &route.files else { return };
    let mut bad = |message: String, label: &str, also: Option<Span>, help: &str| {
        let diagnostic = Diagnostic::new(Code::BadFiles, files.at.clone(), message, label);
        reader.report(diagnostic.also(also, "does not fit").help(help.to_owned()));
    };
    if let Some(handler) = &route.handler {
        let message = format!("a route leads to a {} or to files, not to both", handler.key());
        bad(message, "one of two", Some(handler.name().at.clone()), "remove one of them, or write two routes");
    }
    if let Some(path) = &route.path
        && !matches!(path.value.segments().last(), Some(Segment::Rest(_)))
    {
        let message = "the path of a route to files ends in `{*rest}`".to_owned();
        bad(message, "which file?", Some(path.at.clone()), "add it: what it matches is the name of the file");
    }
    if let Some(Methods::Only(methods)) = &route.methods
        && methods.iter().any(|method| !matches!(*method, Method::GET | Method::HEAD))
    {
        bad("files answer `GET` and `HEAD`".to_owned(), "no other method", None, "remove `method`");
    }
    if route.idempotency.is_some() {
        let message = "files are sent as often as they are asked for".to_owned();
        bad(message, "nothing is done twice", None, "remove `idempotency`");
    }
    let found = fs::metadata(folder.join(&files.value));
    let found = found.and_then(|found| if found.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) });
    if let Err(error) = found {
        let why =
            if error.kind() == io::ErrorKind::NotADirectory { "is none".to_owned() } else { why_unreadable(&error) };
        let message = format!("the folder {} {why}", reader.quote(&files.at));
        let help = "paths are relative to this file".to_owned();
        reader.report(Diagnostic::new(Code::NoSuchFile, files.at.clone(), message, "can't be served").help(help));
    }
}

/// What a route says of starts goes with a workflow, and what it says of answers does not, unless they are kept.
fn check_workflow(reader: &mut Reader<'_>, file: &File, route: &raw::Route) {
    let mut bad = |at: &Span, message: &str, help: &str| {
        let diagnostic = Diagnostic::new(Code::BadHandler, at.clone(), message, "is of no use");
        reader.report(diagnostic.help(help.to_owned()));
    };
    let workflow = route.handler.as_ref().and_then(Handler::workflow);
    if let (None, Some(at)) = (workflow, &route.input.at) {
        bad(
            at,
            "`input` says what an execution gets, and this route starts none",
            "remove it; it goes with `workflow`",
        );
    }
    let is_standard = |name: &str| file.workflows.get(name).is_some_and(|workflow| workflow.kind == Kind::Standard);
    if let (Some(name), Some(at)) = (workflow, &route.answers)
        && is_standard(&name.value)
    {
        let message = "no answer is kept where the key is the name of an execution";
        bad(
            at,
            message,
            "remove it: a name is known for as long as its execution is, which `retention` of the workflow says",
        );
    }
}

/// Who lets all pages ask must not let them ask in the name of their visitors. `null` is all of them, too: any page gets it in a
/// frame of its own that is a sandbox.
fn check_credentials(reader: &mut Reader<'_>, route: &raw::Route) {
    if let Some(Some(cors)) = &route.cors
        && cors.origins.as_ref().is_none_or(|origins| origins.iter().any(|origin| origin == "null"))
        && cors.credentials.value
        && let Some(at) = &cors.credentials.at
    {
        let message = "`credentials` is not for all origins: any page could act in the name of its visitors";
        let diagnostic =
            Diagnostic::new(Code::BadOrigin, at.clone(), message, "not with `origins = \"*\"`, nor with `null`");
        reader.report(diagnostic.help("list the origins, without `null`, or remove `credentials`".to_owned()));
    }
}

/// A route, if all of it could be read, and where its path stands.
fn finish(folder: &Path, raw: &raw::Route) -> Option<(Route, Span)> {
    let path = raw.path.as_ref()?;
    let (host, mut methods) = (raw.host.clone()?, raw.methods.clone()?);
    let target = match (&raw.files, &raw.handler) {
        (Some(files), _) => {
            // `HEAD` comes with it.
            methods = Methods::Only(vec![Method::GET]);
            Target::Files(folder.join(&files.value))
        }
        (None, Some(Handler::Workflow(name))) => {
            // Who only looks starts nothing, unless that is meant.
            if methods == Methods::Any {
                methods = Methods::Only(vec![Method::POST]);
            }
            Target::Workflow(WorkflowName::parse(&name.value).ok()?, raw.input.value)
        }
        (None, handler) => Target::Function(FunctionName::parse(&handler.as_ref()?.name().value).ok()?),
    };
    let cors = raw.cors.as_ref()?.as_ref().map(|cors| Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.clone().unwrap_or_else(|| match &methods {
            Methods::Any => METHODS.to_vec(),
            Methods::Only(methods) => methods.clone(),
        }),
        headers: cors.headers.clone(),
        expose: cors.expose.clone(),
        credentials: cors.credentials.value,
        max_age: cors.max_age,
    });
    let rate = raw.rate.clone()?;
    let (compress, idempotency) = (raw.compress, raw.idempotency);
    let route = Route { host, methods, path: path.value.clone(), target, compress, cors, rate, idempotency };
    Some((route, path.at.clone()))
}
