//! The text that a configuration is read from, and positions in it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

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
    /// [`ReadError`].
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, ReadError> {
        let path = path.into();
        let text = String::from_utf8(std::fs::read(&path)?).map_err(|error| ReadError::NoText(first_odd(&error)))?;
        Ok(Self { path, text })
    }

    /// The folder that relative paths are relative to.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// Why a configuration file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What the file system says: the file does not exist, may not be read, or is a folder.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is not UTF-8; has where it stops being that.
    #[error("line {}, column {} is not UTF-8", .0.line, .0.column)]
    NoText(Position),
}

/// Where a text stops being one.
fn first_odd(error: &FromUtf8Error) -> Position {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    Position::of(&String::from_utf8_lossy(good), good.len())
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
    fn a_file_that_is_no_text_is_refused_with_the_place_where_it_stops_being_one() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), b"a = 1\n\xC3\xA9\xFFb").expect("written");
        let error = Source::read(file.path()).expect_err("not UTF-8");
        assert!(matches!(error, ReadError::NoText(Position { line: 2, column: 2 })), "{error}");
        let folder = file.path().parent().expect("a folder");
        assert!(matches!(Source::read(folder), Err(ReadError::Io(_))));
    }

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
