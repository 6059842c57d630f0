//! Items in rows of text (CSV): an object of each row, whose values are texts.
//!
//! How rows are read is told by AWS's developer guide, "How Step Functions parses input CSV files". A field that a row
//! lacks is empty; a field without a name is left out.

use super::failed;
use crate::scene::Trouble;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The rows that are still to be read.
pub(super) struct Rows<'a> {
    rest: &'a [u8],
    /// The line that the rest starts in, from 1.
    line: u64,
    delimiter: u8,
    headers: Vec<String>,
}

/// A row's fields, and the line that it starts in.
struct Row {
    fields: Vec<Vec<u8>>,
    line: u64,
}

impl<'a> Rows<'a> {
    /// Starts reading; without headers, the first row has them.
    pub(super) fn new(content: &'a [u8], delimiter: u8, headers: Option<&[String]>) -> Result<Self, Trouble> {
        let mut rows = Self { rest: content, line: 1, delimiter, headers: Vec::new() };
        rows.headers = match headers {
            Some(headers) => headers.to_vec(),
            None => rows.row().map_or_else(|| Ok(Vec::new()), Row::texts)?,
        };
        let mut seen = HashSet::new();
        if rows.headers.iter().all(|header| seen.insert(header)) {
            Ok(rows)
        } else {
            Err(failed("CSV headers cannot contain duplicates."))
        }
    }

    /// Reads the next row, unless there is none. Empty lines are none.
    fn row(&mut self) -> Option<Row> {
        while self.takes_line_end() {}
        if self.rest.is_empty() {
            return None;
        }
        let mut row = Row { fields: Vec::new(), line: self.line };
        loop {
            row.fields.push(self.field());
            match self.rest.split_first() {
                Some((delimiter, rest)) if *delimiter == self.delimiter => self.rest = rest,
                _ => {
                    self.takes_line_end();
                    return Some(row);
                }
            }
        }
    }

    /// Reads a field, up to the delimiter, the end of the line or the end of all.
    ///
    /// Quotes may be around it, and mean themselves if they are doubled. A backslash takes the meaning of a backslash,
    /// a quote or a delimiter after it; before anything else, it is nothing.
    fn field(&mut self) -> Vec<u8> {
        let mut field = Vec::new();
        let mut within = self.rest.first() == Some(&b'"');
        self.skip(usize::from(within));
        while let Some(byte) = self.rest.first().copied() {
            let next = self.rest.get(1).copied();
            match byte {
                b'\\' => {
                    let escaped = next.filter(|next| [b'\\', b'"', self.delimiter].contains(next));
                    field.extend(escaped);
                    self.skip(1 + usize::from(escaped.is_some()));
                    continue;
                }
                b'"' if next == Some(b'"') => self.skip(1),
                b'"' if within => {
                    within = false;
                    self.skip(1);
                    continue;
                }
                b'\n' | b'\r' if !within => break,
                byte if byte == self.delimiter && !within => break,
                b'\n' => self.line += 1,
                _ => {}
            }
            field.push(byte);
            self.skip(1);
        }
        field
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Reads the end of a line, if it comes next.
    fn takes_line_end(&mut self) -> bool {
        let length = match self.rest {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.skip(length);
        self.line += 1;
        true
    }

    fn item(&self, row: Row) -> Result<Value, Trouble> {
        let mut texts = row.texts()?.into_iter();
        let field = |header: &String| (header.clone(), Value::from(texts.next().unwrap_or_default()));
        Ok(Value::Object(self.headers.iter().map(field).collect::<Map<_, _>>()))
    }
}

impl Row {
    fn texts(self) -> Result<Vec<String>, Trouble> {
        let wrong = |_| failed(format!("The row in line {} is not UTF-8.", self.line));
        self.fields.into_iter().map(|field| String::from_utf8(field).map_err(wrong)).collect()
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Value, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.row()?;
        Some(self.item(row))
    }
}
