//! Secrets that were written into the file by mistake, hidden from all that shows the file.
//!
//! A secret's table says where its value is (`env`, `file`). Whatever else stands there is probably the value itself, and so is
//! a variable or a file that is called as nobody calls one, and what stands under a key such as `api-key` anywhere else. It is
//! starred before any diagnostic sees the text. Everything keeps its position.

use crate::source::Span;
use crate::suggest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest word of a variable that is taken for one, in bytes.
const VARIABLE_WORD_MAX: usize = 16;

/// Hides what may be a secret. `syntax_errors` are where the text is not TOML: there the tree can't be trusted, so more is hidden.
pub(crate) fn mask(text: &str, tree: &DeTable<'_>, syntax_errors: &[Span]) -> String {
    let mut hidden = Vec::new();
    for (section, value) in tree {
        match value.get_ref() {
            // The keys of these are names that users choose.
            DeValue::Table(named) if matches!(section.get_ref().as_ref(), "function" | "kv" | "bucket") => {
                for (name, value) in named {
                    match value.get_ref() {
                        DeValue::Table(inner) if !means_secrets(name.get_ref()) => find(inner, &mut hidden),
                        _ => find_one(name.get_ref(), value, &mut hidden),
                    }
                }
            }
            _ => find_one(section.get_ref(), value, &mut hidden),
        }
    }
    hidden.extend(broken_sections(text, syntax_errors));
    let mut bytes_hidden = vec![false; text.len()];
    for span in hidden {
        let end = span.end.min(text.len());
        bytes_hidden[span.start.min(end)..end].fill(true);
    }
    text.char_indices().map(|(at, c)| if bytes_hidden[at] { star(c) } else { c }).collect()
}

/// A star as long as the character that it hides. Line ends stay.
fn star(c: char) -> char {
    match c.len_utf8() {
        1 if c == '\n' || c == '\r' => c,
        1 => '*',
        2 => '×',
        3 => '★',
        _ => '🟊',
    }
}

/// Says whether a key is `secrets`, or meant to be.
fn means_secrets(key: &str) -> bool {
    suggest::nearest(key, ["secrets", "secret"]).is_some()
}

