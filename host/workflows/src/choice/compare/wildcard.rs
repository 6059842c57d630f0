//! Patterns of `StringMatches`: `*` stands for any text, `\*` and `\\` for themselves.

/// Whether a text matches; `None`: the pattern has a backslash that escapes nothing.
///
/// Each literal part is searched where the one before it ended, so that the time is linear in both texts.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    let mut parts = parts(pattern)?;
    let last = parts.pop().unwrap_or_default();
    let Some((first, middle)) = parts.split_first() else {
        return Some(last == text);
    };
    let inner = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
    let Some(mut rest) = inner else {
        return Some(false);
    };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return Some(false),
        }
    }
    Some(true)
}

/// The literal parts around the wildcards; always one at least.
fn parts(pattern: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => parts.push(std::mem::take(&mut part)),
            '\\' => part.push(letters.next().filter(|next| ['*', '\\'].contains(next))?),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    Some(parts)
}
