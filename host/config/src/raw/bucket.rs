//! `[bucket.BUCKET]`.

use super::Reader;
use super::section::Section;
use crate::platform::Bucket;

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Bucket {
    Bucket {
        blob_size_max: section.field(reader, "blob-size-max").value,
        key_size_max: section.field(reader, "key-size-max").value,
        metadata_size_max: section.field(reader, "metadata-size-max").value,
        list_page_max: section.field(reader, "list-page-max").value,
        batch_max: section.field(reader, "batch-max").value,
    }
}

impl Default for Bucket {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("bucket.BUCKET"))
    }
}
