//! Whether a client has what it asks for already (RFC 9110, section 13). Pure.

use super::range::{self, Part};
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::time::{SystemTime, UNIX_EPOCH};

/// The first second that no date of HTTP can tell: its years have four digits.
const YEAR_10000: u64 = 253_402_300_800;

/// Which state of a file this is.
#[derive(Debug)]
pub(in crate::request) struct Version {
    size: u64,
    etag: String,
    /// In whole seconds, as HTTP has it; none, too, if it is no date of HTTP's.
    modified: Option<SystemTime>,
}

/// What a request says of the versions that its client knows.
pub(in crate::request) struct Asked<'r> {
    pub(in crate::request) method: &'r Method,
    pub(in crate::request) headers: &'r HeaderMap,
}

/// What the conditions of a request come to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::request) enum Verdict {
    Send,
    Unchanged,
    Failed,
}

impl Version {
    pub(in crate::request) fn new(size: u64, modified: Option<SystemTime>) -> Self {
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        let nanos = since.map_or(0, |since| since.as_nanos());
        let seconds = since.map(|since| since.as_secs()).filter(|seconds| *seconds < YEAR_10000);
        let seconds = seconds.map(|seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        Self { size, etag: format!("\"{nanos:x}-{size:x}\""), modified: seconds }
    }

    /// Of what has a tag of its own.
    pub(in crate::request) fn tagged(size: u64, etag: String, modified: Option<SystemTime>) -> Self {
        Self { etag, ..Self::new(size, modified) }
    }

    /// Says which it is.
    pub(in crate::request) fn put(&self, headers: &mut HeaderMap) {
        // Both are plain ASCII.
        headers.extend(HeaderValue::try_from(&self.etag).ok().map(|etag| (header::ETAG, etag)));
        let modified = self.modified.and_then(|modified| HeaderValue::try_from(httpdate::fmt_http_date(modified)).ok());
        headers.extend(modified.map(|modified| (header::LAST_MODIFIED, modified)));
    }

    /// Whether a list of tags has this one, or is `*`. `weak`: tags of what is the same in content are taken too.
    fn is_in(&self, list: &str, weak: bool) -> bool {
        list.split(',').map(str::trim).any(|tag| {
            let tag = if weak { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
            tag == "*" || tag == self.etag
        })
    }
}

impl Asked<'_> {
    /// Judges the conditions in the order of section 13.2.2.
    pub(in crate::request) fn judge(&self, version: &Version) -> Verdict {
        if let Some(list) = self.list(header::IF_MATCH) {
            if !version.is_in(&list, false) {
                return Verdict::Failed;
            }
        } else if let Some((date, modified)) = self.date(header::IF_UNMODIFIED_SINCE).zip(version.modified)
            && modified > date
        {
            return Verdict::Failed;
        }
        if let Some(list) = self.list(header::IF_NONE_MATCH) {
            if version.is_in(&list, true) {
                return Verdict::Unchanged;
            }
        } else if let Some((date, modified)) = self.date(header::IF_MODIFIED_SINCE).zip(version.modified)
            && modified <= date
        {
            return Verdict::Unchanged;
        }
        Verdict::Send
    }

    /// The part that is asked for, if the client has the rest of this version.
    pub(in crate::request) fn range(&self, version: &Version) -> Part {
        let Some(range) = self.text(header::RANGE).filter(|_| *self.method == Method::GET) else { return Part::All };
        let holds = match self.text(header::IF_RANGE) {
            None => true,
            Some(tag) if tag.contains('"') => tag == version.etag,
            Some(_) => version.modified.is_some() && self.date(header::IF_RANGE) == version.modified,
        };
        if holds { range::parse(range, version.size) } else { Part::All }
    }

    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// All lines of a header as one.
    fn list(&self, name: HeaderName) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }

    fn date(&self, name: HeaderName) -> Option<SystemTime> {
        httpdate::parse_http_date(self.text(name)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const EXACTLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const TAG: &str = "\"b0ca8eea0bc1900-a\"";

    fn version() -> Version {
        Version::new(10, Some(UNIX_EPOCH + Duration::from_millis(784_111_777_500)))
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let value = |value: &str| value.replace("TAG", &version().etag).parse().expect("a value");
        lines.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    #[test]
    fn conditions_are_judged_in_the_order_of_the_standard() {
        assert_eq!(version().etag.len(), TAG.len());
        for (lines, verdict) in [
            (&[][..], Verdict::Send),
            (&[("if-none-match", "TAG")], Verdict::Unchanged),
            (&[("if-none-match", "\"x\", W/TAG")], Verdict::Unchanged),
            (&[("if-none-match", "*")], Verdict::Unchanged),
            (&[("if-none-match", "\"x\"")], Verdict::Send),
            (&[("if-none-match", "\"x\""), ("if-modified-since", EXACTLY)], Verdict::Send),
            (&[("if-modified-since", EXACTLY)], Verdict::Unchanged),
            (&[("if-modified-since", BEFORE)], Verdict::Send),
            (&[("if-modified-since", "yesterday")], Verdict::Send),
            (&[("if-match", "TAG")], Verdict::Send),
            (&[("if-match", "W/TAG")], Verdict::Failed),
            (&[("if-match", "\"x\"")], Verdict::Failed),
            (&[("if-match", "*"), ("if-none-match", "TAG")], Verdict::Unchanged),
            (&[("if-unmodified-since", BEFORE)], Verdict::Failed),
            (&[("if-unmodified-since", EXACTLY)], Verdict::Send),
        ] {
            let headers = headers(lines);
            assert_eq!(Asked { method: &Method::GET, headers: &headers }.judge(&version()), verdict, "{lines:?}");
        }
    }

    #[test]
    fn a_file_of_a_far_future_has_a_tag_and_no_date() {
        for (seconds, has_date) in [(YEAR_10000 - 1, true), (YEAR_10000, false), (1 << 40, false)] {
            let mut headers = HeaderMap::new();
            Version::new(1, Some(UNIX_EPOCH + Duration::from_secs(seconds))).put(&mut headers);
            assert!(headers.contains_key("etag"));
            assert_eq!(headers.contains_key("last-modified"), has_date, "{seconds}");
        }
    }

    #[test]
    fn a_part_is_sent_to_who_has_the_rest_of_the_same_version() {
        let part = Part::Some { start: 0, length: 5 };
        for (lines, method, expected) in [
            (&[][..], Method::GET, part),
            (&[], Method::HEAD, Part::All),
            (&[("if-range", "TAG")], Method::GET, part),
            (&[("if-range", "W/TAG")], Method::GET, Part::All),
            (&[("if-range", EXACTLY)], Method::GET, part),
            (&[("if-range", BEFORE)], Method::GET, Part::All),
        ] {
            let mut headers = headers(lines);
            headers.insert("range", HeaderValue::from_static("bytes=0-4"));
            assert_eq!(Asked { method: &method, headers: &headers }.range(&version()), expected, "{lines:?}");
        }
    }
}
