//! `[[route]]`.

use super::section::Section;
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{HostPattern, Methods, PathPattern};
use crate::suggest;
use http::Method;
use toml::Spanned;
use toml::de::DeValue;

/// The methods that people mean, for "did you mean".
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// A route; what could not be read is none, and reported.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) path: Option<At<PathPattern>>,
    pub(crate) methods: Option<Methods>,
    /// Outside: could it be read; inside: is there one.
    pub(crate) host: Option<Option<HostPattern>>,
    pub(crate) function: Option<At<String>>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Route {
    let path = section.required::<String>(reader, "path").and_then(|path| read_path(reader, path));
    let methods = match section.get("method") {
        Some((_, value)) => read_methods(reader, value),
        None => Some(Methods::Any),
    };
    let host = if section.has("host") {
        section.optional::<String>(reader, "host").and_then(|host| read_host(reader, host)).map(Some)
    } else {
        Some(None)
    };
    Route { path, methods, host, function: section.required(reader, "function") }
}

fn read_path(reader: &mut Reader<'_>, path: At<String>) -> Option<At<PathPattern>> {
    match PathPattern::parse(&path.value) {
        Ok(value) => Some(At { value, at: path.at }),
        Err(error) => {
            let message = format!("{} is no path for a route", reader.quote(&path.at));
            // The error may quote a segment that came from the environment: the file shows it as it is written.
            let help = if reader.quote(&path.at).contains("${") {
                "a path starts with `/`; a segment is a literal, a `{parameter}`, or, at the end, a `{*rest}`"
                    .to_owned()
            } else {
                error.to_string()
            };
            reader.report(Diagnostic::new(Code::BadPath, path.at, message, "not a path").help(help));
            None
        }
    }
}

fn read_host(reader: &mut Reader<'_>, host: At<String>) -> Option<HostPattern> {
    match HostPattern::parse(&host.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let message = format!("{} is no host for a route", reader.quote(&host.at));
            let help = format!("{error}; without a port");
            reader.report(Diagnostic::new(Code::BadHost, host.at, message, "not a host").help(help));
            None
        }
    }
}

/// Reads one method, or a list of at least one.
fn read_methods(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Methods> {
    let items = match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => {
            let message = "a route with no method at all takes no request";
            let help = "leave `method` out to take all methods".to_owned();
            reader.report(Diagnostic::new(Code::BadValue, value.span(), message, "empty").help(help));
            return None;
        }
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let methods: Vec<_> = items.into_iter().map(|item| read_method(reader, item)).collect();
    methods.into_iter().collect::<Option<_>>().map(Methods::Only)
}

fn read_method(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Method> {
    let text = reader.text(value, "method", "\"GET\"")?;
    let method = Method::from_bytes(text.as_bytes()).ok();
    let upper = text.to_ascii_uppercase();
    // Methods are case-sensitive (RFC 9110 section 9.1), and nobody means one that is called `get`.
    let slip = !METHODS.contains(&text.as_str()) && METHODS.contains(&upper.as_str());
    if let Some(method) = method.filter(|_| !slip) {
        return Some(method);
    }
    let message = format!("{} is no HTTP method", reader.quote(&value.span()));
    let help = suggest::nearest(&upper.to_lowercase(), METHODS.map(str::to_ascii_lowercase).iter().map(String::as_str))
        .map(|method| format!("did you mean `{}`?", method.to_ascii_uppercase()));
    reader.report(Diagnostic::new(Code::BadValue, value.span(), message, "not a method").help(help));
    None
}
