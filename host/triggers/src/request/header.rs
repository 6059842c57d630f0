//! Which headers pass between a client and a guest: pure functions on header maps.
//!
//! What concerns one connection only (RFC 9110, section 7.6.1) stays with the host, in both directions. Names that start with
//! `flint-` are the host's: what a client sends under such a name never reaches a guest.

use super::forwarded;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Prefix of the names that only the host gives to a guest.
pub const RESERVED_PREFIX: &str = "flint-";
/// The pattern of the route that matched; for the guest.
pub const ROUTE: HeaderName = HeaderName::from_static("flint-route");
/// The id of the invocation; for the guest and for the client.
pub const INVOCATION_ID: HeaderName = HeaderName::from_static("flint-invocation-id");

/// The version of the function: a client may ask for one and is told which answered, where the function allows it.
pub const VERSION: HeaderName = HeaderName::from_static("flint-version");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes from a request what a guest must not see: what concerns the connection, names that are the host's, and what is said
/// of the way that it came, but the host name if `keeps_host`. `te: trailers` stays, because trailers are passed on. Answers the
/// version that the client asked for, if it did.
pub fn clean_request(headers: &mut HeaderMap, keeps_host: bool) -> Option<HeaderValue> {
    let trailers = accepts_trailers(headers);
    let forged = |name: &HeaderName| {
        name.as_str().starts_with(RESERVED_PREFIX)
            || (forwarded::is_forwarded(name) && !(keeps_host && *name == forwarded::HOST))
    };
    let version = strip(headers, forged);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    version
}

/// Removes from a request's trailers what a guest must not see, and what has no place there (RFC 9110, section 6.5.1): it says how
/// the message is framed, where it goes, or who sends it, which is judged before the body is read.
pub fn clean_trailers(trailers: &mut HeaderMap) {
    const HEADERS_ONLY: [HeaderName; 8] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::TRAILER,
        header::AUTHORIZATION,
        header::COOKIE,
    ];
    clean_request(trailers, false);
    HEADERS_ONLY.iter().for_each(|name| drop(trailers.remove(name)));
    // Only a head asks for trailers.
    trailers.remove(header::TE);
}

/// Removes from a guest's response what only the host may say about the connection.
pub fn clean_response(headers: &mut HeaderMap) {
    // A guest has no versions to ask for.
    let _ = strip(headers, |_| false);
}

/// Removes the headers of one connection: the known ones, those that `connection` names, and what `also` says. Answers the
/// [`VERSION`], if it was among them: to find it here costs those requests nothing that have none.
fn strip(headers: &mut HeaderMap, also: impl Fn(&HeaderName) -> bool) -> Option<HeaderValue> {
    let mut gone: Vec<HeaderName> = headers.keys().filter(|name| is_hop_by_hop(name) || also(name)).cloned().collect();
    if gone.contains(&header::CONNECTION) {
        gone.extend(tokens(headers, header::CONNECTION).filter_map(|token| token.parse().ok()).filter(may_be_named));
    }
    let mut version = None;
    for name in gone {
        let value = headers.remove(&name);
        if name == VERSION {
            version = value;
        }
    }
    version
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TRANSFER_ENCODING
        || *name == header::TE
        || *name == header::UPGRADE
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
        || *name == header::PROXY_AUTHENTICATE
        || *name == header::PROXY_AUTHORIZATION
}

/// What a `connection` header can't take away: it says what the message is, not how it travels.
fn may_be_named(name: &HeaderName) -> bool {
    *name != header::HOST && *name != header::CONTENT_LENGTH
}

/// Whether a request asks for another protocol. That of HTTP/2 without TLS is no longer in use (RFC 9113, section 3.1), and
/// a request that offers it is answered as it stands.
pub fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        && tokens(headers, header::UPGRADE).any(|token| !token.is_empty() && !token.eq_ignore_ascii_case("h2c"))
}

