//! Items in rows of text (CSV): an object of each row, whose values are texts.
//!
//! A field that a row lacks is empty; a field without a name is left out.

use super::failed;
use crate::scene::Trouble;
use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The rows that are still to be read.
pub(super) struct Rows<'a> {
    reader: Reader<&'a [u8]>,
    headers: Vec<String>,
    row: ByteRecord,
}

impl<'a> Rows<'a> {
    /// Starts reading; without headers, the first row has them.
    pub(super) fn new(content: &'a [u8], delimiter: u8, headers: Option<&[String]>) -> Result<Self, Trouble> {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(content);
        let mut rows = Self { reader, headers: Vec::new(), row: ByteRecord::new() };
        rows.headers = match headers {
            Some(headers) => headers.to_vec(),
            None => rows.first()?,
        };
        let mut seen = HashSet::new();
        if rows.headers.iter().all(|header| seen.insert(header)) {
            Ok(rows)
        } else {
            Err(failed("CSV headers cannot contain duplicates."))
        }
    }

    fn first(&mut self) -> Result<Vec<String>, Trouble> {
        match self.read()? {
            true => self.row.iter().map(|field| self.text(field).map(str::to_owned)).collect(),
            false => Ok(Vec::new()),
        }
    }

    /// Reads the next row, unless there is none.
    fn read(&mut self) -> Result<bool, Trouble> {
        self.reader.read_byte_record(&mut self.row).map_err(|error| failed(format!("The rows can't be read: {error}.")))
    }

    /// A field of the current row.
    fn text<'b>(&self, field: &'b [u8]) -> Result<&'b str, Trouble> {
        let line = self.row.position().map_or(0, csv::Position::line);
        str::from_utf8(field).map_err(|_| failed(format!("The row in line {line} is not UTF-8.")))
    }

    fn item(&self) -> Result<Value, Trouble> {
        let field = |(index, header): (usize, &String)| {
            let value = self.text(self.row.get(index).unwrap_or_default())?;
            Ok((header.clone(), Value::from(value)))
        };
        self.headers.iter().enumerate().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Value, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Ok(true) => Some(self.item()),
            Ok(false) => None,
            Err(trouble) => Some(Err(trouble)),
        }
    }
}
