//! The text that a configuration is read from, and positions in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A range of bytes of the text.
pub(crate) type Span = Range<usize>;

/// A configuration file: where it is and what it says.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where the file is. Relative paths in it are relative to its folder.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// What the file system says: the file does not exist, may not be read, or is not UTF-8.
    pub fn read(path: impl Into<PathBuf>) -> std::io::Result<Self> {
        let path = path.into();
        let text = std::fs::read_to_string(&path)?;
        Ok(Self { path, text })
    }

    /// The folder that relative paths are relative to.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// A position as editors count: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
}

impl Position {
    /// Finds the position of a byte; of the end, if the text is shorter.
    pub(crate) fn of(text: &str, byte: usize) -> Self {
        let before = &text[..floor(text, byte)];
        let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// The text in a span, cut to where characters begin.
pub(crate) fn slice<'t>(text: &'t str, span: &Span) -> &'t str {
    let start = floor(text, span.start);
    &text[start..floor(text, span.end).max(start)]
}

/// The line in which a byte stands.
pub(crate) fn line_of(text: &str, byte: usize) -> &str {
    let byte = floor(text, byte);
    let start = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |newline| byte + newline);
    &text[start..end]
}

/// The last byte not after `byte` where a character begins.
fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "é = 1\nab = \"x\"\n";
        for (byte, line, column) in [(0, 1, 1), (2, 1, 2), (7, 2, 1), (12, 2, 6), (99, 3, 1)] {
            assert_eq!(Position::of(text, byte), Position { line, column }, "{byte}");
        }
        assert_eq!(line_of(text, 9), "ab = \"x\"");
        assert_eq!(slice(text, &(1..3)), "é ");
    }
}
