//! Measures durable messages a second: `cargo run --release -p flint-stores-embedded --example queues [WAITING]`.
//!
//! Writes to a temporary folder; set `TMPDIR` to measure another disk. Messages have 256 bytes. With a number, so many wait in
//! the queue before it begins. With a folder behind it, that is used and stays: kill the process and run it again with 0 to see
//! how long opening takes after that.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::{MessageId, QueueName};
use flint_stores::{Catalog, Commit, Effect, Message, Order, QueueRules, Receive, SendOptions, Settle, Stores};
use flint_stores_embedded::{Embedded, Options};

const SPAN: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let waiting: u64 = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(2).map_or_else(|| temporary.path().to_owned(), Into::into);
    std::fs::create_dir_all(&folder)?;
    let (jobs, orders): (QueueName, QueueName) = ("jobs".parse()?, "orders".parse()?);
    let fifo = QueueRules { order: Order::Fifo, ..QueueRules::default() };
    let queues = BTreeMap::from([(jobs.clone(), QueueRules::default()), (orders.clone(), fifo)]);
    let options =
        || Options { catalog: Catalog { queues: queues.clone(), ..Catalog::default() }, ..Options::default() };
    let open = || -> Result<Arc<Embedded>, Failure> {
        let dir = Dir::open_ambient_dir(&folder, ambient_authority())?;
        Ok(Arc::new(Embedded::open(dir, options())?))
    };
    let started = Instant::now();
    let mut stores = open()?;
    writeln!(io::stdout(), "opened: {:?}", started.elapsed())?;
    if waiting > 0 {
        for _ in 0..waiting.div_ceil(1000) {
            stores.commit(batch(&jobs, 1000)).await?;
        }
        stores.close().await;
        let started = Instant::now();
        stores = open()?;
        writeln!(io::stdout(), "opened with {waiting} waiting: {:?}", started.elapsed())?;
    }
    for (name, size, tasks) in [("single", 1, 1), ("single", 1, 64), ("batches of ten", 10, 64)] {
        let label = format!("send, {name}, {tasks} senders");
        measure(&label, tasks, |_| send(Arc::clone(&stores), jobs.clone(), size)).await?;
    }
    for (queue, tasks, size) in [(&jobs, 8, 10), (&jobs, 64, 10), (&orders, 8, 10)] {
        let label = format!("send, receive and settle on {queue}, {tasks} of each, batches of {size}");
        let queue = queue.clone();
        let work = |task| pipe(Arc::clone(&stores), queue.clone(), task, size);
        measure(&label, tasks * 2, work).await?;
    }
    stores.close().await;
    Ok(())
}

/// Has tasks work for a while; each answers how many messages it moved.
async fn measure<F>(label: &str, tasks: usize, work: impl Fn(usize) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let started = Instant::now();
    let tasks: Vec<_> = (0..tasks).map(|task| tokio::spawn(work(task))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    writeln!(io::stdout(), "{label}: {rate:.0} messages/s")?;
    Ok(())
}

static NEXT: AtomicU64 = AtomicU64::new(0);

fn batch(queue: &QueueName, size: usize) -> Commit {
    let body = Bytes::from_static(&[7; 256]);
    let effect = |_| {
        let group = queue.as_str().eq("orders").then(|| (NEXT.fetch_add(1, Ordering::Relaxed) % 500).to_string());
        let message = Message { group, ..Message::new(MessageId::now(), body.clone()) };
        Effect::QueueSend { queue: queue.clone(), message, options: SendOptions::default() }
    };
    Commit::new((0..size).map(effect).collect())
}

async fn send(stores: Arc<Embedded>, queue: QueueName, size: usize) -> Result<u64, Failure> {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < SPAN {
        stores.commit(batch(&queue, size)).await?;
        count += size as u64;
    }
    Ok(count)
}

/// Half of the tasks send, the others receive and settle; those count.
async fn pipe(stores: Arc<Embedded>, queue: QueueName, task: usize, size: usize) -> Result<u64, Failure> {
    if task.is_multiple_of(2) {
        return send(stores, queue, size).await.map(|_| 0);
    }
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < SPAN {
        let receive = Receive { max: size, wait: SPAN, ..Receive::default() };
        let messages = stores.queues().receive(&queue, receive).await?.messages;
        count += messages.len() as u64;
        let settles = messages.into_iter().map(|delivery| Settle::done(delivery.receipt)).collect::<Vec<_>>();
        if !settles.is_empty() {
            stores.commit(Commit::settle(settles)).await?;
        }
    }
    Ok(count)
}
