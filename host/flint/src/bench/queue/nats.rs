//! The same with NATS JetStream: publications that are answered, and a pull consumer whose acknowledgements are.

use super::{ALONE, ALONE_WORK, BATCH, Backlog, HANDLE, PAIRS, PAUSE, SEND, SEND_BATCH, SENDERS};
use crate::bench::load::{BODY, Operation, Row, work};
use crate::bench::measure::times;
use crate::bench::rival::Program;
use crate::bench::rival::nats::Connection;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const SUBJECT: &str = "jobs.all";
const NEXT: &str = "$JS.API.CONSUMER.MSG.NEXT.jobs.workers";

struct Sender {
    connection: Connection,
    size: usize,
    backlog: Option<Arc<Backlog>>,
}

impl Operation for Sender {
    async fn once(&mut self) -> Result<(), Error> {
        if let Some(backlog) = &self.backlog {
            backlog.send(self.size as u64).await;
        }
        self.send().await.map_err(failed)
    }
}

impl Sender {
    async fn send(&mut self) -> std::io::Result<()> {
        for _ in 0..self.size {
            self.connection.publish(SUBJECT, &BODY).await?;
        }
        self.connection.flush().await?;
        for _ in 0..self.size {
            self.connection.next().await?;
        }
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("ask nats")(error)
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

async fn open(server: &Program) -> Result<Connection, Error> {
    Connection::open(server.address, NUMBER.fetch_add(1, Ordering::Relaxed)).await.map_err(failed)
}

async fn senders(server: &Program, count: usize, size: usize) -> Result<Vec<Sender>, Error> {
    let mut senders = Vec::with_capacity(count);
    for _ in 0..count {
        senders.push(Sender { connection: open(server).await?, size, backlog: None });
    }
    Ok(senders)
}

pub(super) async fn rows(server: &Program, time: Duration) -> Result<Vec<Row>, Error> {
    let mut control = open(server).await?;
    control.prepare(-1, "jobs.>").await.map_err(failed)?;
    let (single, span) = work(senders(server, SENDERS, 1).await?, time).await?;
    let mut rows = vec![Row::new("nats", SEND, 1, span, &single)];
    let (batches, span) = work(senders(server, SENDERS, BATCH).await?, time).await?;
    rows.push(Row::new("nats", SEND_BATCH, BATCH, span, &batches));
    let purge = serde_json::json!({});
    control.ask("$JS.API.STREAM.PURGE.jobs", &purge).await.map_err(failed)?;
    rows.push(handle(server, time).await?);
    control.ask("$JS.API.STREAM.PURGE.jobs", &purge).await.map_err(failed)?;
    rows.push(alone(server).await?);
    Ok(rows)
}

async fn handle(server: &Program, time: Duration) -> Result<Row, Error> {
    let backlog = Arc::new(Backlog::default());
    let mut senders = senders(server, PAIRS, BATCH).await?;
    senders.iter_mut().for_each(|sender| sender.backlog = Some(Arc::clone(&backlog)));
    // They work as long as anybody sends, or who waits for a shorter backlog would wait for ever.
    let stop = CancellationToken::new();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..PAIRS {
        let (mut connection, backlog, stop) = (open(server).await?, Arc::clone(&backlog), stop.clone());
        workers.spawn(async move {
            while !stop.is_cancelled() {
                let receipts = read(&mut connection, BATCH).await.map_err(failed)?;
                settle(&mut connection, &receipts).await.map_err(failed)?;
                backlog.done(receipts.len() as u64);
            }
            Ok::<_, Error>(())
        });
    }
    let (times, span) = work(senders, time).await?;
    let handled = backlog.handled();
    stop.cancel();
    while let Some(worker) = workers.join_next().await {
        worker.map_err(|error| Error::Bug(error.to_string()))??;
    }
    let row = Row::new("nats", HANDLE, BATCH, span, &times);
    Ok(Row { per_second: handled as f64 / span.as_secs_f64(), ..row })
}

/// Pulls messages, until there is a whole batch or no more for now; answers with what each is acknowledged.
async fn read(connection: &mut Connection, max: usize) -> std::io::Result<Vec<String>> {
    let ask = serde_json::json!({"batch": max, "expires": 100_000_000}).to_string();
    connection.publish(NEXT, ask.as_bytes()).await?;
    connection.flush().await?;
    let mut receipts = Vec::with_capacity(max);
    while receipts.len() < max {
        // What has no reply is a status: no more messages for now.
        match connection.next().await?.reply {
            Some(receipt) => receipts.push(receipt),
            None => break,
        }
    }
    Ok(receipts)
}

async fn settle(connection: &mut Connection, receipts: &[String]) -> std::io::Result<()> {
    for receipt in receipts {
        connection.publish(receipt, b"+ACK").await?;
    }
    connection.flush().await?;
    for _ in receipts {
        connection.next().await?;
    }
    Ok(())
}

async fn alone(server: &Program) -> Result<Row, Error> {
    let mut worker = open(server).await?;
    let (told, mut came) = tokio::sync::mpsc::unbounded_channel();
    let working = tokio::spawn(async move {
        let mut count = 0;
        while count < ALONE {
            let receipts = read(&mut worker, 1).await.map_err(failed)?;
            if !receipts.is_empty() {
                // Who listens counts as long.
                _ = told.send(Instant::now());
                settle(&mut worker, &receipts).await.map_err(failed)?;
                count += 1;
            }
        }
        Ok::<_, Error>(())
    });
    let mut one = senders(server, 1, 1).await?.remove(0);
    let mut times = times()?;
    let began = Instant::now();
    for _ in 0..ALONE {
        tokio::time::sleep(PAUSE).await;
        let sent = Instant::now();
        one.once().await?;
        let handled = came.recv().await.ok_or_else(|| Error::Bug("the worker ended".to_owned()))?;
        let way = handled.saturating_duration_since(sent);
        times.saturating_record(u64::try_from(way.as_nanos()).unwrap_or(u64::MAX));
    }
    working.await.map_err(|error| Error::Bug(error.to_string()))??;
    Ok(Row::new("nats", ALONE_WORK, 1, began.elapsed(), &times))
}
