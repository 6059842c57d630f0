//! Manifests of S3 inventories: the files that hold the items, and what their columns are.

use super::failed;
use crate::definition::ItemFormat;
use crate::scene::Trouble;
use serde::Deserialize;

/// A manifest of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bucket that the files are in.
    pub bucket: String,
    /// The files' keys, in order.
    pub keys: Vec<String>,
    /// The names of the files' columns.
    pub schema: Vec<String>,
}

impl Manifest {
    /// How the items stand in each file. A file whose key ends in `.gz` has to be unpacked before.
    #[must_use]
    pub fn format(&self) -> ItemFormat {
        ItemFormat::Csv { delimiter: b',', headers: Some(self.schema.clone()) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    key: String,
}

/// Reads a manifest ("Amazon S3 inventory manifest").
///
/// # Errors
/// `States.ItemReaderFailed` where it is none, and for files of another format than CSV.
pub fn read_manifest(content: &[u8]) -> Result<Manifest, Trouble> {
    let raw: Raw = serde_json::from_slice(content)
        .map_err(|error| failed(format!("The object is not an inventory manifest: {error}.")))?;
    if raw.file_format != "CSV" {
        return Err(failed(format!("The inventory's files are {}: only CSV can be read.", raw.file_format)));
    }
    let bucket = raw.destination_bucket.rsplit(':').next().unwrap_or_default().to_owned();
    let schema = raw.file_schema.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(Manifest { bucket, keys: raw.files.into_iter().map(|file| file.key).collect(), schema })
}
