//! What the embedded engine is opened with: every bound, with its default.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flint_model::{ByteSize, Clock, StoreName, SystemClock};
use flint_stores::KvLimits;

/// How to open the stores.
#[derive(Debug, Clone)]
pub struct Options {
    /// The stores that there are, with their limits. A store that is left out keeps its data, and can't be reached.
    pub stores: BTreeMap<StoreName, KvLimits>,
    /// What time to live goes by.
    pub clock: Arc<dyn Clock>,
    /// How commits share a write to the disk.
    pub group_commit: GroupCommitOptions,
    /// How expired entries are removed.
    pub collect: CollectOptions,
    /// The memory for pages of the database: 64 MiB by default.
    pub cache_size: ByteSize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stores: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            group_commit: GroupCommitOptions::default(),
            collect: CollectOptions::default(),
            cache_size: ByteSize::mib(64),
        }
    }
}

/// How commits share a write to the disk.
#[derive(Debug, Clone, Copy)]
pub struct GroupCommitOptions {
    /// The most commits that share one: 1,024 by default.
    pub batch_max: usize,
    /// The most commits that wait or are being written: 8,192 by default. One more has to wait for room.
    pub queue_max: usize,
    /// The most bytes that wait or are being written: 64 MiB by default. A commit that is larger waits until it is alone.
    pub queue_bytes_max: ByteSize,
    /// How long a commit waits for room before it is refused as overload: 5 s by default.
    pub wait_max: Duration,
}

impl Default for GroupCommitOptions {
    fn default() -> Self {
        Self { batch_max: 1024, queue_max: 8192, queue_bytes_max: ByteSize::mib(64), wait_max: Duration::from_secs(5) }
    }
}

/// How expired entries are removed.
#[derive(Debug, Clone, Copy)]
pub struct CollectOptions {
    /// How often it is looked for them: every second by default.
    pub every: Duration,
    /// The most that one write removes, so that commits don't wait long behind it: 1,000 by default.
    pub round_max: usize,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), round_max: 1000 }
    }
}
