//! What is wrong with a configuration: code, place, label, help, for people and for programs.

mod code;
mod render;

pub use code::Code;
pub use render::Colour;

use crate::source::{Position, Span, slice};
use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    code: Code,
    message: String,
    at: Span,
    label: String,
    help: Option<String>,
    related: Vec<Related>,
}

/// Another place that has to do with a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Related {
    at: Span,
    label: String,
}

impl Diagnostic {
    /// Says what is wrong in one line; `label` stands at the offending text.
    pub(crate) fn new(code: Code, at: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), at, label: label.into(), help: None, related: Vec::new() }
    }

    /// Says what to do.
    pub(crate) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Points to another place, if it is in the file.
    pub(crate) fn also(mut self, at: Option<Span>, label: impl Into<String>) -> Self {
        self.related.extend(at.map(|at| Related { at, label: label.into() }));
        self
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> &Span {
        &self.at
    }

    /// The stable code, such as `config/unknown-key`.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong with the offending text.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// All the mistakes of a configuration, in the order of the file. Never empty, and never shows a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostics {
    path: PathBuf,
    /// The text with secrets masked, position by position the same as what was read.
    text: String,
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts mistakes by place. `text` is the file's, masked.
    pub(crate) fn new(path: PathBuf, text: String, mut items: Vec<Diagnostic>) -> Self {
        items.sort_by_key(|item| (item.at.start, item.at.end, item.code));
        Self { path, text, items }
    }

    /// The file in which they were found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mistakes, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Where a mistake stands.
    pub fn position(&self, diagnostic: &Diagnostic) -> Position {
        Position::of(&self.text, diagnostic.at.start)
    }

    /// The offending text of a mistake.
    pub fn offending(&self, diagnostic: &Diagnostic) -> &str {
        slice(&self.text, &diagnostic.at)
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colour::Never))
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Diagnostics {}