/// Whether the body of a request is in pieces (`chunked`) or plain, and not coded in a way that hyper passes on and that whoever
/// stands in between may read otherwise.
pub fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(only) = lines.next() else { return true };
    lines.next().is_none() && only.as_bytes().eq_ignore_ascii_case(b"chunked")
}

/// Makes one line of the cookies that HTTP/2 may split (RFC 9113, section 8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    // What is valid in pieces is valid as a whole.
    if let Ok(cookies) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(header::COOKIE, cookies);
    }
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    // `te` may have weights after a semicolon; `trailers` has none.
    headers.contains_key(header::TE) && tokens(headers, header::TE).any(|token| token.eq_ignore_ascii_case("trailers"))
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}

/// Says that a `content-length` is no number, or several that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content-length is not valid")]
pub struct LengthError;

/// Reads `content-length`; several that agree become one.
///
/// # Errors
/// [`LengthError`] if it is no number, or several that differ.
pub fn content_length(headers: &mut HeaderMap) -> Result<Option<u64>, LengthError> {
    let mut lines = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let read = |line: &HeaderValue| {
        // Digits only: a sign is not allowed, though a number could be parsed with one.
        let text = line.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        text.and_then(|text| text.parse::<u64>().ok()).ok_or(LengthError)
    };
    let length = read(first)?;
    let mut several = false;
    for line in lines {
        several = true;
        if read(line)? != length {
            return Err(LengthError);
        }
    }
    if several {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").expect("a header");
            headers.append(name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn a_guest_sees_neither_the_connection_nor_forged_names() {
        for (sent, seen) in [
            ("accept: a\nx-y: 1", "accept: a\nx-y: 1"),
            ("connection: keep-alive\nkeep-alive: 5\nhost: h", "host: h"),
            ("connection: x-one, X-Two\nconnection: x-three\nx-one: 1\nx-two: 2\nx-three: 3\nx-four: 4", "x-four: 4"),
            ("connection: host, content-length\nhost: h\ncontent-length: 1", "host: h\ncontent-length: 1"),
            ("connection: ,,(, close", ""),
            ("transfer-encoding: chunked\nupgrade: h2c\nproxy-authorization: x\nproxy-connection: x", ""),
            ("te: trailers", "te: trailers"),
            ("te: gzip;q=0.5, Trailers\nconnection: te", "te: trailers"),
            ("te: gzip", ""),
            ("trailer: x-sum", "trailer: x-sum"),
            (
                "forwarded: for=a\nx-forwarded-for: a\nx-forwarded-host: a\nx-forwarded-x: a\nx-real-ip: a\nx-real: a",
                "x-real: a",
            ),
            ("flint-route: /admin\nFlint-Param-Id: 7\nflint-invocation-id: x\nflintstone: 1", "flintstone: 1"),
        ] {
            let mut headers = map(sent);
            clean_request(&mut headers, false);
            assert_eq!(headers, map(seen), "{sent}");
        }
    }

    #[test]
    fn a_guest_does_not_speak_for_the_connection() {
        let mut headers =
            map("connection: close, x-hop\nx-hop: 1\ntransfer-encoding: gzip\ntrailer: x-sum\nflint-own: 1");
        clean_response(&mut headers);
        assert_eq!(headers, map("trailer: x-sum\nflint-own: 1"));
    }

    #[test]
    fn a_content_length_is_one_number() {
        for (lines, length) in [
            ("", Ok(None)),
            ("content-length: 0", Ok(Some(0))),
            ("content-length: 12\ncontent-length: 12", Ok(Some(12))),
            ("content-length: 12\ncontent-length: 13", Err(LengthError)),
            ("content-length: +1", Err(LengthError)),
            ("content-length: 1, 1", Err(LengthError)),
            ("content-length: ", Err(LengthError)),
            ("content-length: 99999999999999999999", Err(LengthError)),
        ] {
            let mut headers = map(lines);
            assert_eq!(content_length(&mut headers), length, "{lines}");
            assert!(length.is_err() || headers.get_all(header::CONTENT_LENGTH).iter().count() <= 1);
        }
    }
}
