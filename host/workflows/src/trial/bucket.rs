//! The buckets of a trial: what its own states have written, thrown away with it.

use crate::moment;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An object.
struct Object {
    content: Vec<u8>,
    /// In milliseconds since 1970.
    written: u64,
}

/// Objects by bucket and key.
#[derive(Default)]
pub(super) struct Buckets(BTreeMap<(String, String), Object>);

impl Buckets {
    pub(super) fn put(&mut self, bucket: &str, key: &str, content: Vec<u8>, written: u64) {
        self.0.insert((bucket.to_owned(), key.to_owned()), Object { content, written });
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Option<&[u8]> {
        self.0.get(&(bucket.to_owned(), key.to_owned())).map(|object| object.content.as_slice())
    }

    /// The objects of a bucket whose keys start so, as `s3:listObjectsV2` tells them; `None`: nothing was written to it.
    pub(super) fn list(&self, bucket: &str, prefix: &str) -> Option<Vec<Value>> {
        let of_bucket = || self.0.iter().filter(|((name, _), _)| name == bucket);
        of_bucket().next()?;
        let found = of_bucket().filter(|((_, key), _)| key.starts_with(prefix)).map(|((_, key), object)| {
            let written = moment::format(object.written);
            json!({"Key": key, "LastModified": written, "Size": object.content.len(), "StorageClass": "STANDARD"})
        });
        Some(found.collect())
    }
}
