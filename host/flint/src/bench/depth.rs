//! `flint bench depth`: what messages, keys and blobs that are there cost those that come. Stores with nothing and stores with much do
//! the same work in turns; then a host starts on those with much, takes writes, is killed, and starts again.

use crate::admin::api::Put;
use crate::admin::client::Client;
use crate::bench::blob::small::User;
use crate::bench::host::{Host, Memory};
use crate::bench::house::{self, House};
use crate::bench::load::{BODY, Operation, Row, work};
use crate::bench::{kv, queue};
use crate::cli;
use crate::error::Error;
use crate::output::{Output, Progress};
use bytes::Bytes;
use flint_model::StoreName;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Those who write to the host at once.
const WRITERS: usize = 16;

#[derive(Serialize)]
struct Report {
    messages: u64,
    keys: u64,
    blobs: u64,
    rows: Vec<Figure>,
    /// From the start of the process to the line that says that it serves.
    start_ms: f64,
    /// The same after `kill -9`, behind many writes.
    start_after_kill_ms: f64,
    /// What the host took at most, from its start until it was killed.
    memory_mib: f64,
}

/// A work with little and with much.
#[derive(Serialize)]
struct Figure {
    work: String,
    per_second_with_little: f64,
    per_second_with_much: f64,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchDepth, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let (little, much) =
        (House::open(&args.functions, &progress).await?, House::open(&args.functions, &progress).await?);
    fill(&much, &args, &progress).await?;
    let mut rows = Vec::new();
    for round in 1..=args.rounds {
        for (index, house) in [&little, &much].into_iter().enumerate() {
            progress.step(format!("round {round} of {}, {}", args.rounds, ["with little", "with much"][index]));
            for (at, (work, per_second)) in measured(house, args.time).await?.into_iter().enumerate() {
                if rows.len() <= at {
                    rows.push(Figure { work, per_second_with_little: 0.0, per_second_with_much: 0.0 });
                }
                let Figure { per_second_with_little, per_second_with_much, .. } = &mut rows[at];
                let figure = if index == 0 { per_second_with_little } else { per_second_with_much };
                *figure += per_second / f64::from(args.rounds);
            }
        }
    }
    drop(little.close().await);
    let data = much.close().await;
    progress.step("a host with much");
    let (start, start_after_kill, memory_mib) = restart(data.path(), args.time).await?;
    drop(progress);
    let (start_ms, start_after_kill_ms) = (start.as_secs_f64() * 1000.0, start_after_kill.as_secs_f64() * 1000.0);
    let cli::BenchDepth { messages, keys, blobs, .. } = args;
    let report = Report { messages, keys, blobs, rows, start_ms, start_after_kill_ms, memory_mib };
    output.answer(&report, || table(&report)).map_err(Error::io("print the figures"))
}

async fn fill(house: &House, args: &cli::BenchDepth, progress: &Progress) -> Result<(), Error> {
    progress.step(format!("{} messages, {} keys, {} blobs", args.messages, args.keys, args.blobs));
    queue::flint::fill(house, &house::queue()?, args.messages).await?;
    kv::fill(house, &house::store()?, args.keys).await?;
    user(house)?.fill(args.blobs).await
}

fn user(house: &House) -> Result<User, Error> {
    Ok(User { stores: Arc::clone(&house.stores), bucket: house::bucket()? })
}

/// Every work, and how much of it in a second.
async fn measured(house: &House, time: Duration) -> Result<Vec<(String, f64)>, Error> {
    let (queue, store) = (house::queue()?, house::store()?);
    let mut rows = queue::flint::sends(house, &queue, time).await?;
    rows.push(queue::flint::handle(house, &queue, time).await?);
    rows.push(kv::puts(house, &store, time).await?);
    rows.push(kv::read(house).await?);
    let blobs = Row { work: "put of a small blob", ..user(house)?.puts(time).await? };
    Ok(rows.into_iter().chain([blobs]).map(|Row { work, per_second, .. }| (work.to_owned(), per_second)).collect())
}

/// Starts a host, has it take writes, kills it and starts it again; answers how long both starts took, and its memory in MiB.
async fn restart(data: &Path, time: Duration) -> Result<(Duration, Duration, f64), Error> {
    let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
    let text = format!("data-dir = {data:?}\n[queue.yardstick]\n[kv.yardstick]\n[bucket.yardstick]\n");
    std::fs::write(folder.path().join("platform.toml"), text).map_err(Error::io("write a configuration"))?;
    let start = || tokio::task::block_in_place(|| Host::start(folder.path(), "platform.toml"));
    let host = start()?;
    let store = house::store()?;
    let writer = |number| Writer { client: Client::new(host.admin, None), store: store.clone(), number, count: 0 };
    let (_times, _span) = work((0..WRITERS).map(writer).collect(), time).await?;
    let (started, memory_kib) = (host.started, host.memory_kib(Memory::Peak)?);
    host.kill();
    Ok((started, start()?.started, memory_kib / 1024.0))
}

/// Writes keys that were not there.
struct Writer {
    client: Client,
    store: StoreName,
    number: usize,
    count: usize,
}

impl Operation for Writer {
    async fn once(&mut self) -> Result<(), Error> {
        self.count += 1;
        let key = format!("new/{}/{}", self.number, self.count);
        let put = Put::default();
        let put = self.client.put(&self.store, &key, Bytes::from_static(&BODY), &put);
        put.await.map(drop).map_err(|error| Error::Bug(error.to_string()))
    }
}

fn table(report: &Report) -> String {
    let Report { messages, keys, blobs, rows, start_ms, start_after_kill_ms, memory_mib } = report;
    let mut text = format!("with {messages} messages, {keys} keys and {blobs} blobs, beside stores with none\n\n");
    // Writing to a string can't fail.
    _ = writeln!(text, "{:<34} {:>14} {:>14} {:>9}", "work", "little per s", "much per s", "");
    for Figure { work, per_second_with_little: little, per_second_with_much: much } in rows {
        _ = writeln!(text, "{work:<34} {little:>14.0} {much:>14.0} {:>7.0} %", 100.0 * much / little);
    }
    _ = write!(
        text,
        "\na host with that much starts in {start_ms:.0} ms, after kill -9 in {start_after_kill_ms:.0} ms, and takes {memory_mib:.0} MiB\n"
    );
    text
}
