//! flint's rows: sends are commits, and messages are handled by instances that serve one batch each.

use super::{ALONE, ALONE_WORK, BATCH, Backlog, HANDLE, PAIRS, PAUSE, SEND, SEND_BATCH, SENDERS};
use crate::bench::house::{self, House};
use crate::bench::load::{BODY, Operation, Row, work};
use crate::bench::measure::times;
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use flint_model::{MessageId, QueueName};
use flint_stores::{BoxFuture, Commit, Delivery, Effect, Message, SendOptions, Stores};
use flint_stores_embedded::Embedded;
use flint_triggers::message::{Backoff, Blame, Consumer, Dispatcher, Handled, Observer, Options, Settled, Unanswered};
use flint_world::{EffectsMode, Function, Invocation};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Batches that are handled at once.
const CONCURRENCY: usize = 16;

struct Sender {
    stores: Arc<Embedded>,
    queue: QueueName,
    size: usize,
    backlog: Option<Arc<Backlog>>,
}

impl Operation for Sender {
    async fn once(&mut self) -> Result<(), Error> {
        if let Some(backlog) = &self.backlog {
            backlog.send(self.size as u64).await;
        }
        let effect = |_| Effect::QueueSend {
            queue: self.queue.clone(),
            message: Message::new(MessageId::now(), Bytes::from_static(&BODY)),
            options: SendOptions::default(),
        };
        let commit = Commit::new((0..self.size).map(effect).collect());
        self.stores.commit(commit).await.map(drop).map_err(|error| Error::Bug(error.to_string()))
    }
}

pub(super) async fn rows(args: &cli::BenchQueue, progress: &Progress) -> Result<Vec<Row>, Error> {
    let house = House::open(&args.functions, progress).await?;
    progress.step("flint");
    let queue = house::queue()?;
    fill(&house, &queue, args.waiting).await?;
    let mut rows = sends(&house, &queue, args.time).await?;
    // What was sent so far is not to be handled, unless a queue with that much in it is what is measured.
    if args.waiting == 0 {
        house.stores.queues().purge(&queue).await.map_err(|error| Error::Bug(error.to_string()))?;
    }
    rows.push(handle(&house, &queue, args.time).await?);
    house.stores.queues().purge(&queue).await.map_err(|error| Error::Bug(error.to_string()))?;
    rows.push(alone(&house, &queue).await?);
    house.stores.close().await;
    Ok(rows)
}

fn senders(house: &House, queue: &QueueName, count: usize, size: usize, backlog: Option<&Arc<Backlog>>) -> Vec<Sender> {
    let sender =
        |_| Sender { stores: Arc::clone(&house.stores), queue: queue.clone(), size, backlog: backlog.map(Arc::clone) };
    (0..count).map(sender).collect()
}

/// Messages that are sent, one by one and in batches.
pub(in crate::bench) async fn sends(house: &House, queue: &QueueName, time: Duration) -> Result<Vec<Row>, Error> {
    let (single, span) = work(senders(house, queue, SENDERS, 1, None), time).await?;
    let single = Row::new("flint", SEND, 1, span, &single);
    let (batches, span) = work(senders(house, queue, SENDERS, BATCH, None), time).await?;
    Ok(vec![single, Row::new("flint", SEND_BATCH, BATCH, span, &batches)])
}

/// Has messages wait before anything is measured.
pub(in crate::bench) async fn fill(house: &House, queue: &QueueName, waiting: u64) -> Result<(), Error> {
    let (stores, queue) = (Arc::clone(&house.stores), queue.clone());
    let mut sender = Sender { stores, queue, size: 1000, backlog: None };
    for _ in 0..waiting.div_ceil(1000) {
        sender.once().await?;
    }
    Ok(())
}

/// Messages that are sent and handled at the same time; counts those that are settled.
pub(in crate::bench) async fn handle(house: &House, queue: &QueueName, time: Duration) -> Result<Row, Error> {
    let backlog = Arc::new(Backlog::default());
    let senders = senders(house, queue, PAIRS, BATCH, Some(&backlog));
    let stop = CancellationToken::new();
    let consumer = Arc::new(Measured { function: house.function.clone(), started: None });
    let running = tokio::spawn(dispatcher(house, queue, consumer, Arc::clone(&backlog) as _).run(stop.clone()));
    let (times, span) = work(senders, time).await?;
    let handled = backlog.handled();
    stop.cancel();
    running.await.map_err(|error| Error::Bug(error.to_string()))?;
    let row = Row::new("flint", HANDLE, BATCH, span, &times);
    Ok(Row { per_second: handled as f64 / span.as_secs_f64(), ..row })
}

/// Single messages, one after the other: from the call that sends to the call of the handler.
async fn alone(house: &House, queue: &QueueName) -> Result<Row, Error> {
    let (sender, mut started) = mpsc::unbounded_channel();
    let consumer = Arc::new(Measured { function: house.function.clone(), started: Some(sender) });
    let stop = CancellationToken::new();
    let observer = Arc::new(Backlog::default());
    let running = tokio::spawn(dispatcher(house, queue, consumer, observer).run(stop.clone()));
    let (stores, queue) = (Arc::clone(&house.stores), queue.clone());
    let mut one = Sender { stores, queue, size: 1, backlog: None };
    let mut times = times()?;
    let began = Instant::now();
    for _ in 0..ALONE {
        tokio::time::sleep(PAUSE).await;
        let sent = Instant::now();
        one.once().await?;
        let handled = started.recv().await.ok_or_else(|| Error::Bug("the dispatcher ended".to_owned()))?;
        let way = handled.saturating_duration_since(sent);
        times.saturating_record(u64::try_from(way.as_nanos()).unwrap_or(u64::MAX));
    }
    stop.cancel();
    running.await.map_err(|error| Error::Bug(error.to_string()))?;
    Ok(Row::new("flint", ALONE_WORK, 1, began.elapsed(), &times))
}

fn dispatcher(house: &House, queue: &QueueName, consumer: Arc<Measured>, observer: Arc<dyn Observer>) -> Dispatcher {
    let options = Options {
        queue: queue.clone(),
        batch_size: BATCH,
        batch_bytes_max: 6 << 20,
        batch_window: Duration::ZERO,
        concurrency: CONCURRENCY,
        visibility: Duration::from_secs(60),
        filter: None,
        backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) },
        receives_max: None,
        receive_max: 1000,
        delay_max: Duration::from_secs(60),
    };
    let stores: Arc<dyn Stores> = Arc::<Embedded>::clone(&house.stores);
    Dispatcher::new(options, stores, consumer, observer)
}

/// Hands batches to the function that does nothing.
struct Measured {
    function: Function,
    /// Who wants to know when a batch begins.
    started: Option<mpsc::UnboundedSender<Instant>>,
}

impl Consumer for Measured {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            if let Some(started) = &self.started {
                // Nobody listens any more when the row is over.
                _ = started.send(Instant::now());
            }
            let handled = self.function.queue(Invocation::of_messages(batch), batch, EffectsMode::Held).await;
            let failed = |error: flint_world::Failure| Unanswered { reason: error.to_string(), blame: Blame::Host };
            handled.map(|handled| Handled { failures: Vec::new(), effects: handled.effects }).map_err(failed)
        })
    }
}

impl Observer for Backlog {
    fn settled(&self, _: &QueueName, settled: Settled, messages: usize) {
        if settled == Settled::Done {
            self.done(messages as u64);
        }
    }
}
