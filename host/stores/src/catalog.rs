//! What there is: the stores, queues and buckets that the configuration names, each with its limits and rules.

use std::collections::BTreeMap;

use flint_model::{BucketName, QueueName, StoreName};

use crate::blob::BucketRules;
use crate::kv::KvLimits;
use crate::queue::QueueRules;
use crate::refusal::{Missing, Refusal};

/// The stores, queues and buckets that there are. What is left out keeps its data, and can't be reached.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Key-value stores.
    pub stores: BTreeMap<StoreName, KvLimits>,
    /// Queues, those that the host keeps for itself too.
    pub queues: BTreeMap<QueueName, QueueRules>,
    /// Buckets of blobs.
    pub buckets: BTreeMap<BucketName, BucketRules>,
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
}
