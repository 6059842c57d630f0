//! What a route is written as: a path pattern and a host pattern, parsed once.

use http::{HeaderName, HeaderValue};

/// The longest pattern, in bytes: it is handed to the guest in a header.
pub const PATTERN_LENGTH_MAX: usize = 1024;

/// Tells why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is longer than [`PATTERN_LENGTH_MAX`].
    #[error("a pattern has at most {PATTERN_LENGTH_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// A path pattern starts elsewhere than at the root.
    #[error("a path starts with `/`")]
    NoSlash,
    /// Two slashes follow each other.
    #[error("a path has no empty segment, except a last one")]
    EmptySegment,
    /// A segment is `.` or `..`; such requests are refused before they are routed.
    #[error("a path has no segment `.` or `..`")]
    DotSegment,
    /// Braces stand elsewhere than around a whole segment, or there is no name between them.
    #[error("`{0}` is no segment: write `{{name}}` or `{{*name}}` as a whole segment")]
    Braces(String),
    /// A parameter's name has a character that a header name can't have.
    #[error("the parameter name `{0}` has something else than letters, digits, `-` and `_`")]
    Name(String),
    /// Two parameters have one name; case does not tell them apart.
    #[error("the parameter `{0}` is there twice")]
    DuplicateName(String),
    /// Something follows a `{*rest}`.
    #[error("`{{*{0}}}` matches all that is left, so nothing can follow it")]
    AfterRest(String),
    /// A path pattern has a query, a fragment, a control character or a broken percent escape.
    #[error("`{0}` can't be part of a path")]
    Character(String),
    /// A host pattern is neither a host name nor `*.` and a host name.
    #[error("`{0}` is no host: write a name such as `api.example.com` or `*.example.com`, without a port")]
    Host(String),
}

/// One segment of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Matches a segment that decodes to these bytes.
    Literal(Box<[u8]>),
    /// Matches any one segment that is not empty.
    Param,
    /// Matches all that is left, also nothing.
    Rest,
}

/// A path pattern: literal segments, `{name}` for one segment, `{*name}` at the end for all that is left.
///
/// A last slash counts: `/a` and `/a/` are two patterns, and neither matches the other's requests.
#[derive(Debug, Clone)]
pub struct PathPattern {
    pub(super) segments: Vec<Segment>,
    /// `flint-param-NAME` of each parameter, in the order of the segments.
    pub(super) headers: Vec<HeaderName>,
    text: HeaderValue,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`PatternError`] if the text breaks a rule.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(PatternError::TooLong(text.len()));
        }
        let inner = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        let mut pattern = Self { segments: Vec::new(), headers: Vec::new(), text: HeaderValue::from_static("/") };
        let mut rest: Option<&str> = None;
        let last = inner.split('/').count() - 1;
        for (position, part) in inner.split('/').enumerate() {
            if let Some(rest) = rest {
                return Err(PatternError::AfterRest(rest.to_owned()));
            }
            let segment = match parameter(part)? {
                Some((segment, name)) => {
                    pattern.headers.push(param_header(name, &pattern.headers)?);
                    rest = (segment == Segment::Rest).then_some(name);
                    segment
                }
                None => literal(part, position == last)?,
            };
            pattern.segments.push(segment);
        }
        pattern.text = HeaderValue::from_str(text).map_err(|_| PatternError::Character(text.to_owned()))?;
        Ok(pattern)
    }

    /// Shows the pattern as it was written, ready for a header.
    pub fn as_header(&self) -> &HeaderValue {
        &self.text
    }
}

/// Reads `{name}` and `{*name}`; none if the segment is a literal.
fn parameter(part: &str) -> Result<Option<(Segment, &str)>, PatternError> {
    if !part.contains(['{', '}']) {
        return Ok(None);
    }
    let bad = || PatternError::Braces(part.to_owned());
    let inner = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')).ok_or_else(bad)?;
    let (segment, name) = inner.strip_prefix('*').map_or((Segment::Param, inner), |name| (Segment::Rest, name));
    if name.is_empty() || name.contains(['{', '}']) {
        return Err(bad());
    }
    Ok(Some((segment, name)))
}

fn param_header(name: &str, earlier: &[HeaderName]) -> Result<HeaderName, PatternError> {
    let bad = || PatternError::Name(name.to_owned());
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(bad());
    }
    let header = HeaderName::try_from(format!("flint-param-{name}")).map_err(|_| bad())?;
    if earlier.contains(&header) {
        return Err(PatternError::DuplicateName(name.to_owned()));
    }
    Ok(header)
}

fn literal(part: &str, last: bool) -> Result<Segment, PatternError> {
    if part.is_empty() && !last {
        return Err(PatternError::EmptySegment);
    }
    let bad = || PatternError::Character(part.to_owned());
    // A header carries the pattern and a request line has no raw non-ASCII text: such text is written percent-encoded.
    if part.contains(['?', '#']) || !part.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(bad());
    }
    let bytes = super::percent::decode(part).ok_or_else(bad)?;
    if matches!(&*bytes, b"." | b"..") {
        return Err(PatternError::DotSegment);
    }
    Ok(Segment::Literal(bytes.into()))
}

/// A host pattern: a host name, or `*.` before one for every name below it, at any depth. Without a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// Matches this host, in lower case.
    Exact(String),
    /// Matches hosts that end with this text, which starts with a dot and is in lower case.
    Below(String),
}

impl HostPattern {
    /// Parses a pattern; case does not matter.
    ///
    /// # Errors
    /// [`PatternError::Host`] if the text is no host, or has a port.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let host = text.strip_prefix("*.").unwrap_or(text).to_ascii_lowercase();
        if host.len() > PATTERN_LENGTH_MAX {
            return Err(PatternError::TooLong(text.len()));
        }
        let below = host.len() != text.len();
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let named = host.split('.').all(label);
        let literal_v6 = !below
            && host
                .strip_prefix('[')
                .and_then(|h| h.strip_suffix(']'))
                .is_some_and(|h| h.parse::<std::net::Ipv6Addr>().is_ok());
        match (named, below) {
            (true, true) => Ok(Self::Below(format!(".{host}"))),
            (true, false) => Ok(Self::Exact(host)),
            (false, _) if literal_v6 => Ok(Self::Exact(host)),
            (false, _) => Err(PatternError::Host(text.to_owned())),
        }
    }
}
