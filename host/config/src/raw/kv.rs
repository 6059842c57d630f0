//! `[kv.STORE]`.

use super::Reader;
use super::section::Section;
use crate::platform::KvStore;

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> KvStore {
    KvStore {
        key_size_max: section.field(reader, "key-size-max").value,
        value_size_max: section.field(reader, "value-size-max").value,
        scan_page_max: section.field(reader, "scan-page-max").value,
        page_size_max: section.field(reader, "page-size-max").value,
        batch_max: section.field(reader, "batch-max").value,
        batch_size_max: section.field(reader, "batch-size-max").value,
    }
}

impl Default for KvStore {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("kv.STORE"))
    }
}
