//! A large blob that a host takes and gives, beside a file that `dd` writes, and the blob's own file as `cat` reads it.

use crate::admin::api::blob::Condition;
use crate::admin::client::Client;
use crate::bench::host::{Host, Memory};
use crate::bench::house::bucket;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use flint_model::ByteSize;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is sent at a time.
const PIECE: usize = 1 << 20;

const KEY: &str = "large";
const CONFIGURATION: &str = "platform.toml";

/// Flint's rate at a work, and that of the program which does the same to a file.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) work: &'static str,
    pub(super) mb_per_second: f64,
    pub(super) beside: &'static str,
    pub(super) beside_mb_per_second: f64,
}

pub(super) struct Large {
    pub(super) size: u64,
    pub(super) rows: Vec<Row>,
    pub(super) memory_growth_mib: f64,
}

/// What is measured in each round.
#[derive(Default)]
struct Times {
    put: Vec<Duration>,
    get: Vec<Duration>,
    get_cached: Vec<Duration>,
    dd: Vec<Duration>,
    cat: Vec<Duration>,
    cat_cached: Vec<Duration>,
}

pub(super) async fn measure(size: ByteSize, rounds: u32, progress: &Progress) -> Result<Large, Error> {
    let pieces = usize::try_from(size.as_u64() >> 20).unwrap_or(usize::MAX).max(1);
    let size = (pieces * PIECE) as u64;
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    let configuration = format!("data-dir = \"data\"\n[bucket.{}]\nblob-size-max = \"{size}B\"\n", bucket()?);
    std::fs::write(folder.path().join(CONFIGURATION), configuration).map_err(Error::io("write a configuration"))?;
    let host = tokio::task::block_in_place(|| Host::start(folder.path(), CONFIGURATION))?;
    let subject = Subject { client: Client::new(host.admin, None), folder: folder.path(), pieces };
    let before = host.memory_kib(Memory::Now)?;
    host.forget_peak()?;
    let mut times = Times::default();
    for round in 1..=rounds {
        progress.step(format!("a large blob, round {round} of {rounds}"));
        subject.round(&mut times).await?;
    }
    let memory_growth_mib = (host.memory_kib(Memory::Peak)? - before).max(0.0) / 1024.0;
    let row = |work, ours: &[Duration], beside, theirs: &[Duration]| Row {
        work,
        mb_per_second: rate(size, ours),
        beside,
        beside_mb_per_second: rate(size, theirs),
    };
    let rows = vec![
        row("put", &times.put, "dd bs=1M conv=fsync", &times.dd),
        row("get, from the disk", &times.get, "cat, from the disk", &times.cat),
        row("get, from the kernel's memory", &times.get_cached, "cat, from memory", &times.cat_cached),
    ];
    Ok(Large { size, rows, memory_growth_mib })
}

/// Of the fastest.
fn rate(size: u64, times: &[Duration]) -> f64 {
    let least = times.iter().min().copied().unwrap_or_default();
    size as f64 / 1e6 / least.as_secs_f64().max(1e-9)
}

struct Subject<'a> {
    client: Client,
    folder: &'a Path,
    pieces: usize,
}

impl Subject<'_> {
    /// One after the other: the disk is asked by one at a time, and each finds it as the one before did. What is read first finds
    /// memory that a virtual machine may have to be given anew, which takes longer than the disk: so each is first once.
    async fn round(&self, times: &mut Times) -> Result<(), Error> {
        let plain = self.folder.join("plain");
        times.dd.push(self.dd(&plain)?);
        std::fs::remove_file(&plain).map_err(Error::io("remove a file"))?;
        times.put.push(self.put().await?);
        let file = self.content()?;
        times.get_cached.push(self.get().await?);
        times.cat_cached.push(cat(&file)?);
        for is_first in [true, false] {
            if is_first {
                forget(&file)?;
                times.get.push(self.get().await?);
            }
            forget(&file)?;
            times.cat.push(cat(&file)?);
            if !is_first {
                forget(&file)?;
                times.get.push(self.get().await?);
            }
        }
        self.remove().await
    }

    fn dd(&self, file: &Path) -> Result<Duration, Error> {
        let (of, count) = (format!("of={}", file.display()), format!("count={}", self.pieces));
        run("dd", &["if=/dev/zero", &of, "bs=1M", &count, "conv=fsync"])
    }

    async fn put(&self) -> Result<Duration, Error> {
        let began = Instant::now();
        let piece = Bytes::from_static(&[0; PIECE]);
        let content = stream::iter(std::iter::repeat_n(piece, self.pieces).map(Ok)).boxed();
        self.client.put_blob(&bucket()?, KEY, content, None, &Condition::default()).await?;
        Ok(began.elapsed())
    }

    async fn get(&self) -> Result<Duration, Error> {
        let began = Instant::now();
        let mut content = self.client.blob(&bucket()?, KEY).await?;
        let mut size = 0;
        while let Some(piece) = content.try_next().await.map_err(Error::io("read the blob"))? {
            size += piece.len();
        }
        if size != self.pieces * PIECE {
            return Err(Error::Bug(format!("the blob has {size} bytes")));
        }
        Ok(began.elapsed())
    }

    /// Removes the blob and waits for its file to go, as `dd` finds no file either: so the disk gives the same place again.
    async fn remove(&self) -> Result<(), Error> {
        self.client.remove_blob(&bucket()?, KEY, &Condition::default()).await?;
        while !self.contents()?.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// The blob's file.
    fn content(&self) -> Result<PathBuf, Error> {
        self.contents()?.pop().ok_or_else(|| Error::Bug("the blob has no file".to_owned()))
    }

    fn contents(&self) -> Result<Vec<PathBuf>, Error> {
        let entries =
            std::fs::read_dir(self.folder.join("data/stores/blobs")).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        Ok(entries.map_err(Error::io("look for the blob's file"))?.iter().map(std::fs::DirEntry::path).collect())
    }
}

fn cat(file: &Path) -> Result<Duration, Error> {
    run("cat", &[&file.display().to_string()])
}

/// How long a program takes.
fn run(program: &str, arguments: &[&str]) -> Result<Duration, Error> {
    let began = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(began.elapsed()),
        Ok(status) => Err(Error::Bug(format!("{program}: {status}"))),
        Err(error) => Err(Error::io("run what flint is compared with")(error)),
    }
}

/// Has the kernel forget what it has of a file.
fn forget(path: &Path) -> Result<(), Error> {
    let forget = || {
        let file = File::open(path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        Ok(())
    };
    forget().map_err(Error::io("have the kernel forget a file"))
}
