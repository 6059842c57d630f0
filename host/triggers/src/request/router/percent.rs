//! Percent-decoding (RFC 3986, section 2.1), strict: a `%` without two hexadecimal digits is an error, `+` is a plus.

use std::borrow::Cow;

/// Decodes a text; none if an escape is broken. Copies only if there is an escape.
pub(super) fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    let Some(first) = bytes.iter().position(|b| *b == b'%') else {
        return Some(Cow::Borrowed(bytes));
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut rest = bytes[first..].iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => digit(*rest.next()?)? << 4 | digit(*rest.next()?)?,
            other => *other,
        });
    }
    Some(Cow::Owned(decoded))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_refused() {
        for (text, bytes) in [
            ("plain+text", Some(&b"plain+text"[..])),
            ("a%20b", Some(b"a b")),
            ("%C3%a9", Some("é".as_bytes())),
            ("%25", Some(b"%")),
            ("%00%ff", Some(b"\0\xff")),
            ("", Some(b"")),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("%+4", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
        }
    }
}
