//! What the embedded engine is opened with: every bound, with its default.

use std::sync::Arc;
use std::time::Duration;

use flint_model::{ByteSize, Clock, SteadyClock};
use flint_stores::Catalog;

/// How to open the stores.
#[derive(Debug, Clone)]
pub struct Options {
    /// What there is, with its limits and rules. What is left out keeps its data, and can't be reached.
    pub catalog: Catalog,
    /// What times to live, leases and delays go by.
    pub clock: Arc<dyn Clock>,
    /// How commits share a write to the disk.
    pub group_commit: GroupCommitOptions,
    /// How what is over is removed: expired entries, deduplication ids, messages that were kept too long.
    pub collect: CollectOptions,
    /// How the content of blobs is written and read.
    pub blobs: BlobOptions,
    /// The memory for pages of the database: 64 MiB by default.
    pub cache_size: ByteSize,
    /// The largest file of the database of which every page in use is checked when it is opened: 64 MiB by default. redb reads it
    /// four times for that, in its pages: 0.2 s for 34 MiB that the kernel has. In a larger one, a damaged page is noticed when it is
    /// read, if at all, and may end the process.
    pub check_max: ByteSize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            catalog: Catalog::default(),
            clock: Arc::new(SteadyClock::starting_now()),
            group_commit: GroupCommitOptions::default(),
            collect: CollectOptions::default(),
            blobs: BlobOptions::default(),
            cache_size: ByteSize::mib(64),
            check_max: ByteSize::mib(64),
        }
    }
}

/// How commits share a write to the disk.
#[derive(Debug, Clone, Copy)]
pub struct GroupCommitOptions {
    /// The most commits that share one: 1,024 by default.
    pub batch_max: usize,
    /// The most effects that share one, with the messages that they cause: 8,192 by default. A commit of more has its own.
    pub effects_max: usize,
    /// The most bytes that share one, with the messages that they cause: 16 MiB by default. A commit of more has its own.
    pub bytes_max: ByteSize,
    /// The most commits that wait or are being written: 8,192 by default. One more has to wait for room.
    pub queue_max: usize,
    /// The most bytes that wait or are being written: 64 MiB by default. A commit that is larger waits until it is alone.
    pub queue_bytes_max: ByteSize,
    /// What of the disk is to stay free: 32 MiB by default. With less, what adds something is refused, and reads go on. What
    /// only frees goes on down to a quarter of it; content of blobs stops at twice as much.
    pub free_min: ByteSize,
    /// How long the write-ahead log gets, before what it holds is in the database: 16 MiB by default. After a crash, that much is
    /// done again; a longer log has commits wait more seldom, and longer, for the database to be synced.
    pub log_max: ByteSize,
    /// How long a commit waits for room before it is refused as overload: 5 s by default.
    pub wait_max: Duration,
}

impl Default for GroupCommitOptions {
    fn default() -> Self {
        Self {
            batch_max: 1024,
            effects_max: 8192,
            bytes_max: ByteSize::mib(16),
            queue_max: 8192,
            queue_bytes_max: ByteSize::mib(64),
            free_min: ByteSize::mib(32),
            log_max: ByteSize::mib(16),
            wait_max: Duration::from_secs(5),
        }
    }
}

/// How what is over is removed: expired entries, deduplication ids, messages that were kept too long.
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

/// How the content of blobs is written and read.
#[derive(Debug, Clone, Copy)]
pub struct BlobOptions {
    /// The largest content that is kept in the database, without a file: 64 KiB by default, and never more than a block.
    pub inline_max: ByteSize,
    /// How much is written to a file or read from it at a time: 512 KiB by default. Who writes or reads has two such blocks.
    pub block_size: ByteSize,
    /// The most files that are written and read at once: 256 by default. One more has to wait; so has one of a bucket that has
    /// as many as are free.
    pub transfers_max: usize,
    /// How long one waits before it is refused as overload: 5 s by default.
    pub wait_max: Duration,
}

impl Default for BlobOptions {
    fn default() -> Self {
        Self {
            inline_max: ByteSize::kib(64),
            block_size: ByteSize::kib(512),
            transfers_max: 256,
            wait_max: Duration::from_secs(5),
        }
    }
}

impl BlobOptions {
    pub(crate) fn block_size(&self) -> usize {
        self.block_size.as_usize().max(1)
    }

    pub(crate) fn inline_max(&self) -> usize {
        self.inline_max.as_usize()
    }
}
