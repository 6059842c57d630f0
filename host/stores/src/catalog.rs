//! What there is: the stores, queues, topics and buckets that the configuration names, each with its limits and rules.

use std::collections::BTreeMap;

use flint_model::{BucketName, QueueName, StoreName, TopicName};

use crate::blob::{BlobSubscription, BucketRules};
use crate::kv::{ChangeSubscription, KvLimits};
use crate::queue::QueueRules;
use crate::refusal::{Missing, Refusal};
use crate::topic::TopicRules;

/// What there is. What is left out keeps its data, and can't be reached.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Key-value stores.
    pub stores: BTreeMap<StoreName, KvLimits>,
    /// Queues, those that the host keeps for itself too.
    pub queues: BTreeMap<QueueName, QueueRules>,
    /// Who listens to the changes of each store. No queue comes twice for one store.
    pub changes: BTreeMap<StoreName, Vec<ChangeSubscription>>,
    /// Topics.
    pub topics: BTreeMap<TopicName, TopicRules>,
    /// Buckets of blobs.
    pub buckets: BTreeMap<BucketName, BucketRules>,
    /// Who listens to what happens in each bucket. No queue comes twice for one bucket.
    pub blobs: BTreeMap<BucketName, Vec<BlobSubscription>>,
    /// The greatest depth of a message that an effect causes, so that a function which writes into what it listens to comes
    /// to an end: 16 by default.
    pub depth_max: u32,
    /// The largest answer that is kept of an asynchronous invocation, or text of its failure, in bytes: 1 MiB by default.
    pub answer_size_max: usize,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            stores: BTreeMap::new(),
            queues: BTreeMap::new(),
            changes: BTreeMap::new(),
            topics: BTreeMap::new(),
            buckets: BTreeMap::new(),
            blobs: BTreeMap::new(),
            depth_max: 16,
            answer_size_max: 1 << 20,
        }
    }
}

impl Catalog {
    /// Looks up a key-value store.
    ///
    /// # Errors
    /// [`Missing::Store`].
    pub fn limits(&self, store: &StoreName) -> Result<&KvLimits, Refusal> {
        self.stores.get(store).ok_or_else(|| Missing::Store(store.clone()).into())
    }

    /// Looks up a queue.
    ///
    /// # Errors
    /// [`Missing::Queue`].
    pub fn queue(&self, queue: &QueueName) -> Result<&QueueRules, Refusal> {
        self.queues.get(queue).ok_or_else(|| Missing::Queue(queue.clone()).into())
    }

    /// Looks up a bucket.
    ///
    /// # Errors
    /// [`Missing::Bucket`].
    pub fn bucket(&self, bucket: &BucketName) -> Result<&BucketRules, Missing> {
        self.buckets.get(bucket).ok_or_else(|| Missing::Bucket(bucket.clone()))
    }

    /// Looks up a topic.
    ///
    /// # Errors
    /// [`Missing::Topic`].
    pub fn topic(&self, topic: &TopicName) -> Result<&TopicRules, Refusal> {
        self.topics.get(topic).ok_or_else(|| Missing::Topic(topic.clone()).into())
    }
}
