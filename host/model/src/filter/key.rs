//! Which keys of a bucket or of a key-value store a subscription wants.

use serde::{Deserialize, Serialize};

/// Looks at both ends of a key. Without a prefix or a suffix it passes every key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFilter {
    /// What the key starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What the key ends with. Prefix and suffix may overlap: `a/` and `/a` pass `a/a`, and `aa` and `a` pass `aa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

impl KeyFilter {
    /// Says whether a key passes.
    pub fn matches(&self, key: &str) -> bool {
        let starts = self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix));
        starts && self.suffix.as_deref().is_none_or(|suffix| key.ends_with(suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_passes_if_both_ends_are_as_wanted() {
        for (prefix, suffix, key, passes) in [
            (None, None, "", true),
            (None, None, "a", true),
            (Some("in/"), None, "in/a.png", true),
            (Some("in/"), None, "out/in/a.png", false),
            (None, Some(".png"), "in/a.png", true),
            (None, Some(".png"), "in/a.PNG", false),
            (Some("in/"), Some(".png"), "in/a.png", true),
            (Some("in/"), Some(".png"), "in/a.jpg", false),
            (Some("in/"), Some(".png"), "a.png", false),
            (Some("aa"), Some("a"), "aa", true),
            (Some("é"), Some("é"), "é", true),
            (Some("abc"), None, "ab", false),
        ] {
            let filter = KeyFilter { prefix: prefix.map(str::to_owned), suffix: suffix.map(str::to_owned) };
            assert_eq!(filter.matches(key), passes, "{filter:?} {key:?}");
        }
    }
}
