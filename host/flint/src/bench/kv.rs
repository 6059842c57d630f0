//! `flint bench kv`: durable puts a second, beside Redis and NATS where they are on this machine, and how long a read takes a
//! guest.

use crate::bench::house::{self, House};
use crate::bench::load::{BODY, Operation, Row, table, work};
use crate::bench::measure::times;
use crate::bench::rival::{Program, nats, redis};
use crate::cli;
use crate::error::Error;
use crate::output::Output;
use bytes::Bytes;
use flint_model::StoreName;
use flint_stores::{Commit, Effect, Stores};
use flint_stores_embedded::Embedded;
use flint_world::Invocation;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Those who write at once.
const WRITERS: usize = 64;
/// The keys of each.
const KEYS: usize = 1000;
/// Invocations that read.
const READS: usize = 50;

const PUT: &str = "put";
const GET: &str = "get, by a guest";

#[derive(Serialize)]
struct Report {
    writers: usize,
    value_bytes: usize,
    rows: Vec<Row>,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchKv, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let house = House::open(&args.functions, &progress).await?;
    progress.step("flint");
    let store = house::store()?;
    fill(&house, &store, args.keys).await?;
    let mut rows = vec![puts(&house, &store, args.time).await?, read(&house).await?];
    house.stores.close().await;
    if let Some(server) = redis::start(&args.rivals.redis).await? {
        progress.step("redis");
        rows.push(of_redis(&server, args.time).await?);
    }
    if let Some(server) = nats::start(&args.rivals.nats).await? {
        progress.step("nats");
        rows.push(of_nats(&server, args.time).await?);
    }
    drop(progress);
    rows.sort_by_key(|row| row.work != PUT);
    let report = Report { writers: WRITERS, value_bytes: super::load::SIZE, rows };
    let title =
        format!("values of {} bytes, {WRITERS} writers, each on the disk before it is answered", super::load::SIZE);
    output.answer(&report, || table(&title, &report.rows)).map_err(Error::io("print the figures"))
}

/// Durable puts, all writers at once.
pub(super) async fn puts(house: &House, store: &StoreName, time: Duration) -> Result<Row, Error> {
    let writer = |number| Writer { stores: Arc::clone(&house.stores), store: store.clone(), number, count: 0 };
    let (times, span) = work((0..WRITERS).map(writer).collect(), time).await?;
    Ok(Row::new("flint", PUT, 1, span, &times))
}

struct Writer {
    stores: Arc<Embedded>,
    store: StoreName,
    number: usize,
    count: usize,
}

impl Operation for Writer {
    async fn once(&mut self) -> Result<(), Error> {
        let key = key(self.number, &mut self.count);
        self.stores
            .commit(Commit::from(put(&self.store, key)))
            .await
            .map(drop)
            .map_err(|error| Error::Bug(error.to_string()))
    }
}

fn key(writer: usize, count: &mut usize) -> String {
    *count += 1;
    format!("{writer}/{}", *count % KEYS)
}

fn put(store: &StoreName, key: String) -> Effect {
    Effect::KvPut { store: store.clone(), key, value: Bytes::from_static(&BODY), expires_at: None, expect: None }
}

/// Has keys be there before anything is measured.
pub(super) async fn fill(house: &House, store: &StoreName, keys: u64) -> Result<(), Error> {
    for thousand in 0..keys.div_ceil(1000) {
        let effects = (0..1000).map(|n| put(store, format!("there/{thousand}/{n}"))).collect();
        house.stores.commit(Commit::new(effects)).await.map_err(|error| Error::Bug(error.to_string()))?;
    }
    Ok(())
}

/// A guest reads, and looks at its own clock.
pub(super) async fn read(house: &House) -> Result<Row, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Bug(format!("the function that reads: {error}"));
    // On a busy machine a writer may have had no turn.
    let store = house::store()?;
    let keys = (0..WRITERS).map(|writer| put(&store, key(writer, &mut 0))).collect();
    house.stores.commit(Commit::new(keys)).await.map_err(|error| Error::Bug(error.to_string()))?;
    let mut times = times()?;
    let began = Instant::now();
    for number in 0..READS {
        let payload = Bytes::from(format!("{}/1", number % WRITERS));
        let answer = house.function.invoke(Invocation::accept(None), payload).await.map_err(|error| failed(&error))?;
        for line in String::from_utf8_lossy(&answer).lines() {
            times.saturating_record(line.parse().map_err(|error| failed(&error))?);
        }
    }
    let reads = times.len() as f64 * 100.0;
    let row = Row::new("flint", GET, 1, began.elapsed(), &times);
    Ok(Row { per_second: reads / began.elapsed().as_secs_f64(), ..row })
}

struct RedisWriter {
    connection: redis::Connection,
    number: usize,
    count: usize,
}

impl Operation for RedisWriter {
    async fn once(&mut self) -> Result<(), Error> {
        let key = key(self.number, &mut self.count);
        self.connection.ask(&[&[b"SET", key.as_bytes(), &BODY]]).await.map(drop).map_err(Error::io("ask redis"))
    }
}

async fn of_redis(server: &Program, time: Duration) -> Result<Row, Error> {
    let mut writers = Vec::with_capacity(WRITERS);
    for number in 0..WRITERS {
        let connection = redis::Connection::open(server.address).await.map_err(Error::io("ask redis"))?;
        writers.push(RedisWriter { connection, number, count: 0 });
    }
    let (times, span) = work(writers, time).await?;
    Ok(Row::new("redis", PUT, 1, span, &times))
}

struct NatsWriter {
    connection: nats::Connection,
    number: usize,
    count: usize,
}

impl Operation for NatsWriter {
    async fn once(&mut self) -> Result<(), Error> {
        let subject = format!("kv.{}", key(self.number, &mut self.count).replace('/', "."));
        let put = async {
            self.connection.publish(&subject, &BODY).await?;
            self.connection.flush().await?;
            self.connection.next().await
        };
        put.await.map(drop).map_err(Error::io("ask nats"))
    }
}

async fn of_nats(server: &Program, time: Duration) -> Result<Row, Error> {
    let failed = |error| Error::io("ask nats")(error);
    let mut control = nats::Connection::open(server.address, WRITERS).await.map_err(failed)?;
    // A bucket of NATS is a stream that keeps the last message of each subject.
    control.prepare(1, "kv.>").await.map_err(failed)?;
    let mut writers = Vec::with_capacity(WRITERS);
    for number in 0..WRITERS {
        let connection = nats::Connection::open(server.address, number).await.map_err(failed)?;
        writers.push(NatsWriter { connection, number, count: 0 });
    }
    let (times, span) = work(writers, time).await?;
    Ok(Row::new("nats", PUT, 1, span, &times))
}
