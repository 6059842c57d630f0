//! Cursors: where a scan goes on, as an opaque text.
//!
//! A cursor is the last key that was seen, behind a checksum of the scan (store and prefix, say) and the key, in URL-safe
//! base64. The checksum tells a cursor of another scan, or a text that never was one. It is no secret and need not be:
//! whoever forges a cursor gains nothing, since a scan never leaves its store and prefix.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flint_model::{BucketName, StoreName};

use crate::blob::Listing;
use crate::refusal::Invalid;

const SUM: usize = size_of::<u64>();

/// Makes the cursor that goes on after `key`.
pub fn encode(store: &StoreName, prefix: &str, key: &str) -> String {
    seal(&[store.as_str(), prefix, key])
}

/// Reads the key after which to go on.
///
/// # Errors
/// [`Invalid::Cursor`] if no scan of this store and prefix gave it out.
pub fn decode(store: &StoreName, prefix: &str, cursor: &str) -> Result<String, Invalid> {
    unseal(cursor, prefix, |key| fnv(&[store.as_str(), prefix, key]))
}

/// Makes the cursor that goes on after a blob or a common prefix.
pub fn encode_blob(bucket: &BucketName, listing: Listing<'_>, key: &str) -> String {
    seal(&blob_parts(bucket, listing, key))
}

/// Reads the key or the common prefix after which to go on.
///
/// # Errors
/// [`Invalid::Cursor`] if no list of this bucket, prefix and delimiter gave it out.
pub fn decode_blob(bucket: &BucketName, listing: Listing<'_>, cursor: &str) -> Result<String, Invalid> {
    unseal(cursor, listing.prefix, |key| fnv(&blob_parts(bucket, listing, key)))
}

fn blob_parts<'a>(bucket: &'a BucketName, listing: Listing<'a>, key: &'a str) -> [&'a str; 5] {
    ["blob", bucket.as_str(), listing.prefix, listing.delimiter.unwrap_or_default(), key]
}

/// Writes the last of the parts, behind a checksum of all.
fn seal(parts: &[&str]) -> String {
    let key = parts.last().copied().unwrap_or_default();
    let mut bytes = Vec::with_capacity(SUM + key.len());
    bytes.extend(fnv(parts).to_le_bytes());
    bytes.extend(key.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unseal(cursor: &str, prefix: &str, checksum: impl FnOnce(&str) -> u64) -> Result<String, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Invalid::Cursor)?;
    let (sum, key) = bytes.split_first_chunk::<SUM>().ok_or(Invalid::Cursor)?;
    let key = str::from_utf8(key).map_err(|_| Invalid::Cursor)?;
    let given_out = key.starts_with(prefix) && u64::from_le_bytes(*sum) == checksum(key);
    if given_out { Ok(key.to_owned()) } else { Err(Invalid::Cursor) }
}

/// FNV-1a, 64 bits: <https://datatracker.ietf.org/doc/html/rfc9923>. Each part ends with a byte that UTF-8 never holds.
pub(crate) fn fnv(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> StoreName {
        StoreName::parse(name).expect(name)
    }

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        for (prefix, key) in [("", "a"), ("a/", "a/\u{0}"), ("é", "éé"), ("a", "a")] {
            let cursor = encode(&store("s"), prefix, key);
            assert_eq!(decode(&store("s"), prefix, &cursor).as_deref(), Ok(key));
        }
    }

    #[test]
    fn a_cursor_of_another_scan_or_of_none_is_invalid() {
        let cursor = encode(&store("s"), "a", "ab");
        assert_eq!(decode(&store("t"), "a", &cursor), Err(Invalid::Cursor), "another store");
        assert_eq!(decode(&store("s"), "ab", &cursor), Err(Invalid::Cursor), "another prefix");
        for text in ["", "a", "!!!", "YWJjZGVmZ2hpamts", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(decode(&store("s"), "a", text), Err(Invalid::Cursor), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_decoding_panic(text in ".*") {
            let _whatever = decode(&store("s"), "", &text);
        }
    }
}
