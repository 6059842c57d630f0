//! Routes: which requests a function answers, and which of several routes wins.
//!
//! **Precedence.** Of all routes that match a request, the most specific one gets it: an exact host before a wildcard host (the
//! longer before the shorter) before any host; then, segment by segment from the left, a literal before a `{parameter}` before
//! a `{*rest}`; then a route that names its methods before one that takes any.
//!
//! Two routes are ambiguous if no rule decides between them: the same host, the same shape of path (names of parameters
//! aside), and a method that both name, or both take any.

use super::HostPattern;
use flint_model::{ByteSize, FunctionName, WorkflowName};
use http::{HeaderName, Method};
use std::cmp::Reverse;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The longest path, in bytes.
const PATH_LENGTH_MAX: usize = 1024;

/// Leads requests to a function, a workflow or files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The hosts it takes requests for; none: all.
    pub host: Option<HostPattern>,
    /// The methods it takes.
    pub methods: Methods,
    /// The paths it takes.
    pub path: PathPattern,
    /// Where it leads.
    pub target: Target,
    /// Whether answers are compressed.
    pub compress: bool,
    /// Which pages of other origins may ask; none: the function says.
    pub cors: Option<Cors>,
    /// How often a client may ask; none: as often as it likes.
    pub rate: Option<Rate>,
    /// How answers are kept for who asks again with the same `Idempotency-Key`; none: they are not. Of a workflow with a journal, the
    /// key is the name of the execution, and nothing else is kept.
    pub idempotency: Option<Idempotency>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A function.
    Function(FunctionName),
    /// A workflow, of which each request starts an execution.
    Workflow(WorkflowName, Input),
    /// The files of a folder; joined to the configuration's.
    Files(PathBuf),
}

impl Target {
    /// The function, if it is one.
    pub fn function(&self) -> Option<&FunctionName> {
        match self {
            Self::Function(name) => Some(name),
            Self::Workflow(..) | Self::Files(_) => None,
        }
    }

    /// The workflow, if it is one.
    pub fn workflow(&self) -> Option<&WorkflowName> {
        match self {
            Self::Workflow(name, _) => Some(name),
            Self::Function(_) | Self::Files(_) => None,
        }
    }
}

/// What of a request an execution gets as its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Its body, which is JSON; of `GET` its query.
    Body,
    /// All of it: method, path, query, headers and body.
    Request,
}

impl Input {
    /// As the configuration names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) => name.fmt(f),
            Self::Workflow(name, _) => write!(f, "workflow {name}"),
            Self::Files(folder) => write!(f, "files of {}", folder.display()),
        }
    }
}

/// Which pages of other origins may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Their origins, in lower case; none: all.
    pub origins: Option<Vec<String>>,
    /// The methods that they may ask with.
    pub methods: Vec<Method>,
    /// The request headers that they may set; none: all.
    pub headers: Option<Vec<HeaderName>>,
    /// The response headers that they may read.
    pub expose: Vec<HeaderName>,
    /// Whether cookies may be sent along.
    pub credentials: bool,
    /// How long a client may remember it.
    pub max_age: Duration,
}

/// How answers are kept by `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// How long.
    pub kept: Duration,
    /// The largest body of an answer that is kept.
    pub answer_size_max: ByteSize,
    /// Whether a request must have a key.
    pub required: bool,
}

/// How often a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// So many requests …
    pub requests: u32,
    /// … in this time.
    pub per: Duration,
    /// So many at once.
    pub burst: u32,
    /// What tells clients apart.
    pub key: RateKey,
}

/// What tells clients apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateKey {
    /// Their address.
    Ip,
    /// What a header says.
    Header(HeaderName),
}

/// The methods that a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Methods {
    /// All.
    Any,
    /// These; at least one.
    Only(Vec<Method>),
}

impl Methods {
    /// Whether neither of two is more specific where both match.
    fn overlap(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Only(one), Self::Only(other)) => one.iter().any(|method| other.contains(method)),
            _ => false,
        }
    }
}

impl Route {
    /// Sorts more specific routes first.
    pub(crate) fn precedence(&self) -> impl Ord + use<> {
        let host = match &self.host {
            Some(HostPattern::Exact(host)) => (0, Reverse(0), host.clone()),
            Some(HostPattern::Wildcard(suffix)) => (1, Reverse(suffix.len()), suffix.clone()),
            None => (2, Reverse(0), String::new()),
        };
        (host, self.path.shape(), self.methods == Methods::Any)
    }

