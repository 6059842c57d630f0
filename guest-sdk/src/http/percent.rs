//! Percent-encoding (RFC 3986, section 2.1).

use std::borrow::Cow;

/// Decodes `%41` to `A`. A text that is not encoded right, or does not decode to UTF-8, is answered as it is.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    match decode_bytes(text.as_bytes()).map(String::from_utf8) {
        Some(Ok(decoded)) => Cow::Owned(decoded),
        Some(Err(_)) | None => Cow::Borrowed(text),
    }
}

/// Decodes a name or a value of a query, where a plus sign is a space.
pub(super) fn decode_form(text: &str) -> String {
    let spaced = text.replace('+', " ");
    decode(&spaced).into_owned()
}

fn decode_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            byte => *byte,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_form};

    #[test]
    fn what_is_encoded_right_is_decoded_and_the_rest_stays_as_it_is() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("%41b%2Fc", "Ab/c"),
            ("gr%C3%BCn", "grün"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%FF", "%FF"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }

    #[test]
    fn a_plus_sign_of_a_query_is_a_space_and_an_encoded_one_is_a_plus_sign() {
        assert_eq!(decode_form("a+b%2Bc"), "a b+c");
    }
}
