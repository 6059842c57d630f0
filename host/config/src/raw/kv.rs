//! `[kv.STORE]`.

use super::section::Section;
use super::{At, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{KvStore, TableKey};

/// The longest name of an attribute that is a key, in bytes, as DynamoDB has it.
const ATTRIBUTE_MAX: usize = 255;

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> KvStore {
    KvStore {
        key_size_max: section.field(reader, "key-size-max").value,
        value_size_max: section.field(reader, "value-size-max").value,
        scan_page_max: section.field(reader, "scan-page-max").value,
        page_size_max: section.field(reader, "page-size-max").value,
        batch_max: section.field(reader, "batch-max").value,
        batch_size_max: section.field(reader, "batch-size-max").value,
        key: section.texts(reader, "key", "\"id\"").and_then(|names| read_key(reader, section, names)),
    }
}

/// Reads one or two names of attributes, which differ.
fn read_key(reader: &mut Reader<'_>, section: &Section<'_, '_>, names: Vec<At<String>>) -> Option<TableKey> {
    let bad_name = names.iter().find(|name| name.value.is_empty() || name.value.len() > ATTRIBUTE_MAX);
    let (at, message) = match (&names[..], bad_name) {
        (_, Some(name)) => (name.at.clone(), format!("{} is no name of an attribute", reader.quote(&name.at))),
        ([partition], None) => return Some(TableKey { partition: partition.value.clone(), sort: None }),
        ([one, other], None) if one.value != other.value => {
            return Some(TableKey { partition: one.value.clone(), sort: Some(other.value.clone()) });
        }
        ([_, other], None) => (other.at.clone(), "the two attributes of a key are the same".to_owned()),
        // What is no text is none here, and was reported.
        ([], None) if !section.is_empty_list("key") => return None,
        (others, None) => {
            let (at, _) = section.get("key")?;
            (at, format!("a key has one or two attributes, not {}", others.len()))
        }
    };
    let help = format!(
        "such as: key = [\"pk\"], or key = [\"pk\", \"sk\"]: the attributes that find an item, of 1 to {ATTRIBUTE_MAX} bytes each"
    );
    reader.report(Diagnostic::new(Code::BadValue, at, message, "not a key").help(help));
    None
}

impl Default for KvStore {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("kv.STORE"))
    }
}
