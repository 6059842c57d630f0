//! Measures blobs of 1 GiB beside `dd` and `cat`: `cargo run --release -p flint-stores-embedded --example blobs`.
//!
//! Writes to a temporary folder; set `TMPDIR` to measure another disk. Each is done three times, and the fastest is told. What
//! is read is read twice: from the disk, and from the kernel's memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::BucketName;
use flint_stores::{BucketRules, Catalog, Effect, Range, Stores};
use flint_stores_embedded::{Embedded, Options};
use futures::StreamExt as _;

const SIZE: u64 = 1 << 30;
/// What comes from a caller at a time.
const PIECE: usize = 64 << 10;
const ROUNDS: usize = 3;
const KEY: &str = "k";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bucket: BucketName = "default".parse()?;
    let buckets = BTreeMap::from([(bucket.clone(), BucketRules::default())]);
    let options = Options { catalog: Catalog { buckets, ..Catalog::default() }, ..Options::default() };
    let stores = Embedded::open(Dir::open_ambient_dir(folder.path(), ambient_authority())?, options)?;

    let plain = folder.path().join("plain");
    let dd = fastest(|| run("dd", &["if=/dev/zero", &of(&plain), "bs=1M", "count=1024", "conv=fsync"]))?;
    let cat_disk = fastest(|| forget(&plain).and_then(|()| cat(&plain)))?;
    let cat = fastest(|| cat(&plain))?;
    std::fs::remove_file(&plain)?;

    let mut puts = Vec::new();
    for _ in 0..ROUNDS {
        // As `dd` does to its file: what was there is gone first, so that the disk gives the same place again.
        let expect = None;
        stores.commit(Effect::BlobUnlink { bucket: bucket.clone(), key: KEY.to_owned(), expect }.into()).await?;
        while std::fs::read_dir(folder.path().join("blobs"))?.next().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        puts.push(put(&stores, &bucket).await?);
    }
    let (mut gets, mut gets_disk) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        gets.push(get(&stores, &bucket).await?);
    }
    for _ in 0..ROUNDS {
        for file in std::fs::read_dir(folder.path().join("blobs"))? {
            forget(&file?.path())?;
        }
        gets_disk.push(get(&stores, &bucket).await?);
    }
    stores.close().await;
    tell("put", least(puts), "dd bs=1M conv=fsync", dd)?;
    tell("get from memory", least(gets), "cat", cat)?;
    tell("get from the disk", least(gets_disk), "cat", cat_disk)?;
    writeln!(io::stdout(), "most memory: {}", peak_memory()?)?;
    Ok(())
}

async fn put(stores: &Embedded, bucket: &BucketName) -> Result<Duration> {
    let piece = Bytes::from(vec![7; PIECE]);
    let begun = Instant::now();
    let mut writer = stores.blobs().write(bucket).await?;
    for _ in 0..SIZE / PIECE as u64 {
        writer.write(piece.clone()).await?;
    }
    let (key, content) = (KEY.to_owned(), writer.finish().await?);
    let (content_type, metadata, expect) = (None, BTreeMap::new(), None);
    let link = Effect::BlobLink { bucket: bucket.clone(), key, content, content_type, metadata, expect };
    stores.commit(link.into()).await?;
    Ok(begun.elapsed())
}

async fn get(stores: &Embedded, bucket: &BucketName) -> Result<Duration> {
    let begun = Instant::now();
    let mut blob = stores.blobs().read(bucket, KEY, Range::ALL).await?.ok_or("it was put")?;
    let mut size = 0;
    while let Some(block) = blob.body.bytes.next().await {
        size += block?.len() as u64;
    }
    if size != SIZE {
        return Err("it is not whole".into());
    }
    Ok(begun.elapsed())
}

fn of(path: &Path) -> String {
    format!("of={}", path.display())
}

fn cat(path: &Path) -> Result<Duration> {
    run("cat", &[&path.display().to_string()])
}

/// How long a program takes.
fn run(program: &str, arguments: &[&str]) -> Result<Duration> {
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("{program} failed: {status}").into());
    }
    Ok(begun.elapsed())
}

/// Has the kernel forget what it has of a file.
fn forget(path: &Path) -> Result<()> {
    let file = File::open(path)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

fn fastest(mut measure: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    Ok(least((0..ROUNDS).map(|_| measure()).collect::<Result<Vec<_>>>()?))
}

fn least(times: Vec<Duration>) -> Duration {
    times.into_iter().min().unwrap_or_default()
}

fn tell(what: &str, time: Duration, other: &str, other_time: Duration) -> io::Result<()> {
    let rate = |time: Duration| SIZE as f64 / 1e6 / time.as_secs_f64();
    let share = 100.0 * rate(time) / rate(other_time);
    writeln!(io::stdout(), "{what:18} {:6.0} MB/s, {share:3.0} % of {other} ({:.0} MB/s)", rate(time), rate(other_time))
}

fn peak_memory() -> io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    Ok(line.trim().to_owned())
}
