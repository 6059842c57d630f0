//! What a distributed Map state reads and writes, apart from the stores: items from an object's bytes, batches of items, and the
//! files of results.
//!
//! All of it is pure. Items come one after the other, so that a hundred thousand of them are never held twice.

mod batch;
mod json;
mod manifest;
mod results;
mod rows;

use crate::definition::ItemFormat;
use crate::failure::name;
use crate::scene::Trouble;
use serde_json::Value;

pub use batch::batches;
pub use manifest::{Manifest, read_manifest};
pub use results::{Details, File, Group, Outcome, Record, Results, Writer, Written, inline, manifest, output};

/// The items in an object, in order. After the first error there are none.
pub struct Items<'a>(Box<dyn Iterator<Item = Result<Value, Trouble>> + Send + 'a>);

impl Iterator for Items<'_> {
    type Item = Result<Value, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.next()?;
        if item.is_err() {
            self.0 = Box::new(std::iter::empty());
        }
        Some(item)
    }
}

/// Reads the items in an object.
///
/// Rows and lines are read when they are asked for, JSON at once. A manifest's own items are in the files that it names: see
/// [`read_manifest`].
///
/// # Errors
/// `States.ItemReaderFailed`, with the line, where the content is not what the format says. What is wrong with a row or a line is
/// told in its place.
pub fn read_items<'a>(content: &'a [u8], format: &'a ItemFormat) -> Result<Items<'a>, Trouble> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    Ok(Items(match format {
        ItemFormat::Csv { delimiter, headers } => Box::new(rows::Rows::new(content, *delimiter, headers.as_deref())?),
        ItemFormat::Json { pointer } => json::items(content, pointer.as_deref())?,
        ItemFormat::JsonLines => Box::new(json::lines(content)),
        ItemFormat::Manifest => return Err(failed("The items of a manifest are in the files that it names.")),
    }))
}

fn failed(cause: impl Into<String>) -> Trouble {
    Trouble::new(name::ITEM_READER_FAILED, cause)
}

#[cfg(test)]
mod tests;
