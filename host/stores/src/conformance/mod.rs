//! The suite that every engine has to pass.
//!
//! An engine's crate writes one function that makes an engine from a [`Setup`] and hands it to [`conformance!`], which
//! makes a test of each case. The cases use nothing but the public traits. [`Model`] is what an engine is compared with.
//!
//! [`conformance!`]: crate::conformance!

pub mod batch;
pub mod blob;
pub mod blob_event;
pub mod blob_list;
pub mod change;
pub mod dead_letter;
pub mod fifo;
pub mod kv;
pub mod model;
pub mod queue;
pub mod race;
pub mod random;
pub mod random_blob;
pub mod random_event;
pub mod random_queue;
pub mod record;
pub mod scan;
pub mod settle;
pub mod topic;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{BucketName, ManualClock, MessageId, QueueName, StoreName, Timestamp, TopicName};

use crate::kv::ChangeSubscription;
use crate::{
    BlobSubscription, BucketRules, Catalog, Commit, CommitError, Committed, Delivery, Depth, Effect, Entry,
    Expectation, Item, KvLimits, Message, Outcome, QueueRules, Receive, Received, SendOptions, Settle, Stores,
    TopicRules, Verdict, Version,
};

pub use model::{Memory, Model};

/// What an engine under test is made with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The stores that it has: `default` with default limits, `other` too, `small` with small ones, and those of
    /// [`super::change`], to which somebody listens.
    pub stores: BTreeMap<StoreName, KvLimits>,
    /// The queues that it has: see [`super::queue`].
    pub queues: BTreeMap<QueueName, QueueRules>,
    /// The buckets that it has: `default` with default limits, `other` too, and `small` with small ones.
    pub buckets: BTreeMap<BucketName, BucketRules>,
    /// Who listens to the buckets: see [`super::blob_event`].
    pub blobs: BTreeMap<BucketName, Vec<BlobSubscription>>,
    /// Who listens to the stores: see [`super::change`].
    pub changes: BTreeMap<StoreName, Vec<ChangeSubscription>>,
    /// The topics that it has: see [`super::topic`].
    pub topics: BTreeMap<TopicName, TopicRules>,
    /// The time that it goes by.
    pub clock: Arc<ManualClock>,
}

