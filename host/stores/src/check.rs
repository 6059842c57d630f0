//! What arguments have to be: checked by every engine before it looks at a store. Pure.

mod blob;
mod once;
mod queue;
mod topic;

use std::collections::{BTreeMap, HashSet};

use flint_model::StoreName;

use crate::catalog::Catalog;
use crate::commit::Commit;
use crate::effect::{CHECKS_MAX, Effect};
use crate::kv::KvLimits;
use crate::refusal::{Invalid, Refusal, TooLarge, What};

pub use blob::{blob_key, list};
pub use queue::{extend, page, receive, redrive};

/// Checks the key of a read.
///
/// # Errors
/// [`Refusal`].
pub fn key(catalog: &Catalog, store: &StoreName, key: &str) -> Result<(), Refusal> {
    key_within(catalog.limits(store)?, key)
}

/// Checks the keys of a read of many; answers the limits of the store.
///
/// # Errors
/// [`Refusal`].
pub fn keys<'a>(catalog: &'a Catalog, store: &StoreName, keys: &[String]) -> Result<&'a KvLimits, Refusal> {
    let limits = catalog.limits(store)?;
    TooLarge::check(What::Batch, keys.len(), limits.batch_max)?;
    keys.iter().try_for_each(|key| key_within(limits, key))?;
    Ok(limits)
}

/// Checks a scan; answers how many items its page may have, and the limits of the store.
///
/// # Errors
/// [`Refusal`].
pub fn scan<'a>(
    catalog: &'a Catalog,
    store: &StoreName,
    prefix: &str,
    limit: u32,
) -> Result<(usize, &'a KvLimits), Refusal> {
    let limits = catalog.limits(store)?;
    TooLarge::check(What::Key, prefix.len(), limits.key_size_max)?;
    if limit == 0 {
        return Err(Invalid::EmptyPage.into());
    }
    // A page may always be shorter than what was asked for, and who asks does not know each store's limit.
    Ok((limit.min(limits.scan_page_max) as usize, limits))
}

/// Checks a commit: everything that it names exists, every limit is kept, no key, no message and the
/// like comes twice.
///
/// # Errors
/// [`Refusal`].
pub fn commit(catalog: &Catalog, commit: &Commit) -> Result<(), Refusal> {
    queue::settle(catalog, &commit.consumed)?;
    match commit.effects.as_slice() {
        [] if commit.consumed.is_empty() => Err(Invalid::EmptyBatch.into()),
        [] => Ok(()),
        [alone] => effect(catalog, alone),
        several => batch(catalog, several),
    }
}

fn batch(catalog: &Catalog, effects: &[Effect]) -> Result<(), Refusal> {
    let mut seen = HashSet::with_capacity(effects.len());
    let mut load: BTreeMap<&StoreName, (usize, usize)> = BTreeMap::new();
    let mut checks = 0;
    for one in effects {
        effect(catalog, one)?;
        let Some((store, key)) = one.key() else { continue };
        if !seen.insert((store, key)) {
            return Err(Invalid::KeyTwice { store: store.clone(), key: key.to_owned() }.into());
        }
        if matches!(one, Effect::KvCheck { .. }) {
            checks += 1;
            continue;
        }
        let (count, bytes) = load.entry(store).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(usize::try_from(one.size()).unwrap_or(usize::MAX));
    }
    TooLarge::check(What::Checks, checks, CHECKS_MAX)?;
    for (store, (count, bytes)) in load {
        let limits = catalog.limits(store)?;
        TooLarge::check(What::Batch, count, limits.batch_max)?;
        if count > 1 {
            TooLarge::check(What::Batch, bytes, limits.batch_bytes_max)?;
        }
    }
    queue::batch(catalog, effects)?;
    topic::batch(catalog, effects)?;
    blob::batch(catalog, effects)?;
    once::batch(effects)
}

fn effect(catalog: &Catalog, effect: &Effect) -> Result<(), Refusal> {
    match effect {
        Effect::KvPut { store, key, value, .. } => {
            let limits = catalog.limits(store)?;
            key_within(limits, key)?;
            Ok(TooLarge::check(What::Value, value.len(), limits.value_size_max)?)
        }
        Effect::KvDelete { store, key, .. }
        | Effect::KvIncrement { store, key, .. }
        | Effect::KvCheck { store, key, .. } => key_within(catalog.limits(store)?, key),
        Effect::QueueSend { queue, message, options } => queue::send(catalog, queue, message, options),
        Effect::TopicPublish { topic, message } => topic::publish(catalog, topic, message),
        Effect::ScheduleTick { .. } => Ok(()),
        Effect::BlobLink { .. } | Effect::BlobUnlink { .. } | Effect::BlobCopy { .. } => blob::effect(catalog, effect),
        Effect::InvocationPut { invocation, .. } => {
            Ok(TooLarge::check(What::Answer, invocation.state.size(), catalog.answer_size_max)?)
        }
    }
}

fn key_within(limits: &KvLimits, key: &str) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Invalid::EmptyKey.into());
    }
    Ok(TooLarge::check(What::Key, key.len(), limits.key_size_max)?)
}
