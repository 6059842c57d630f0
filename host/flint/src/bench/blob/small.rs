//! Small blobs, which are kept in the database: put and read by many at once.

use crate::bench::house::bucket;
use crate::bench::load::{Operation, Row, work};
use crate::cli;
use crate::error::Error;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::BucketName;
use flint_stores::{BucketRules, Catalog, Commit, Effect, Range, Stores};
use flint_stores_embedded::{Embedded, Options};
use futures::TryStreamExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Those who write, or read, at once.
pub(super) const WRITERS: usize = 64;
/// The bytes of a small blob.
pub(super) const SIZE: usize = 1 << 10;
/// The blobs of each.
const BLOBS: usize = 1_000;
/// What is put at once before anything is measured.
const FILL: u64 = 1_000;

static CONTENT: [u8; SIZE] = [b'x'; SIZE];

pub(super) async fn rows(args: &cli::BenchBlob) -> Result<Vec<Row>, Error> {
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    let bucket = bucket()?;
    let data = Dir::open_ambient_dir(folder.path(), ambient_authority()).map_err(Error::io("open it"))?;
    let catalog = Catalog { buckets: [(bucket.clone(), BucketRules::default())].into(), ..Catalog::default() };
    let failed = |source| Error::Stores { path: folder.path().to_owned(), source };
    let stores = Embedded::open(data, Options { catalog, ..Options::default() }).map_err(failed)?;
    let user = User { stores: Arc::new(stores), bucket };
    user.fill(args.blobs).await?;
    let rows = vec![user.puts(args.time).await?, user.gets(args.time).await?];
    user.stores.close().await;
    Ok(rows)
}

/// Whoever asks for blobs.
#[derive(Clone)]
pub(in crate::bench) struct User {
    pub(in crate::bench) stores: Arc<Embedded>,
    pub(in crate::bench) bucket: BucketName,
}

struct Writer {
    user: User,
    number: usize,
    count: usize,
}

struct Reader {
    user: User,
    number: usize,
    count: usize,
}

impl User {
    fn each<T>(&self, make: impl Fn(Self, usize) -> T) -> Vec<T> {
        (0..WRITERS).map(|number| make(self.clone(), number)).collect()
    }

    /// Puts them, all writers at once.
    pub(in crate::bench) async fn puts(&self, time: Duration) -> Result<Row, Error> {
        let (times, span) = work(self.each(|user, number| Writer { user, number, count: 0 }), time).await?;
        Ok(Row::new("flint", "put", 1, span, &times))
    }

    async fn gets(&self, time: Duration) -> Result<Row, Error> {
        let (times, span) = work(self.each(|user, number| Reader { user, number, count: 0 }), time).await?;
        Ok(Row::new("flint", "get", 1, span, &times))
    }

    /// Has blobs be there.
    pub(in crate::bench) async fn fill(&self, blobs: u64) -> Result<(), Error> {
        for first in (0..blobs).step_by(usize::try_from(FILL).unwrap_or(1)) {
            let mut effects = Vec::new();
            for number in first..blobs.min(first + FILL) {
                effects.push(self.link(format!("there/{number}")).await?);
            }
            self.stores.commit(Commit::new(effects)).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn link(&self, key: String) -> Result<Effect, Error> {
        let mut writer = self.stores.blobs().write(&self.bucket).await.map_err(failed)?;
        writer.write(Bytes::from_static(&CONTENT)).await.map_err(failed)?;
        let content = writer.finish().await.map_err(failed)?;
        let (bucket, metadata) = (self.bucket.clone(), BTreeMap::new());
        Ok(Effect::BlobLink { bucket, key, content, content_type: None, metadata, expect: None })
    }
}

impl Operation for Writer {
    async fn once(&mut self) -> Result<(), Error> {
        let link = self.user.link(key(self.number, &mut self.count)).await?;
        self.user.stores.commit(link.into()).await.map(drop).map_err(failed)
    }
}

impl Operation for Reader {
    async fn once(&mut self) -> Result<(), Error> {
        // Those that were put in the last row; the time may have been too short for more than one.
        let key = key(self.number, &mut self.count);
        let blob = self.user.stores.blobs().read(&self.user.bucket, &key, Range::ALL).await.map_err(failed)?;
        let Some(mut blob) = blob else {
            self.count = 0;
            return Ok(());
        };
        while blob.body.bytes.try_next().await.map_err(failed)?.is_some() {}
        Ok(())
    }
}

fn key(writer: usize, count: &mut usize) -> String {
    *count += 1;
    format!("{writer}/{}", *count % BLOBS)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Bug(error.to_string())
}