    /// Whether no rule of precedence decides between two routes.
    pub(crate) fn is_ambiguous_with(&self, other: &Self) -> bool {
        self.host == other.host && self.path.shape() == other.path.shape() && self.methods.overlap(&other.methods)
    }
}

/// A path with literal segments, `{parameter}`s and, at the end, perhaps a `{*rest}`.
///
/// It is matched segment by segment; a last slash counts, so `/a` is not `/a/`. A literal stands for what it decodes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Matches what decodes to these bytes; empty after a last slash.
    Literal(Vec<u8>),
    /// Matches one segment that is not empty, and names it.
    Param(String),
    /// Matches all that is left, also nothing, and names it.
    Rest(String),
}

/// What is left of a segment when it comes to precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Literal(Vec<u8>),
    Param,
    Rest,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It starts elsewhere than at the root.
    #[error("a path starts with `/`")]
    NoSlash,
    /// It is longer than 1,024 bytes.
    #[error("a path has at most {PATH_LENGTH_MAX} bytes")]
    TooLong,
    /// Two slashes follow each other.
    #[error("a path has no empty segment, except a last one")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("a path has no segment `.` or `..`: such requests are refused")]
    DotSegment,
    /// Braces stand elsewhere than around a whole segment.
    #[error("`{0}` is no segment: a parameter is `{{name}}` or `{{*name}}`, and a whole segment")]
    Braces(String),
    /// A parameter's name can't stand in a header.
    #[error("`{0}` is no name of a parameter: it has letters, digits, `-` and `_`")]
    Name(String),
    /// Two parameters have one name; case does not tell them apart.
    #[error("the parameter `{0}` is there twice")]
    DuplicateName(String),
    /// Something follows a `{*rest}`.
    #[error("nothing can follow `{{*{0}}}`, which matches all that is left")]
    AfterRest(String),
    /// It has a query, a fragment, something that a request line can't have, or a broken percent escape.
    #[error("`{0}` can't be part of a path: write it percent-encoded")]
    Character(String),
}

impl PathPattern {
    /// Parses a path.
    ///
    /// # Errors
    /// [`PathError`], if it breaks a rule.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_LENGTH_MAX {
            return Err(PathError::TooLong);
        }
        let inner = text.strip_prefix('/').ok_or(PathError::NoSlash)?;
        let mut segments: Vec<Segment> = Vec::new();
        let mut parts = inner.split('/').peekable();
        while let Some(part) = parts.next() {
            if let Some(Segment::Rest(name)) = segments.last() {
                return Err(PathError::AfterRest(name.clone()));
            }
            let segment = parse_segment(part, parts.peek().is_none())?;
            if let Some(name) = segment.name()
                && segments.iter().filter_map(Segment::name).any(|other| other.eq_ignore_ascii_case(name))
            {
                return Err(PathError::DuplicateName(name.to_owned()));
            }
            segments.push(segment);
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments, from left to right.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn shape(&self) -> Vec<Shape> {
        let shape = |segment: &Segment| match segment {
            Segment::Literal(bytes) => Shape::Literal(bytes.clone()),
            Segment::Param(_) => Shape::Param,
            Segment::Rest(_) => Shape::Rest,
        };
        self.segments.iter().map(shape).collect()
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Param(name) | Self::Rest(name) => Some(name),
        }
    }
}

fn parse_segment(part: &str, last: bool) -> Result<Segment, PathError> {
    if !part.contains(['{', '}']) {
        return literal(part, last);
    }
    let inner = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.filter(|inner| !inner.contains(['{', '}'])).ok_or_else(|| PathError::Braces(part.to_owned()))?;
    let (name, rest) = inner.strip_prefix('*').map_or((inner, false), |name| (name, true));
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(PathError::Name(name.to_owned()));
    }
    Ok(if rest { Segment::Rest(name.to_owned()) } else { Segment::Param(name.to_owned()) })
}

fn literal(part: &str, last: bool) -> Result<Segment, PathError> {
    if part.is_empty() && !last {
        return Err(PathError::EmptySegment);
    }
    let bad = || PathError::Character(part.to_owned());
    if part.contains(['?', '#']) || !part.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(bad());
    }
    match decode(part).ok_or_else(bad)? {
        bytes if bytes == b"." || bytes == b".." => Err(PathError::DotSegment),
        bytes => Ok(Segment::Literal(bytes)),
    }
}

/// Decodes percent escapes; none if one is broken.
fn decode(part: &str) -> Option<Vec<u8>> {
    let mut bytes = part.bytes();
    let mut out = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests;