/// Says whether a key is called as one that holds a secret itself.
fn names_a_secret(key: &str) -> bool {
    let secret = ["secret", "password", "passwd", "passphrase", "token", "key", "apikey", "credential", "credentials"];
    key.split(['-', '_', '.', ' ']).any(|word| secret.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
}

/// Says whether a text is called as variables of the environment are: capitals and digits, in words that are not long. One
/// that is not may be the secret itself, written in the wrong place.
pub(crate) fn is_plain_variable(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    name.split('_').all(|word| !word.is_empty() && word.len() <= VARIABLE_WORD_MAX && word.bytes().all(is_letter))
}

/// The same of a file: one in another folder or with an extension.
fn is_plain_file(name: &str) -> bool {
    name.contains(['/', '.']) && !name.contains(char::is_whitespace)
}

/// Finds values below `secrets` that are not names of variables or files, however deep the table is.
fn find(table: &DeTable<'_>, hidden: &mut Vec<Span>) {
    table.iter().for_each(|(key, value)| find_one(key.get_ref(), value, hidden));
}

fn find_one(key: &str, value: &Spanned<DeValue<'_>>, hidden: &mut Vec<Span>) {
    match value.get_ref() {
        DeValue::Table(secrets) if means_secrets(key) => find_secrets(secrets, hidden),
        other if means_secrets(key) || names_a_secret(key) => hide_leaves(other, value.span(), hidden),
        // What stores are called says nothing about secrets.
        DeValue::Table(_) if key == "grants" => {}
        DeValue::Table(inner) => find(inner, hidden),
        DeValue::Array(items) => {
            items.iter().filter_map(|item| item.get_ref().as_table()).for_each(|item| find(item, hidden));
        }
        _ => {}
    }
}

fn find_secrets(secrets: &DeTable<'_>, hidden: &mut Vec<Span>) {
    for (_, secret) in secrets {
        let DeValue::Table(origin) = secret.get_ref() else {
            hidden.push(secret.span());
            continue;
        };
        for (key, value) in origin {
            let is_plain = match (key.get_ref().as_ref(), value.get_ref()) {
                ("env", DeValue::String(name)) => is_plain_variable(name),
                ("file", DeValue::String(name)) => is_plain_file(name),
                _ => false,
            };
            if !is_plain {
                hide_leaves(value.get_ref(), value.span(), hidden);
            }
        }
    }
}

/// Hides all values below one, not the spans of tables and lists, which may be those of headers.
fn hide_leaves(value: &DeValue<'_>, at: Span, hidden: &mut Vec<Span>) {
    match value {
        DeValue::Table(table) => table.iter().for_each(|(_, v)| hide_leaves(v.get_ref(), v.span(), hidden)),
        DeValue::Array(items) => items.iter().for_each(|v| hide_leaves(v.get_ref(), v.span(), hidden)),
        _ => hidden.push(at),
    }
}

/// Finds the right-hand sides of all lines from one that speaks of secrets to the next header, if one of them is broken.
fn broken_sections(text: &str, syntax_errors: &[Span]) -> Vec<Span> {
    let (mut hidden, mut section, mut start) = (Vec::new(), Vec::new(), 0);
    let mut close = |section: &mut Vec<Span>| {
        let whole = section.first().map_or(0, |s: &Span| s.start)..section.last().map_or(0, |s| s.end);
        let broken = syntax_errors.iter().any(|error| error.start <= whole.end && error.end >= whole.start);
        if broken && !section.is_empty() {
            hidden.extend(section.iter().map(|line| right_hand_side(text, line)));
        }
        section.clear();
    };
    for line in text.split_inclusive('\n') {
        let span = start..start + line.len();
        start = span.end;
        if line.trim_start().starts_with('[') {
            close(&mut section);
        }
        let key = line.split('=').next().unwrap_or_default();
        if !section.is_empty() || line.to_lowercase().contains("secret") || names_a_secret(key.trim()) {
            section.push(span);
        }
    }
    close(&mut section);
    hidden
}

/// What stands after the first `=` of a line; the whole line if there is none, unless it is a header.
fn right_hand_side(text: &str, line: &Span) -> Span {
    let content = &text[line.clone()];
    match content.find('=') {
        Some(equals) => line.start + equals + 1..line.end,
        None if content.trim_start().starts_with('[') => line.end..line.end,
        None => line.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let (tree, errors) = DeTable::parse_recoverable(text);
        let errors: Vec<_> = errors.iter().filter_map(toml::de::Error::span).collect();
        let masked = mask(text, tree.get_ref(), &errors);
        assert_eq!(masked.len(), text.len());
        masked
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_and_names_are_not() {
        for (text, expected) in [
            ("[f.a]\nsecrets = { k = \"hunter2\" }", "[f.a]\nsecrets = { k = ********* }"),
            ("[f.a]\nsecret.k = \"hünter2\"", "[f.a]\nsecret.k = **×*******".trim_end_matches('*')),
            ("secrets = { k = { env = \"K\", file = 5 } }", "secrets = { k = { env = \"K\", file = * } }"),
            ("secrets = { k = { value.x = [7] } }", "secrets = { k = { value.x = [*] } }"),
            ("secrets = \"hunter2\"", "secrets = *********"),
            ("[a.secrets]\nk = \"\"\"x\ny\"\"\"", "[a.secrets]\nk = ****\n****"),
            ("[[a.secrets]]\nk = 'x'", "[[a.secrets]]\nk = ***"),
            ("secrets = { k = { env = \"sk_live_x\" } }", "secrets = { k = { env = *********** } }"),
            (
                "secrets = { k = { env = \"AKIAIOSFODNN7EXAMPLE\" } }",
                "secrets = { k = { env = ********************** } }",
            ),
            ("secrets = { k = { file = \"hunter2\" } }", "secrets = { k = { file = ********* } }"),
            ("secrets = { k = { file = \"keys/k\" } }", "secrets = { k = { file = \"keys/k\" } }"),
            ("[function.a]\nsecret-key = \"x\"", "[function.a]\nsecret-key = ***"),
            ("[function.a]\nAPI_TOKEN = [\"x\"]", "[function.a]\nAPI_TOKEN = [***]"),
            ("[function.a]\npassword = { is = \"x\" }", "[function.a]\npassword = { is = *** }"),
            (
                "[function.a]\nenvironment = { PGPASSWORD = \"x\", DB_PASSWORD = \"y\" }",
                "[function.a]\nenvironment = { PGPASSWORD = \"x\", DB_PASSWORD = *** }",
            ),
            ("[function.my-key]\nmemory = \"x\"", "[function.my-key]\nmemory = \"x\""),
            ("[function.a]\ngrants.kv.token = \"x\"", "[function.a]\ngrants.kv.token = \"x\""),
            ("[function.secrets]\nk = \"x\"", "[function.secrets]\nk = ***"),
            ("[function]\nsecret-key = \"x\"", "[function]\nsecret-key = ***"),
            ("a = 1", "a = 1"),
        ] {
            let masked = masked(text);
            assert!(masked.starts_with(expected), "{text}: {masked}");
        }
    }

    #[test]
    fn a_secret_in_a_broken_section_is_hidden_however_it_is_broken() {
        for text in [
            "[f.a]\nsecrets = { k = \"hunter2 }\nmemory = \"1MiB\"\n",
            "[f.a]\nsecrets = { k = hunter2 }\n",
            "[f.a.secrets]\nk = \"hunter2\nl = 1",
            "[f.a.secrets]\nhunter2\n",
            "[f.a.secrets\nk = \"hunter2\"\n",
            "secrets = {\n k = 'hunter2\n}\n[b]",
            "[function.a]\npassword = \"hunter2\n",
        ] {
            assert!(!masked(text).contains("hunter2"), "{text}");
        }
        assert!(masked("[f.a.secrets]\nk = hunter2\n[f.b]\nmemory = \"1MiB\"").ends_with("memory = \"1MiB\""));
    }
}
