//! Measures durable commits and reads a second: `cargo run --release -p flint-stores-embedded --example commits`.
//!
//! Writes to a temporary folder; set `TMPDIR` to measure another disk. Each commit puts one key with 256 bytes.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::StoreName;
use flint_stores::{Catalog, Commit, Effect, KvLimits, Stores};
use flint_stores_embedded::{Embedded, Options};

const SPAN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store: StoreName = "default".parse()?;
    let stores = BTreeMap::from([(store.clone(), KvLimits::default())]);
    let catalog = Catalog { stores, ..Catalog::default() };
    let options = Options { catalog, ..Options::default() };
    let stores: Arc<Embedded> =
        Arc::new(Embedded::open(Dir::open_ambient_dir(folder.path(), ambient_authority())?, options)?);
    for tasks in [1, 8, 64, 1000] {
        let started = Instant::now();
        let tasks_running: Vec<_> =
            (0..tasks).map(|task| tokio::spawn(write(Arc::clone(&stores), store.clone(), task, started))).collect();
        let mut waits: Vec<Duration> = Vec::new();
        for task in tasks_running {
            waits.extend(task.await?);
        }
        waits.sort_unstable();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        let rate = waits.len() as f64 / started.elapsed().as_secs_f64();
        writeln!(io::stdout(), "{tasks:5} tasks: {rate:8.0} commits/s, p50 {:?}, p99 {:?}", at(0.5), at(0.99))?;
    }
    let started = Instant::now();
    let reads = 200_000;
    for n in 0..reads {
        stores.kv().get(&store, &format!("k{}/{}", n % 64, n % 100)).await?;
    }
    writeln!(io::stdout(), "a read: {:?}", started.elapsed() / reads)?;
    stores.close().await;
    Ok(())
}

/// Commits one after the other; answers how long each took.
async fn write(stores: Arc<Embedded>, store: StoreName, task: usize, started: Instant) -> Vec<Duration> {
    let value = Bytes::from(vec![7; 256]);
    let mut waits = Vec::new();
    while started.elapsed() < SPAN {
        let key = format!("k{task}/{}", waits.len());
        let put = Effect::KvPut { store: store.clone(), key, value: value.clone(), expires_at: None, expect: None };
        let begun = Instant::now();
        if stores.commit(Commit::from(put)).await.is_err() {
            break;
        }
        waits.push(begun.elapsed());
    }
    waits
}
