//! The same with Redis streams: `XADD`, and a consumer group that acknowledges and deletes.

use super::{ALONE, ALONE_WORK, BATCH, Backlog, HANDLE, PAIRS, PAUSE, SEND, SEND_BATCH, SENDERS};
use crate::bench::load::{BODY, Operation, Row, work};
use crate::bench::measure::times;
use crate::bench::rival::Program;
use crate::bench::rival::redis::{Connection, Value};
use crate::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const STREAM: &[u8] = b"jobs";
const GROUP: &[u8] = b"workers";
const ADD: &[&[u8]] = &[b"XADD", STREAM, b"*", b"body", &BODY];

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
        self.connection.ask(&vec![ADD; self.size]).await.map(drop).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("ask redis")(error)
}

async fn senders(server: &Program, count: usize, size: usize) -> Result<Vec<Sender>, Error> {
    let mut senders = Vec::with_capacity(count);
    for _ in 0..count {
        let connection = Connection::open(server.address).await.map_err(failed)?;
        senders.push(Sender { connection, size, backlog: None });
    }
    Ok(senders)
}

pub(super) async fn rows(server: &Program, time: Duration) -> Result<Vec<Row>, Error> {
    let (single, span) = work(senders(server, SENDERS, 1).await?, time).await?;
    let mut rows = vec![Row::new("redis", SEND, 1, span, &single)];
    let (batches, span) = work(senders(server, SENDERS, BATCH).await?, time).await?;
    rows.push(Row::new("redis", SEND_BATCH, BATCH, span, &batches));
    let mut control = Connection::open(server.address).await.map_err(failed)?;
    let anew: [&[&[u8]]; 2] = [&[b"DEL", STREAM], &[b"XGROUP", b"CREATE", STREAM, GROUP, b"$", b"MKSTREAM"]];
    control.ask(&anew).await.map_err(failed)?;
    rows.push(handle(server, time).await?);
    control.ask(&anew).await.map_err(failed)?;
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
        let mut connection = Connection::open(server.address).await.map_err(failed)?;
        let (backlog, stop) = (Arc::clone(&backlog), stop.clone());
        workers.spawn(async move {
            while !stop.is_cancelled() {
                let handled = take(&mut connection, BATCH).await?;
                backlog.done(handled);
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
    let row = Row::new("redis", HANDLE, BATCH, span, &times);
    Ok(Row { per_second: handled as f64 / span.as_secs_f64(), ..row })
}

/// Reads messages, and settles them; answers how many.
async fn take(connection: &mut Connection, max: usize) -> Result<u64, Error> {
    let ids = read(connection, max).await?;
    settle(connection, &ids).await?;
    Ok(ids.len() as u64)
}

async fn read(connection: &mut Connection, max: usize) -> Result<Vec<String>, Error> {
    let count = max.to_string();
    let read: &[&[u8]] = &[
        b"XREADGROUP",
        b"GROUP",
        GROUP,
        b"one",
        b"COUNT",
        count.as_bytes(),
        b"BLOCK",
        b"100",
        b"STREAMS",
        STREAM,
        b">",
    ];
    let answers = connection.ask(&[read]).await.map_err(failed)?;
    let stream = answers.first().and_then(|answer| answer.list().first()).map(Value::list).unwrap_or_default();
    let messages = stream.get(1).map(Value::list).unwrap_or_default();
    let id = |message: &Value| message.list().first().map(|id| id.text().to_owned());
    Ok(messages.iter().filter_map(id).collect())
}

async fn settle(connection: &mut Connection, ids: &[String]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = || ids.iter().map(String::as_bytes);
    let ack: Vec<&[u8]> = [b"XACK", STREAM, GROUP].into_iter().chain(ids()).collect();
    let delete: Vec<&[u8]> = [&b"XDEL"[..], STREAM].into_iter().chain(ids()).collect();
    connection.ask(&[&ack, &delete]).await.map(drop).map_err(failed)
}

async fn alone(server: &Program) -> Result<Row, Error> {
    let mut worker = Connection::open(server.address).await.map_err(failed)?;
    let (told, mut came) = tokio::sync::mpsc::unbounded_channel();
    let working = tokio::spawn(async move {
        let mut count = 0;
        while count < ALONE {
            let ids = read(&mut worker, 1).await?;
            if !ids.is_empty() {
                // Who listens counts as long.
                _ = told.send(Instant::now());
                settle(&mut worker, &ids).await?;
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
    Ok(Row::new("redis", ALONE_WORK, 1, began.elapsed(), &times))
}
