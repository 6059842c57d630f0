//! What is linked in buckets, and asked of them.

use std::collections::{BTreeMap, HashSet};

use flint_model::BucketName;

use super::queue::text;
use crate::blob::{BucketRules, Content, Listing};
use crate::catalog::Catalog;
use crate::effect::Effect;
use crate::refusal::{Invalid, Refusal, TooLarge, What};

/// Checks the key of a look-up.
///
/// # Errors
/// [`Refusal`].
pub fn blob_key(catalog: &Catalog, bucket: &BucketName, key: &str) -> Result<(), Refusal> {
    key_within(catalog.bucket(bucket)?, key)
}

/// Checks a list; answers how many blobs and common prefixes its page may have.
///
/// # Errors
/// [`Refusal`].
pub fn list(catalog: &Catalog, bucket: &BucketName, listing: Listing<'_>, limit: u32) -> Result<usize, Refusal> {
    let rules = catalog.bucket(bucket)?;
    TooLarge::check(What::Key, listing.prefix.len(), rules.key_size_max)?;
    if let Some(delimiter) = listing.delimiter {
        text(What::Delimiter, delimiter, rules.key_size_max)?;
    }
    if limit == 0 {
        return Err(Invalid::EmptyPage.into());
    }
    Ok(limit.min(rules.list_page_max) as usize)
}

/// Checks one effect about a blob.
pub(super) fn effect(catalog: &Catalog, effect: &Effect) -> Result<(), Refusal> {
    let Some((bucket, key)) = effect.blob() else { return Ok(()) };
    let rules = catalog.bucket(bucket)?;
    key_within(rules, key)?;
    match effect {
        Effect::BlobLink { content, content_type, metadata, .. } => {
            link(rules, content, content_type.as_deref(), metadata)
        }
        Effect::BlobCopy { from_bucket, from_key, .. } => blob_key(catalog, from_bucket, from_key),
        _ => Ok(()),
    }
}

/// Checks what a commit of several effects changes in each bucket.
pub(super) fn batch(catalog: &Catalog, effects: &[Effect]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let mut load: BTreeMap<&BucketName, usize> = BTreeMap::new();
    for (bucket, key) in effects.iter().filter_map(Effect::blob) {
        if !seen.insert((bucket, key)) {
            return Err(Invalid::BlobTwice { bucket: bucket.clone(), key: key.to_owned() }.into());
        }
        *load.entry(bucket).or_default() += 1;
    }
    for (bucket, count) in load {
        TooLarge::check(What::Batch, count, catalog.bucket(bucket)?.batch_max)?;
    }
    Ok(())
}

fn key_within(rules: &BucketRules, key: &str) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Invalid::EmptyKey.into());
    }
    Ok(TooLarge::check(What::Key, key.len(), rules.key_size_max)?)
}

fn link(
    rules: &BucketRules,
    content: &Content,
    content_type: Option<&str>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    rules.fits(content.size())?;
    if content_type.is_some_and(|text| text.is_empty() || !text.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        return Err(Invalid::ContentType.into());
    }
    if metadata.keys().any(String::is_empty) {
        return Err(Invalid::Empty { what: What::MetadataName }.into());
    }
    let named: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    let size = named + content_type.map_or(0, str::len);
    Ok(TooLarge::check(What::Metadata, size, rules.metadata_size_max)?)
}
