//! The suite that every engine has to pass.
//!
//! An engine's crate writes one function that makes an engine from a [`Setup`] and hands it to [`conformance!`], which
//! makes a test of each case. The cases use nothing but the public traits. [`Model`] is what an engine is compared with.
//!
//! [`conformance!`]: crate::conformance!

pub mod batch;
pub mod kv;
pub mod model;
pub mod race;
pub mod random;
pub mod scan;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{ManualClock, StoreName, Timestamp};

use crate::{
    Catalog, Commit, CommitError, Committed, Effect, Entry, Expectation, Item, KvLimits, Outcome, Stores, Version,
};

pub use model::{Memory, Model};

/// What an engine under test is made with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The stores that it has: `default` with default limits, `other` too, and `small` with small ones.
    pub stores: BTreeMap<StoreName, KvLimits>,
    /// The time that it goes by.
    pub clock: Arc<ManualClock>,
}

impl Setup {
    /// The catalog of the stores.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.stores.clone())
    }
}

impl Default for Setup {
    fn default() -> Self {
        let small = KvLimits {
            key_size_max: 8,
            value_size_max: 16,
            scan_page_max: 4,
            page_bytes_max: 32,
            batch_max: 3,
            batch_bytes_max: 40,
        };
        let stores = [("default", KvLimits::default()), ("other", KvLimits::default()), ("small", small)];
        Self {
            stores: stores.into_iter().map(|(name, limits)| (store(name), limits)).collect(),
            clock: Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000))),
        }
    }
}

/// An engine under test, and what has to live as long.
pub struct Subject {
    /// The engine.
    pub stores: Arc<dyn Stores>,
    /// Folders and the like.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// Makes a test of each case of the suite: `flint_stores::conformance!(make);`, where `make` is an
/// `async fn(Setup) -> Subject`.
#[macro_export]
macro_rules! conformance {
    ($make:path) => {
        $crate::conformance!(@cases $make;
            kv: a_written_key_reads_back_until_it_is_deleted
                keys_are_any_text_and_values_any_bytes
                stores_do_not_share_keys
                versions_grow_with_every_write
                an_expectation_decides_whether_a_write_happens
                a_time_to_live_ends_an_entry_for_every_reader_and_writer
                overwriting_replaces_the_time_to_live
                only_what_an_increment_wrote_is_a_counter
                a_sum_outside_of_64_bits_changes_nothing
                limits_are_inclusive_and_typed
                reads_of_many_see_them_in_the_order_asked_for;
            scan: a_scan_reads_in_byte_order_and_stays_in_its_prefix
                pages_meet_without_gap_or_overlap
                a_page_that_may_not_be_so_long_is_shorter
                pages_are_cut_at_their_bytes_but_go_on
                a_scan_goes_on_while_others_write
                an_expired_entry_is_not_scanned
                a_cursor_of_another_scan_is_invalid;
            batch: a_batch_happens_whole
                a_failed_expectation_leaves_nothing_of_its_batch
                a_batch_that_breaks_a_rule_changes_nothing
                a_batch_may_span_stores;
            race: one_of_many_compare_and_sets_wins
                increments_from_many_tasks_sum_up
                what_was_answered_is_read
                a_dropped_commit_is_whole_or_absent
                a_failing_commit_does_not_disturb_its_neighbours;
            random: an_engine_does_what_the_model_does
        );
    };
    (@cases $make:path; $($module:ident: $($case:ident)+);+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let setup = $crate::conformance::Setup::default();
            let subject = $make(setup.clone()).await;
            $crate::conformance::$module::$case(&setup, &subject.stores).await;
        }
    )+)+};
}

/// A store's name.
pub(crate) fn store(name: &str) -> StoreName {
    StoreName::parse(name).expect("the suite uses good names")
}

pub(crate) fn put(store: &StoreName, key: &str, value: impl AsRef<[u8]>) -> Effect {
    put_with(store, key, value, None, None)
}

pub(crate) fn put_if(store: &StoreName, key: &str, value: impl AsRef<[u8]>, expect: Expectation) -> Effect {
    put_with(store, key, value, None, Some(expect))
}

pub(crate) fn put_for(setup: &Setup, store: &StoreName, key: &str, value: impl AsRef<[u8]>, ttl: Duration) -> Effect {
    use flint_model::Clock as _;
    put_with(store, key, value, Some(setup.clock.now().saturating_add(ttl)), None)
}

fn put_with(
    store: &StoreName,
    key: &str,
    value: impl AsRef<[u8]>,
    expires_at: Option<Timestamp>,
    expect: Option<Expectation>,
) -> Effect {
    let value = Bytes::copy_from_slice(value.as_ref());
    Effect::KvPut { store: store.clone(), key: key.to_owned(), value, expires_at, expect }
}

pub(crate) fn delete(store: &StoreName, key: &str) -> Effect {
    Effect::KvDelete { store: store.clone(), key: key.to_owned(), expect: None }
}

pub(crate) fn delete_if(store: &StoreName, key: &str, expect: Expectation) -> Effect {
    Effect::KvDelete { store: store.clone(), key: key.to_owned(), expect: Some(expect) }
}

pub(crate) fn increment(store: &StoreName, key: &str, delta: i64) -> Effect {
    Effect::KvIncrement { store: store.clone(), key: key.to_owned(), delta }
}

pub(crate) async fn commit_one(stores: &Arc<dyn Stores>, effect: Effect) -> Result<Outcome, CommitError> {
    let Committed { outcomes, .. } = stores.commit(Commit::from(effect)).await?;
    assert_eq!(outcomes.len(), 1, "one outcome for one effect");
    Ok(outcomes[0])
}

/// Writes a key, and answers the version.
pub(crate) async fn written(stores: &Arc<dyn Stores>, effect: Effect) -> Version {
    match commit_one(stores, effect).await {
        Ok(Outcome::KvPut { version }) => version,
        other => panic!("the put came to {other:?}"),
    }
}

pub(crate) async fn read(stores: &Arc<dyn Stores>, store: &StoreName, key: &str) -> Option<Entry> {
    stores.kv().get(store, key).await.expect("a read")
}

/// What a key reads as.
pub(crate) async fn value(stores: &Arc<dyn Stores>, store: &StoreName, key: &str) -> Option<Bytes> {
    read(stores, store, key).await.map(|entry| entry.value)
}

/// Scans all pages.
pub(crate) async fn scan(stores: &Arc<dyn Stores>, store: &StoreName, prefix: &str, limit: u32) -> Vec<Item> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = stores.kv().scan(store, prefix, cursor.as_deref(), limit).await.expect("a page");
        assert!(page.items.len() <= limit as usize, "a page holds what was asked for at most");
        assert!(page.cursor.is_none() || page.cursor != cursor, "a page goes on");
        items.extend(page.items);
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return items,
        }
    }
}

/// Scans all pages, and answers the keys.
pub(crate) async fn keys(stores: &Arc<dyn Stores>, store: &StoreName, prefix: &str, limit: u32) -> Vec<String> {
    scan(stores, store, prefix, limit).await.into_iter().map(|item| item.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn memory(setup: Setup) -> Subject {
        let stores = Arc::new(Memory::new(setup.catalog(), setup.clock));
        Subject { stores, keep: Box::new(()) }
    }

    crate::conformance!(memory);
}
