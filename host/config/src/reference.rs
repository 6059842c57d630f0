//! Every key of the configuration: one table from which the reader takes names, types, ranges and defaults, and the README its
//! reference.

mod table;

pub(crate) use table::KEYS;

use flint_model::{ByteSize, duration};
use std::fmt::Write as _;
use std::time::Duration;

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Where it stands; what users name themselves is in capitals: `function.NAME.memory`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
    /// What it means, in one line.
    pub(crate) meaning: &'static str,
}

/// What a value has to be. Ranges include both ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Path,
    /// An IP address and a port.
    Address,
    Size {
        min: ByteSize,
        max: ByteSize,
    },
    Duration {
        min: Duration,
        max: Duration,
    },
    Count {
        min: u64,
        max: u64,
    },
    /// Yes or no.
    Flag,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    List,
    /// A text or a list of texts.
    OneOrList,
    /// A table of what a user names.
    Table,
}

/// Whether a key may be left out, and what it is then.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Presence {
    Required,
    /// Left out, it means what the text says.
    Optional(&'static str),
    /// Left out, it is this, as it would be written without quotes.
    Default(&'static str),
}

/// Finds a key; `section` is such as `function.NAME`, or empty for the root.
///
/// # Panics
/// If the table has no such key: the reader asked for a key that nobody could know of.
pub(crate) fn key(section: &str, name: &str) -> &'static Key {
    KEYS.iter().find(|key| below(key, section) == Some(name)).expect("the reference table has every key that is read")
}

/// The keys that a section knows, those of sections in it included, in the order of the table.
pub(crate) fn known(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for name in KEYS.iter().filter_map(|key| below(key, section)).filter_map(|rest| rest.split('.').next()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The part of a key's path below a section.
fn below(key: &Key, section: &str) -> Option<&'static str> {
    if section.is_empty() { Some(key.path) } else { key.path.strip_prefix(section)?.strip_prefix('.') }
}

/// Writes the table as Markdown, as the README quotes it.
pub fn markdown() -> String {
    let mut out = String::from("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for Key { path, kind, presence, meaning } in KEYS {
        let default = match presence {
            Presence::Required => "required".to_owned(),
            Presence::Optional(text) => (*text).to_owned(),
            Presence::Default(text) => format!("`{text}`"),
        };
        // Writing to a String does not fail.
        let _ = writeln!(out, "| `{path}` | {} | {default} | {meaning} |", describe(kind));
    }
    out
}

/// Says what a kind of value is, ranges included.
fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Address => "address".to_owned(),
        Kind::Size { min, max } => format!("size, {min} to {max}"),
        Kind::Duration { min, max } => format!("duration, {} to {}", duration::display(*min), duration::display(*max)),
        Kind::Count { min, max } => format!("number, {min} to {max}"),
        Kind::Flag => "`true`, `false`".to_owned(),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::List => "list of texts".to_owned(),
        Kind::OneOrList => "text or list of texts".to_owned(),
        Kind::Table => "table of texts".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_know_their_keys_and_nothing_else() {
        assert_eq!(known("kv.STORE")[..2], ["key-size-max", "value-size-max"]);
        assert_eq!(
            known(""),
            [
                "data-dir",
                "listener",
                "limits",
                "outbound",
                "function",
                "route",
                "kv",
                "queue",
                "bucket",
                "topic",
                "subscription",
                "trigger",
                "schedule",
                "workflow"
            ]
        );
        assert_eq!(known("function.NAME.secrets.SECRET"), ["env", "file"]);
        assert_eq!(known("function.NAME.grants"), ["kv", "queue", "topic", "invoke", "workflow", "blob"]);
        assert_eq!(key("listener", "http").path, "listener.http");
    }

    #[test]
    fn the_table_is_markdown_with_a_row_for_every_key() {
        let markdown = markdown();
        assert_eq!(markdown.lines().count(), KEYS.len() + 2);
        assert!(markdown.lines().all(|line| line.matches(" | ").count() == 3), "{markdown}");
        insta::assert_snapshot!(markdown);
    }
}
