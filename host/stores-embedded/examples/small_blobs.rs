//! Measures what small blobs cost where there are many: `cargo run --release -p flint-stores-embedded --example small_blobs`.
//!
//! 64 writers put blobs of 1 KiB over others, now in a bucket of few and now in one of many, so that the ratio of the two depends on
//! depth and not on what else the machine does meanwhile. What the kernel was given to write tells the same without a clock.
//! Writes to temporary folders; set `TMPDIR` to measure another disk.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::BucketName;
use flint_stores::{BucketRules, Catalog, Commit, Effect, Stores};
use flint_stores_embedded::{Embedded, Options};
use tempfile::TempDir;

const WRITERS: u64 = 64;
const SIZE: usize = 1 << 10;
const FEW: u64 = 6_400;
const MANY: u64 = 100_000;
/// The puts of a round.
const PUTS: u64 = 6_400;
const ROUNDS: usize = 6;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

/// A bucket with so many blobs.
struct Subject {
    stores: Arc<Embedded>,
    blobs: u64,
    puts: Arc<AtomicU64>,
    time: Duration,
    written: u64,
    _folder: TempDir,
}

#[tokio::main]
async fn main() -> Result<()> {
    let (mut few, mut many) = (Subject::open(FEW).await?, Subject::open(MANY).await?);
    for _ in 0..ROUNDS {
        few.round().await?;
        many.round().await?;
    }
    few.tell()?;
    many.tell()?;
    let percent = 100.0 * few.time.as_secs_f64() / many.time.as_secs_f64();
    writeln!(io::stdout(), "with {MANY}, {percent:.0} % of the rate with {FEW}")?;
    few.stores.close().await;
    many.stores.close().await;
    Ok(())
}

impl Subject {
    async fn open(blobs: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let catalog = Catalog { buckets: BTreeMap::from([(bucket()?, BucketRules::default())]), ..Catalog::default() };
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
        let stores = Arc::new(Embedded::open(dir, Options { catalog, ..Options::default() })?);
        for first in (0..blobs).step_by(WRITERS as usize) {
            let mut effects = Vec::new();
            for n in first..first + WRITERS {
                effects.push(link(&stores, key(n)).await?);
            }
            stores.commit(Commit::new(effects)).await?;
        }
        Ok(Self { stores, blobs, puts: Arc::default(), time: Duration::ZERO, written: 0, _folder: folder })
    }

    async fn round(&mut self) -> Result<()> {
        let (end, began, before) = (self.puts.load(Ordering::Relaxed) + PUTS, Instant::now(), written()?);
        let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(self.put_until(end))).collect();
        for writer in writers {
            writer.await??;
        }
        self.puts.store(end, Ordering::Relaxed);
        self.time += began.elapsed();
        self.written += written()? - before;
        Ok(())
    }

    /// In another order than that in which they were made.
    fn put_until(&self, end: u64) -> impl Future<Output = Result<()>> + Send + use<> {
        let (stores, puts, blobs) = (Arc::clone(&self.stores), Arc::clone(&self.puts), self.blobs);
        async move {
            loop {
                let n = puts.fetch_add(1, Ordering::Relaxed);
                if n >= end {
                    return Ok(());
                }
                let effect = link(&stores, key(n.wrapping_mul(506_817) % blobs)).await?;
                stores.commit(effect.into()).await?;
            }
        }
    }

    fn tell(&self) -> io::Result<()> {
        let puts = self.puts.load(Ordering::Relaxed) as f64;
        let (rate, kib) = (puts / self.time.as_secs_f64(), self.written as f64 / 1024.0 / puts);
        writeln!(io::stdout(), "{:7} blobs: {rate:6.0} puts/s, {kib:5.1} KiB written each", self.blobs)
    }
}

fn bucket() -> Result<BucketName> {
    Ok("default".parse()?)
}

fn key(n: u64) -> String {
    format!("{}/{:07}", n % WRITERS, n / WRITERS)
}

async fn link(stores: &Embedded, key: String) -> Result<Effect> {
    let bucket = bucket()?;
    let mut writer = stores.blobs().write(&bucket).await?;
    writer.write(Bytes::from(vec![7; SIZE])).await?;
    let (content, metadata) = (writer.finish().await?, BTreeMap::new());
    Ok(Effect::BlobLink { bucket, key, content, content_type: None, metadata, expect: None })
}

/// What this process has had written so far, in bytes.
fn written() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("the kernel does not tell what is written")?.parse()?)
}
