//! Functions that encode, decode and hash.

use super::given::{Given, Outcome};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The alphabet of MIME. The equals signs at the end may be missing in what is decoded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `States.Base64Encode(text)`.
pub(super) fn base64_encode(given: &Given) -> Outcome {
    Ok(Value::String(BASE64.encode(given.short_text(0)?)))
}

/// `States.Base64Decode(text)`. MIME breaks lines, so white space is skipped.
pub(super) fn base64_decode(given: &Given) -> Outcome {
    let encoded: String = given.short_text(0)?.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(encoded).map_err(|error| format!("the string is not Base64: {error}"))?;
    String::from_utf8(bytes).map(Value::String).map_err(|_| "what the Base64 stands for is not UTF-8 text".to_owned())
}

/// `States.Hash(data, algorithm)`, in hexadecimal digits.
pub(super) fn hash(given: &Given) -> Outcome {
    let data = given.short_text(0)?;
    match given.text(1)? {
        "MD5" => Ok(digest::<Md5>(data)),
        "SHA-1" => Ok(digest::<Sha1>(data)),
        "SHA-256" => Ok(digest::<Sha256>(data)),
        "SHA-384" => Ok(digest::<Sha384>(data)),
        "SHA-512" => Ok(digest::<Sha512>(data)),
        other => Err(format!("`{other}` is not one of the algorithms MD5, SHA-1, SHA-256, SHA-384, SHA-512")),
    }
}

fn digest<D: Digest>(data: &str) -> Value {
    Value::String(const_hex::encode(D::digest(data)))
}
