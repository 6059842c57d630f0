//! `flint bench queue`: durable messages a second, sent and handled, beside Redis streams and NATS JetStream where they are on
//! this machine. All of them write to the same folder for temporary files.

pub(super) mod flint;
mod nats;
mod redis;

use crate::bench::load::{Row, table};
use crate::bench::rival;
use crate::cli;
use crate::error::Error;
use crate::output::Output;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Those who send at once.
const SENDERS: usize = 64;
/// Those who send while messages are handled, and who handle.
const PAIRS: usize = 8;
/// The messages of a batch.
const BATCH: usize = 10;
/// The most messages that wait to be handled.
const BACKLOG: u64 = 2_000;
/// Messages whose way is timed, one after the other.
const ALONE: usize = 200;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(5);

const SEND: &str = "send";
const SEND_BATCH: &str = "send, ten at a time";
const HANDLE: &str = "send, handle and settle";
const ALONE_WORK: &str = "from send to handler, at low load";

#[derive(Serialize)]
struct Report {
    senders: usize,
    batch: usize,
    message_bytes: usize,
    rows: Vec<Row>,
}

/// Messages on their way: who sends waits while there are many.
#[derive(Debug, Default)]
struct Backlog {
    sent: AtomicU64,
    done: AtomicU64,
}

impl Backlog {
    /// Waits for room, and takes it.
    async fn send(&self, messages: u64) {
        while self.sent.load(Ordering::Relaxed)
            - self.done.load(Ordering::Relaxed).min(self.sent.load(Ordering::Relaxed))
            > BACKLOG
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.sent.fetch_add(messages, Ordering::Relaxed);
    }

    fn done(&self, messages: u64) {
        self.done.fetch_add(messages, Ordering::Relaxed);
    }

    fn handled(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchQueue, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let mut rows = flint::rows(&args, &progress).await?;
    if let Some(server) = rival::redis::start(&args.rivals.redis).await? {
        progress.step("redis");
        rows.extend(redis::rows(&server, args.time).await?);
    }
    if let Some(server) = rival::nats::start(&args.rivals.nats).await? {
        progress.step("nats");
        rows.extend(nats::rows(&server, args.time).await?);
    }
    drop(progress);
    // Works one after the other, systems beside each other.
    let order = [SEND, SEND_BATCH, HANDLE, ALONE_WORK];
    rows.sort_by_key(|row| order.iter().position(|work| *work == row.work));
    let report = Report { senders: SENDERS, batch: BATCH, message_bytes: super::load::SIZE, rows };
    let title =
        format!("messages of {} bytes, {SENDERS} senders, each on the disk before it is answered", super::load::SIZE);
    output.answer(&report, || table(&title, &report.rows)).map_err(Error::io("print the figures"))
}