impl Setup {
    /// What there is.
    pub fn catalog(&self) -> Catalog {
        let (stores, queues) = (self.stores.clone(), self.queues.clone());
        let (changes, topics, buckets) = (self.changes.clone(), self.topics.clone(), self.buckets.clone());
        let blobs = self.blobs.clone();
        Catalog { stores, queues, changes, topics, buckets, blobs, ..Catalog::default() }
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
        let plain = ["default", "other", "watched", "history", "brimful"].map(|name| (name, KvLimits::default()));
        let stores = plain.into_iter().chain([("small", small)]);
        Self {
            stores: stores.map(|(name, limits)| (store(name), limits)).collect(),
            queues: [queue::rules(), topic::queues(), change::queues(), blob_event::queues()]
                .into_iter()
                .flatten()
                .collect(),
            changes: change::subscriptions(),
            topics: topic::rules(),
            buckets: blob::rules(),
            blobs: blob_event::subscriptions(),
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
                an_entry_tells_whether_it_is_a_counter
                an_increment_may_expect_what_it_adds_to
                a_check_decides_without_writing
                checks_have_a_limit_of_their_own
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
            queue: a_message_is_received_as_it_was_sent
                a_leased_message_is_hidden_until_its_lease_ends
                a_delayed_message_comes_when_it_is_due
                a_queue_may_delay_all_its_messages
                a_receive_takes_as_many_as_asked_for_oldest_first
                a_receive_is_bounded_by_bytes
                a_deduplication_id_counts_once_within_its_window
                what_is_sent_keeps_the_rules_of_the_queue
                a_full_queue_refuses_until_there_is_room
                a_lease_is_extended_and_cut_short
                peeking_shows_everything_in_pages_and_leases_nothing
                a_page_of_a_look_is_bounded_by_bytes
                depth_tells_waiting_from_hidden
                purging_removes_all_and_ends_leases
                who_waits_is_woken_by_a_message
                who_waits_is_woken_when_a_delay_ends
                who_waits_is_stopped_and_leaves_no_lease;
            settle: a_message_that_is_done_never_comes_again
                a_settlement_and_its_effects_are_one
                a_lost_lease_fails_the_whole_commit
                an_ended_lease_counts_until_someone_else_has_the_message
                a_retry_comes_after_its_delay_and_counts_or_not
                a_message_whose_lease_ended_without_a_word_comes_alone
                one_message_is_not_settled_twice
                many_receivers_never_hold_one_message_at_once;
            dead_letter: a_message_that_was_received_too_often_is_dead_lettered
                a_verdict_sends_to_the_dead_letter_queue_at_once
                a_message_without_a_dead_letter_queue_is_removed
                a_message_that_was_kept_too_long_is_given_up
                a_redrive_brings_messages_back_to_where_they_were_given_up
                a_redrive_may_lead_elsewhere
                a_redrive_moves_groups_of_any_length;
            fifo: messages_of_a_group_come_in_their_order
                a_group_waits_while_one_of_its_messages_is_leased
                groups_do_not_wait_for_each_other
                of_a_group_come_as_many_as_were_asked_for
                the_rest_of_a_group_waits_for_a_retry
                a_group_goes_on_behind_a_dead_lettered_message
                a_busy_group_does_not_starve_another
                extending_a_lease_hides_the_group;
            blob: a_blob_is_there_once_it_is_linked
                content_of_any_size_reads_back_however_it_was_written
                a_range_reads_what_there_is_of_it
                keys_of_blobs_are_any_text
                buckets_do_not_share_keys
                etags_are_equal_where_bytes_are
                an_expectation_decides_whether_a_blob_changes
                a_copy_stays_when_its_source_goes
                a_copy_expects_its_source
                a_rename_is_one_commit
                content_is_read_and_linked_for_as_long_as_it_is_held
                a_blob_and_other_effects_are_one
                a_failed_link_leaves_the_blob_before
                what_is_linked_keeps_the_rules_of_the_bucket
                one_key_is_not_changed_twice
                an_abandoned_write_leaves_nothing
                a_reader_reads_to_the_end_what_is_overwritten_meanwhile
                a_reader_reads_to_the_end_what_is_unlinked_meanwhile
                many_readers_and_writers_see_whole_blobs;
            blob_event: what_happens_to_a_blob_is_told_to_who_wants_it
                an_event_is_one_with_its_commit
                a_circle_of_blobs_comes_to_an_end;
            blob_list: a_list_is_in_byte_order_and_stays_in_its_prefix
                a_delimiter_rolls_up_what_is_behind_it
                pages_of_a_list_meet_without_gap_or_overlap
                a_list_goes_on_while_others_write
                a_page_of_a_list_may_not_be_so_long
                a_cursor_of_another_list_is_invalid;
            topic: what_is_published_reaches_every_subscription
                a_filter_decides_what_reaches_a_subscription
                a_group_goes_with_what_is_published
                a_publication_is_one_with_its_commit
                one_full_subscription_refuses_a_publication
                what_is_published_keeps_the_rules_of_the_topic
                what_is_derived_is_one_deeper_than_its_cause;
            change: a_change_tells_what_was_and_what_is
                only_what_is_wanted_is_told
                a_change_is_one_with_its_commit
                changes_of_a_key_come_in_their_order
                the_end_of_an_entry_is_told_once
                a_change_is_as_large_as_it_is
                a_subscription_from_the_beginning_is_told_all_that_is_there
                a_backfill_waits_for_room;
            record: a_tick_is_the_one_after_the_last
                a_tick_fires_once
                what_became_of_an_invocation_is_known_for_a_while;
            random: an_engine_does_what_the_model_does;
            random_queue: an_engine_queues_as_the_model_does;
            random_blob: an_engine_keeps_blobs_as_the_model_does;
            random_event: an_engine_tells_what_the_model_tells
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
    Effect::KvIncrement { store: store.clone(), key: key.to_owned(), delta, expect: None }
}

pub(crate) fn increment_if(store: &StoreName, key: &str, delta: i64, expect: Expectation) -> Effect {
    Effect::KvIncrement { store: store.clone(), key: key.to_owned(), delta, expect: Some(expect) }
}

pub(crate) fn check(store: &StoreName, key: &str, expect: Expectation) -> Effect {
    Effect::KvCheck { store: store.clone(), key: key.to_owned(), expect }
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

pub(crate) fn queue_name(name: &str) -> QueueName {
    QueueName::parse(name).expect("the suite uses good names")
}

pub(crate) fn message(body: impl AsRef<[u8]>) -> Message {
    Message::new(MessageId::now(), Bytes::copy_from_slice(body.as_ref()))
}

pub(crate) fn in_group(body: &str, group: &str) -> Message {
    Message { group: Some(group.to_owned()), ..message(body) }
}

pub(crate) fn send_with(queue: &str, message: Message, options: SendOptions) -> Effect {
    Effect::QueueSend { queue: queue_name(queue), message, options }
}

pub(crate) fn send(queue: &str, message: Message) -> Effect {
    send_with(queue, message, SendOptions::default())
}

/// Sends a message, and answers its id.
pub(crate) async fn sent(stores: &Arc<dyn Stores>, effect: Effect) -> MessageId {
    match commit_one(stores, effect).await {
        Ok(Outcome::QueueSend { id }) => id,
        other => panic!("the send came to {other:?}"),
    }
}

/// Sends a body to a queue, or a body of a group with `body@group`.
pub(crate) async fn post(stores: &Arc<dyn Stores>, queue: &str, body: &str) -> MessageId {
    let message = match body.split_once('@') {
        Some((_, group)) => in_group(body, group),
        None => message(body),
    };
    sent(stores, send(queue, message)).await
}

pub(crate) async fn receive_with(stores: &Arc<dyn Stores>, queue: &str, receive: Receive) -> Received {
    stores.queues().receive(&queue_name(queue), receive).await.expect("a receive")
}

/// Leases what is there, up to `max`, for 30 seconds.
pub(crate) async fn receive(stores: &Arc<dyn Stores>, queue: &str, max: usize) -> Vec<Delivery> {
    receive_with(stores, queue, Receive { max, ..Receive::default() }).await.messages
}

pub(crate) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let body = |delivery: &Delivery| String::from_utf8_lossy(&delivery.stored.message.body).into_owned();
    deliveries.iter().map(body).collect()
}

pub(crate) async fn settle(stores: &Arc<dyn Stores>, delivery: &Delivery, verdict: Verdict) -> Result<(), CommitError> {
    let settle = Settle { receipt: delivery.receipt.clone(), verdict };
    stores.commit(Commit::settle(vec![settle])).await.map(drop)
}

/// Settles messages as done.
pub(crate) async fn done(stores: &Arc<dyn Stores>, deliveries: &[Delivery]) {
    let consumed = deliveries.iter().map(|delivery| Settle::done(delivery.receipt.clone())).collect();
    stores.commit(Commit::settle(consumed)).await.expect("their leases count");
}

pub(crate) async fn depth(stores: &Arc<dyn Stores>, queue: &str) -> Depth {
    stores.queues().depth(&queue_name(queue)).await.expect("a depth")
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
