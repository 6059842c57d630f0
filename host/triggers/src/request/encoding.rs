//! Whether, and how, an answer is compressed on its way: pure rules on headers. `compress` does it.

use flint_model::ByteSize;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

/// A way to compress (RFC 9110, section 8.4.1; RFC 7932; RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
    /// `gzip`
    Gzip,
}

/// In the order in which they are chosen where a client likes them alike.
const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The coding that a client likes best, of those that there are; none: it is to have the answer as it is.
    pub fn chosen(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
        let wishes: Vec<(&str, u16)> = lines.flat_map(|line| line.split(',')).filter_map(wish).collect();
        let weight = |name: &str| {
            let named = wishes.iter().find(|(wish, _)| wish.eq_ignore_ascii_case(name));
            named.or_else(|| wishes.iter().find(|(wish, _)| *wish == "*")).map(|(_, weight)| *weight)
        };
        let best = CODINGS.into_iter().filter_map(|coding| Some((weight(coding.name())?, coding)));
        // The first of several that are alike.
        let (best, coding) = best.rev().max_by_key(|(weight, _)| *weight)?;
        // What is not named is as good as nothing, unless the client says more of it.
        let plain = wishes.iter().find(|(wish, _)| *wish == "identity").map_or(0, |(_, weight)| *weight);
        (best > 0 && best >= plain).then_some(coding)
    }
}

/// `gzip;q=0.5`: a name, and thousandths.
fn wish(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let Some(weight) = weight else { return Some((name, 1000)) };
    let weight: f32 = weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    Some((name, (weight * 1000.0) as u16))
}

/// Decides whether an answer is compressed, and words its head accordingly; `size`, if it is known, is that of its body.
pub(super) fn prepare<B>(
    answer: &mut Response<B>,
    chosen: Option<Coding>,
    size: Option<u64>,
    min: ByteSize,
) -> Option<Coding> {
    let status = answer.status();
    // How large the whole is that this is a part of, its length does not say.
    let is_small = status != StatusCode::PARTIAL_CONTENT && size.is_some_and(|size| size < min.as_u64());
    if is_small || !may_be_compressed(answer) {
        return None;
    }
    let headers = answer.headers_mut();
    // Also for who gets it as it is: caches keep it apart from what others get.
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let coding = chosen.filter(|_| status != StatusCode::PARTIAL_CONTENT)?;
    // The same content, but no longer byte for byte (RFC 9110, section 8.8.1).
    let weak = headers.get(header::ETAG).map(HeaderValue::as_bytes).filter(|etag| etag.starts_with(b"\""));
    if let Some(Ok(weak)) = weak.map(|etag| HeaderValue::from_bytes(&[b"W/", etag].concat())) {
        headers.insert(header::ETAG, weak);
    }
    // One that has no body of its own has the tag of the one that has.
    if status == StatusCode::NOT_MODIFIED {
        return None;
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    Some(coding)
}

fn may_be_compressed<B>(answer: &Response<B>) -> bool {
    let headers = answer.headers();
    let status = answer.status();
    let has_content = !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    let is_odd_part = status != StatusCode::PARTIAL_CONTENT && headers.contains_key(header::CONTENT_RANGE);
    let fixed = ["content-encoding", "content-digest", "content-md5"];
    let text = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    has_content
        && !is_odd_part
        && !fixed.iter().any(|name| headers.contains_key(*name))
        && !text(header::CACHE_CONTROL).any(|value| value.to_ascii_lowercase().contains("no-transform"))
        && text(header::CONTENT_TYPE).next().is_some_and(is_worth_it)
}

/// Whether content of a kind gets smaller. Images, films and archives are compressed already.
fn is_worth_it(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let others = [
        "application/json",
        "application/javascript",
        "application/xml",
        "application/wasm",
        "application/x-ndjson",
        "application/manifest+json",
        "application/vnd.ms-fontobject",
        "font/ttf",
        "font/otf",
        "image/svg+xml",
        "image/bmp",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    ];
    kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml") || others.contains(&kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_a_client_accepts_something_is_chosen_or_nothing(text in "([a-z*]{0,4}|gzip|;q=[0-9.e-]{0,6}|[,; ])*") {
            if let Ok(accept) = text.parse() {
                Coding::chosen(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept)]));
            }
        }
    }

    #[test]
    fn a_client_gets_what_it_likes_best() {
        for (accept, chosen) in [
            ("", None),
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip, zstd", Some(Coding::Zstd)),
            ("br;q=0.5, gzip;q=0.8", Some(Coding::Gzip)),
            ("br;q=0, *", Some(Coding::Zstd)),
            ("*;q=0", None),
            ("gzip;q=0", None),
            ("identity", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", Some(Coding::Gzip)),
            ("GZip", Some(Coding::Gzip)),
            ("gzip;q=x", None),
            ("deflate", None),
            (",,;q=1,", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().expect("a value"))]);
            assert_eq!(Coding::chosen(&headers), chosen, "{accept}");
        }
        assert_eq!(Coding::chosen(&HeaderMap::new()), None);
    }

    #[test]
    fn what_gets_no_smaller_or_may_not_be_changed_stays_as_it_is() {
        let text = ("content-type", "text/plain");
        for (status, headers, size, coded, varies) in [
            (200, &[text][..], Some(1024), true, true),
            (200, &[text], None, true, true),
            (404, &[("content-type", "application/problem+json; charset=utf-8")], None, true, true),
            (200, &[text], Some(1023), false, false),
            (200, &[], None, false, false),
            (200, &[("content-type", "image/png")], None, false, false),
            (200, &[text, ("content-encoding", "gzip")], None, false, false),
            (200, &[text, ("cache-control", "public, No-Transform")], None, false, false),
            (200, &[text, ("content-digest", "x")], None, false, false),
            (206, &[text, ("content-range", "bytes 0-1/2")], Some(2), false, true),
            (304, &[text], None, false, true),
            (304, &[text], Some(1023), false, false),
            (304, &[("content-type", "image/png")], None, false, false),
        ] {
            for chosen in [Some(Coding::Gzip), None] {
                let mut answer = Response::builder().status(status);
                for (name, value) in headers {
                    answer = answer.header(*name, *value);
                }
                let mut answer = answer.body(()).expect("an answer");
                let coding = prepare(&mut answer, chosen, size, ByteSize::kib(1));
                assert_eq!(coding.is_some(), coded && chosen.is_some(), "{status} {headers:?}");
                assert_eq!(answer.headers().contains_key("vary"), varies, "{status} {headers:?}");
            }
        }
    }

    #[test]
    fn the_head_says_what_became_of_the_body() {
        let mut answer = Response::builder()
            .header("content-type", "text/html")
            .header("content-length", "5000")
            .header("accept-ranges", "bytes")
            .header("etag", "\"x\"")
            .body(())
            .expect("an answer");
        assert_eq!(prepare(&mut answer, Some(Coding::Zstd), Some(5000), ByteSize::kib(1)), Some(Coding::Zstd));
        let headers = answer.headers();
        assert_eq!(
            (&headers["content-encoding"], &headers["etag"]),
            (&"zstd".parse().unwrap(), &"W/\"x\"".parse().unwrap())
        );
        assert!(!headers.contains_key("content-length") && !headers.contains_key("accept-ranges"));
    }
}
