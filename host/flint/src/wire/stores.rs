//! What the stores are told of a platform: what there is, with its rules and limits.

use super::{dispatch, workflow};
use crate::error::Error;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_config::Platform;
use flint_config::platform::{self, Bucket, KvStore, Queue, Topic, Workflow};
use flint_model::filter::KeyFilter;
use flint_model::{QueueName, StoreName, TopicName};
use flint_stores::blob::{BlobEvents, BlobSubscription};
use flint_stores::idempotency;
use flint_stores::kv::{ChangeEvents, ChangeSubscription, Start};
use flint_stores::{BucketRules, Catalog, KvLimits, Order, QueueRules, Subscription, TopicRules};
use flint_stores_embedded::{Embedded, GroupCommitOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Makes the data folder and opens the stores in it, which keeps every other process out.
///
/// # Errors
/// If the folder can't be made, or the stores can't be opened.
pub(crate) fn open(platform: &Platform) -> Result<Arc<Embedded>, Error> {
    let folder = platform.data_dir.join("stores");
    let dir = make_dir(&folder).map_err(|source| Error::DataDir { path: folder.clone(), source })?;
    let options = flint_stores_embedded::Options {
        catalog: catalog(platform),
        group_commit: GroupCommitOptions { free_min: platform.limits.disk_free_min, ..Default::default() },
        check_max: platform.limits.store_check_max,
        ..Default::default()
    };
    let embedded = Embedded::open(dir, options).map_err(|source| Error::Stores { path: folder, source })?;
    Ok(Arc::new(embedded))
}

/// What a platform has, with its limits and rules.
pub(crate) fn catalog(platform: &Platform) -> Catalog {
    let answers = (StoreName::answers(), idempotency::limits());
    let stores = platform.kv.iter().map(|(name, store)| (name.clone(), kv_limits(store)));
    let stores = stores.chain([answers, (StoreName::executions(), workflow::limits())]).collect();
    let queues = platform.queues.iter().map(|(name, queue)| (name.clone(), queue_rules(queue)));
    let mut queues: BTreeMap<_, _> = queues.collect();
    for options in dispatch::all(platform) {
        // A function that may take a day has its messages for a day.
        if let Some(rules) = queues.get_mut(&options.queue) {
            rules.visibility_max = rules.visibility_max.max(options.visibility);
        }
    }
    for name in platform.workflows.keys() {
        for queue in [Workflow::inbox(name), Workflow::tasks(name), Workflow::timers(name)] {
            queues.entry(queue).and_modify(workflow::widen);
        }
    }
    let buckets = platform.buckets.iter().map(|(name, bucket)| (name.clone(), bucket_rules(bucket))).collect();
    let topics = platform.topics.iter().map(|(name, topic)| (name.clone(), topic_rules(platform, name, topic)));
    let (mut changes, mut blobs): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
    for trigger in &platform.triggers {
        let queue = trigger.queue.clone();
        match &trigger.source {
            platform::Source::Kv { store, keys, events, start } => {
                let subscription = change_subscription(queue, keys.clone(), *events, *start);
                changes.entry(store.clone()).or_default().push(subscription);
            }
            platform::Source::Bucket { bucket, keys, events } => {
                let platform::BlobEvents { created, deleted } = *events;
                let events = BlobEvents { created, deleted };
                let subscription = BlobSubscription { queue, filter: keys.clone(), events };
                blobs.entry(bucket.clone()).or_default().push(subscription);
            }
            // A queue is listened to where it is, and a topic knows who listens.
            platform::Source::Queue | platform::Source::Topic(_) => {}
        }
    }
    Catalog { stores, queues, changes, topics: topics.collect(), buckets, blobs, ..Catalog::default() }
}

/// The rules of a topic, with who listens: queues of the platform, and those that the host keeps for functions.
fn topic_rules(platform: &Platform, name: &TopicName, topic: &Topic) -> TopicRules {
    let queues = platform.subscriptions.iter().filter(|subscription| subscription.topic == *name);
    let queues = queues.map(|one| Subscription { queue: one.queue.clone(), filter: one.filter.clone() });
    let functions = platform
        .triggers
        .iter()
        .filter(|trigger| matches!(&trigger.source, platform::Source::Topic(topic) if topic == name));
    let functions = functions.map(|one| Subscription { queue: one.queue.clone(), filter: one.filter.clone() });
    TopicRules {
        message_size_max: topic.message_size_max.as_usize(),
        batch_max: topic.batch_max,
        batch_bytes_max: topic.batch_size_max.as_usize(),
        subscriptions: queues.chain(functions).collect(),
    }
}

fn change_subscription(
    queue: QueueName,
    filter: KeyFilter,
    events: platform::ChangeEvents,
    start: platform::Start,
) -> ChangeSubscription {
    let platform::ChangeEvents { insert, modify, remove } = events;
    let start = match start {
        platform::Start::Latest => Start::Latest,
        platform::Start::Beginning => Start::Beginning,
    };
    ChangeSubscription { queue, filter, events: ChangeEvents { insert, modify, remove }, start }
}

fn bucket_rules(bucket: &Bucket) -> BucketRules {
    BucketRules {
        blob_size_max: bucket.blob_size_max.as_u64(),
        key_size_max: bucket.key_size_max.as_usize(),
        metadata_size_max: bucket.metadata_size_max.as_usize(),
        list_page_max: u32::try_from(bucket.list_page_max).unwrap_or(u32::MAX),
        batch_max: bucket.batch_max,
    }
}

pub(super) fn queue_rules(queue: &Queue) -> QueueRules {
    let max_receives = u32::try_from(queue.max_receives).unwrap_or(u32::MAX);
    QueueRules {
        order: if queue.is_fifo { Order::Fifo } else { Order::Standard },
        message_size_max: queue.message_size_max.as_usize(),
        large_payloads: queue.large_payloads.clone(),
        length_max: queue.length_max as u64,
        batch_max: queue.batch_max,
        batch_bytes_max: queue.batch_size_max.as_usize(),
        visibility: queue.visibility,
        delay: queue.delay,
        retention: queue.retention,
        deduplication_window: queue.deduplication_window,
        dead_letter: queue.dead_letter.clone(),
        // Where nothing is behind it, a message is not lost by being looked at often.
        receives_max: queue.dead_letter.is_some().then_some(max_receives),
        ..QueueRules::default()
    }
}

fn make_dir(path: &Path) -> std::io::Result<Dir> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<_> = path.ancestors().take_while(missing).collect();
    std::fs::create_dir_all(path)?;
    // Or a power cut could take the folder, with all that was acknowledged in it.
    made.into_iter().try_for_each(keep_name)?;
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Makes the name of a file or folder durable.
pub(crate) fn keep_name(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn kv_limits(store: &KvStore) -> KvLimits {
    KvLimits {
        key_size_max: store.key_size_max.as_usize(),
        value_size_max: store.value_size_max.as_usize(),
        scan_page_max: u32::try_from(store.scan_page_max).unwrap_or(u32::MAX),
        page_bytes_max: store.page_size_max.as_usize(),
        batch_max: store.batch_max,
        batch_bytes_max: store.batch_size_max.as_usize(),
    }
}
