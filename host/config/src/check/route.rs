//! Routes that take the same requests.

use crate::diagnostic::{Code, Diagnostic};
use crate::platform::Route;
use crate::raw::{self, Reader};
use crate::source::Span;
use flint_model::FunctionName;

/// Reports each route that is ambiguous with one before it, and returns the valid ones, more specific ones first.
pub(crate) fn check(reader: &mut Reader<'_>, raw: &[raw::Route]) -> Vec<Route> {
    let mut routes: Vec<(Route, Span)> = Vec::new();
    for (route, at) in raw.iter().filter_map(finish) {
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

/// A route, if all of it could be read, and where its path stands.
fn finish(raw: &raw::Route) -> Option<(Route, Span)> {
    let path = raw.path.as_ref()?;
    let function = FunctionName::parse(&raw.function.as_ref()?.value).ok()?;
    let (host, methods) = (raw.host.clone()?, raw.methods.clone()?);
    Some((Route { host, methods, path: path.value.clone(), function }, path.at.clone()))
}
