//! `[[route]]`.

use super::handler::{self, Handler};
use super::section::Section;
use super::{At, Field, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{HostPattern, Idempotency, Input, Methods, PathPattern, Rate, RateKey};
use crate::source::Span;
use crate::suggest;
use http::{HeaderName, Method, Uri};
use std::path::PathBuf;
use std::time::Duration;
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
    pub(crate) handler: Option<Handler>,
    pub(crate) input: Field<Input>,
    pub(crate) files: Option<At<PathBuf>>,
    /// Where the route stands.
    pub(crate) at: Span,
    /// Whether the file has one of the three, be its value right or wrong.
    pub(crate) has_target: bool,
    pub(crate) compress: bool,
    /// Outside: could it be read; inside: is there one.
    pub(crate) cors: Option<Option<Cors>>,
    /// As above.
    pub(crate) rate: Option<Option<Rate>>,
    pub(crate) idempotency: Option<Idempotency>,
    /// Where it says of kept answers how they are kept.
    pub(crate) answers: Option<Span>,
}

/// `[route.cors]`.
#[derive(Debug)]
pub(crate) struct Cors {
    /// None: all.
    pub(crate) origins: Option<Vec<String>>,
    /// None: those of the route.
    pub(crate) methods: Option<Vec<Method>>,
    /// None: all.
    pub(crate) headers: Option<Vec<HeaderName>>,
    pub(crate) expose: Vec<HeaderName>,
    pub(crate) credentials: Field<bool>,
    pub(crate) max_age: Duration,
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
    Route {
        path,
        methods,
        host,
        handler: handler::optional(reader, section, "a route"),
        input: read_input(reader, section),
        files: section.optional(reader, "files"),
        at: section.at(),
        has_target: ["function", "workflow", "files"].iter().any(|key| section.has(key)),
        compress: section.field(reader, "compress").value,
        cors: nested(reader, section, "route.cors", "cors", read_cors),
        rate: nested(reader, section, "route.rate", "rate", read_rate),
        idempotency: nested(reader, section, "route.idempotency", "idempotency", read_idempotency).flatten(),
        answers: says_of_answers(section),
    }
}

fn read_input(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Field<Input> {
    let Field { value, at } = section.field::<String>(reader, "input");
    Field { value: if value == "request" { Input::Request } else { Input::Body }, at }
}

/// Where the first key of `idempotency` stands that is about answers.
fn says_of_answers(section: &Section<'_, '_>) -> Option<Span> {
    let (_, value) = section.get("idempotency")?;
    let table = value.get_ref().as_table()?;
    ["kept", "answer-size-max"].iter().find_map(|key| table.get_key_value(*key)).map(|(key, _)| key.span())
}

/// Reads a table of a route, if there is one.
fn nested<T>(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    path: &'static str,
    name: &str,
    read: impl FnOnce(&mut Reader<'_>, &Section<'_, '_>) -> Option<T>,
) -> Option<Option<T>> {
    let Some((at, value)) = section.get(name) else { return Some(None) };
    let inner = Section::open(reader, path, name, at, Some(value));
    read(reader, &inner).map(Some)
}

fn read_cors(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Cors> {
    let origins = section.texts(reader, "origins", "\"https://example.com\"");
    if origins.is_none() {
        section.required::<String>(reader, "origins");
    }
    let origins = origins.map(|texts| all_or(reader, texts, read_origin));
    let methods = section.get("methods").map(|(_, value)| read_methods(reader, value));
    let headers = section.texts(reader, "headers", "\"x-own\"").unwrap_or_default();
    let headers = all_or(reader, headers, read_header);
    let expose = section.texts(reader, "expose", "\"x-own\"").unwrap_or_default();
    let expose: Vec<_> = expose.into_iter().filter_map(|text| read_header(reader, text)).collect();
    let (credentials, max_age) = (section.field(reader, "credentials"), section.field(reader, "max-age").value);
    let methods = match methods {
        Some(Some(Methods::Only(methods))) => Some(methods),
        _ => None,
    };
    Some(Cors { origins: origins?, methods, headers, expose, credentials, max_age })
}

/// What each text stands for; none if one of them is `*`.
fn all_or<T>(
    reader: &mut Reader<'_>,
    texts: Vec<At<String>>,
    mut read: impl FnMut(&mut Reader<'_>, At<String>) -> Option<T>,
) -> Option<Vec<T>> {
    if texts.iter().any(|text| text.value == "*") {
        return None;
    }
    Some(texts.into_iter().filter_map(|text| read(reader, text)).collect())
}

/// A scheme, a host and perhaps a port, as a client writes them; or `null`.
fn read_origin(reader: &mut Reader<'_>, text: At<String>) -> Option<String> {
    let uri = text.value.parse::<Uri>().ok();
    let is_origin = text.value == "null"
        || uri.is_some_and(|uri| uri.scheme().is_some() && uri.path() == "/" && !text.value.ends_with('/'));
    if is_origin {
        return Some(text.value.to_ascii_lowercase());
    }
    let message = format!("{} is no origin", reader.quote(&text.at));
    let help = "an origin is a scheme, a host and perhaps a port: `https://example.com`; `*` is all".to_owned();
    reader.report(Diagnostic::new(Code::BadOrigin, text.at, message, "not an origin").help(help));
    None
}

fn read_header(reader: &mut Reader<'_>, text: At<String>) -> Option<HeaderName> {
    let name = HeaderName::try_from(&text.value).ok();
    if name.is_none() {
        let message = format!("{} is no name of a header", reader.quote(&text.at));
        let help = "a name has letters, digits and hyphens".to_owned();
        reader.report(Diagnostic::new(Code::BadValue, text.at, message, "not a header").help(help));
    }
    name
}

fn read_rate(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Rate> {
    let requests = section.required::<usize>(reader, "requests").map(|requests| requests.value);
    let per = section.field(reader, "per").value;
    let burst = section.optional::<usize>(reader, "burst").map(|burst| burst.value);
    let key = section.optional::<String>(reader, "key").map(|key| read_key(reader, key));
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let requests = number(requests?);
    Some(Rate { requests, per, burst: burst.map_or(requests, number), key: key.unwrap_or(Some(RateKey::Ip))? })
}

/// Every key of it has a default, so there is always something to go on with.
#[expect(clippy::unnecessary_wraps, reason = "as the other tables of a route")]
fn read_idempotency(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Idempotency> {
    Some(Idempotency {
        kept: section.field(reader, "kept").value,
        answer_size_max: section.field(reader, "answer-size-max").value,
        required: section.field(reader, "required").value,
    })
}

fn read_key(reader: &mut Reader<'_>, key: At<String>) -> Option<RateKey> {
    if key.value == "ip" {
        return Some(RateKey::Ip);
    }
    if let Some(name) = key.value.strip_prefix("header:").and_then(|name| HeaderName::try_from(name).ok()) {
        return Some(RateKey::Header(name));
    }
    let message = format!("{} tells no clients apart", reader.quote(&key.at));
    let help = "write `ip`, or `header:` and the name of a header".to_owned();
    reader.report(Diagnostic::new(Code::BadValue, key.at, message, "not a key").help(help));
    None
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
