//! What a list rolls up, and where it goes on. Pure.

/// Which blobs of a bucket are listed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listing<'a> {
    /// Their keys start with this.
    pub prefix: &'a str,
    /// What rolls them up, at least one byte.
    pub delimiter: Option<&'a str>,
}

/// What a key of the listing is rolled up to, if it is: the key up to and with the first delimiter behind the prefix.
pub fn common_prefix<'k>(listing: Listing<'_>, key: &'k str) -> Option<&'k str> {
    let delimiter = listing.delimiter?;
    let rest = key.get(listing.prefix.len()..)?;
    let at = rest.find(delimiter)?;
    key.get(..listing.prefix.len() + at + delimiter.len())
}

/// Where the keys go on behind all that start with a prefix: the smallest bytes that are larger than all of them.
pub fn past(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is the largest.
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_rolled_up_to_the_first_delimiter_behind_the_prefix() {
        for (prefix, delimiter, key, expected) in [
            ("", Some("/"), "a", None),
            ("", Some("/"), "a/b/c", Some("a/")),
            ("", Some("/"), "/a", Some("/")),
            ("a/", Some("/"), "a/b", None),
            ("a/", Some("/"), "a/b/c", Some("a/b/")),
            ("a", Some("/"), "a/b/c", Some("a/")),
            ("", Some("::"), "a:b::c", Some("a:b::")),
            ("", None, "a/b", None),
        ] {
            assert_eq!(common_prefix(Listing { prefix, delimiter }, key), expected, "{prefix:?} {key:?}");
        }
    }

    #[test]
    fn past_a_prefix_there_is_none_of_its_keys() {
        for prefix in ["a/", "é", "\u{10ffff}", "\0"] {
            let end = past(prefix);
            assert!(end.as_slice() > format!("{prefix}\u{10ffff}").as_bytes(), "{prefix:?}");
        }
        assert!(past("a/").as_slice() <= &b"a0"[..]);
    }
}
