//! What arguments have to be: checked by every engine before it looks at a store. Pure.

use std::collections::{BTreeMap, HashSet};

use flint_model::StoreName;

use crate::commit::Commit;
use crate::effect::Effect;
use crate::kv::{Catalog, KvLimits};
use crate::refusal::{Invalid, Refusal, TooLarge, What};

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

/// Checks a commit: every store exists, every limit is kept, and no key comes twice.
///
/// # Errors
/// [`Refusal`].
pub fn commit(catalog: &Catalog, commit: &Commit) -> Result<(), Refusal> {
    match commit.effects.as_slice() {
        [] => Err(Invalid::EmptyBatch.into()),
        [alone] => effect(catalog.limits(alone.target().0)?, alone),
        several => batch(catalog, several),
    }
}

fn batch(catalog: &Catalog, effects: &[Effect]) -> Result<(), Refusal> {
    let mut seen = HashSet::with_capacity(effects.len());
    let mut load: BTreeMap<&StoreName, (usize, usize)> = BTreeMap::new();
    for one in effects {
        let (store, key) = one.target();
        let limits = catalog.limits(store)?;
        effect(limits, one)?;
        if !seen.insert((store, key)) {
            return Err(Invalid::KeyTwice { store: store.clone(), key: key.to_owned() }.into());
        }
        let (count, bytes) = load.entry(store).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(usize::try_from(one.size()).unwrap_or(usize::MAX));
    }
    for (store, (count, bytes)) in load {
        let limits = catalog.limits(store)?;
        TooLarge::check(What::Batch, count, limits.batch_max)?;
        TooLarge::check(What::Batch, bytes, limits.batch_bytes_max)?;
    }
    Ok(())
}

fn effect(limits: &KvLimits, effect: &Effect) -> Result<(), Refusal> {
    key_within(limits, effect.target().1)?;
    match effect {
        Effect::KvPut { value, .. } => Ok(TooLarge::check(What::Value, value.len(), limits.value_size_max)?),
        Effect::KvDelete { .. } | Effect::KvIncrement { .. } => Ok(()),
    }
}

fn key_within(limits: &KvLimits, key: &str) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Invalid::EmptyKey.into());
    }
    Ok(TooLarge::check(What::Key, key.len(), limits.key_size_max)?)
}
