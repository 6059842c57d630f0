//! The loop of one trigger: receive, batch, invoke, settle.
//!
//! Only as much is leased as can be handled at once: whoever holds a permit asks for a batch, and several permits that are free
//! share one lease, since each costs a write to the disk. A batch runs in a task of its own, which settles it and gives its
//! permit back.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use flint_model::QueueName;
use flint_model::filter::Filter;
use flint_stores::{
    Cause, Commit, CommitError, Company, Delivery, Effect, Receive, Received, Receives, Settle, Stores, Verdict,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::batch::{Bounds, Cut, cut};
use super::consumer::{Blame, Consumer, Observer, Retry, Settled, Unanswered};
use super::settle::{Policy, forgiven, settled};

/// How a trigger dispatches.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The queue.
    pub queue: QueueName,
    /// Most messages of one batch.
    pub batch_size: usize,
    /// Most bytes of the messages of one batch; a single message may have more.
    pub batch_bytes_max: usize,
    /// How long messages are gathered for a batch that is not full.
    pub batch_window: Duration,
    /// Most batches at once.
    pub concurrency: usize,
    /// How long a batch is leased: longer than its handling can take, gathering included.
    pub visibility: Duration,
    /// Which messages are handled; others are done with at once. None: all.
    pub filter: Option<Filter>,
    /// When a failed message comes again.
    pub backoff: Backoff,
    /// A message that was received so often is not tried again.
    pub receives_max: Option<u32>,
    /// The most messages of one lease: the queue's `batch-max`.
    pub receive_max: usize,
    /// The longest that a message may be put off: the queue's `visibility_max`.
    pub delay_max: Duration,
}

/// How long one call waits for messages. It is only woken by them, so this bounds nothing but how long a call is.
const WAIT: Duration = Duration::from_secs(20);
/// How long the loop rests after the stores failed, at first and at most.
const REST: Backoff = Backoff { first: Duration::from_millis(50), most: Duration::from_secs(5) };
/// How often a batch is handled anew at once, since another one wrote what it had read.
const CONFLICTS_MAX: u32 = 16;
/// When it is.
const CONFLICT: Backoff = Backoff { first: Duration::from_millis(2), most: Duration::from_millis(250) };

/// The loop of one trigger.
pub struct Dispatcher {
    options: Options,
    stores: Arc<dyn Stores>,
    consumer: Arc<dyn Consumer>,
    observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// Makes a dispatcher, which does nothing yet.
    pub fn new(
        options: Options,
        stores: Arc<dyn Stores>,
        consumer: Arc<dyn Consumer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { options, stores, consumer, observer }
    }

    /// Dispatches until it is told to stop; then waits for the batches that run.
    ///
    /// Dropping the future gives up the batches that run: their messages come again when their leases end.
    pub async fn run(self, stop: CancellationToken) {
        let dispatcher = Arc::new(self);
        let permits = Arc::new(Semaphore::new(dispatcher.options.concurrency.max(1)));
        let mut running = JoinSet::new();
        let mut failures = 0;
        while let Some(held) = stop.run_until_cancelled(dispatcher.permits(&permits)).await {
            while running.try_join_next().is_some() {}
            match dispatcher.lease(held.len(), &stop).await {
                Ok(deliveries) => {
                    failures = 0;
                    dispatcher.start(deliveries, held, &mut running);
                }
                Err(CommitError::NoSuch(_)) => break,
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(queue = %dispatcher.options.queue, %error, "messages can't be received, for now");
                    }
                    let _stopped = stop.run_until_cancelled(tokio::time::sleep(REST.delay(failures, rand()))).await;
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits for a permit, and takes those that are free besides, as far as one lease goes.
    async fn permits(&self, permits: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
        let mut held = Vec::new();
        if let Ok(permit) = Arc::clone(permits).acquire_owned().await {
            held.push(permit);
        }
        let most = (self.options.receive_max / self.options.batch_size.max(1)).max(1);
        while held.len() < most
            && let Ok(permit) = Arc::clone(permits).try_acquire_owned()
        {
            held.push(permit);
        }
        held
    }

    /// Leases messages for so many batches, at least one; none only if it is told to stop.
    async fn lease(&self, batches: usize, stop: &CancellationToken) -> Result<Vec<Delivery>, CommitError> {
        let Options { batch_size, batch_bytes_max, receive_max, .. } = self.options;
        let max = batch_size.saturating_mul(batches).clamp(1, receive_max.max(1));
        let bytes_max = batch_bytes_max.saturating_mul(batches);
        let receive = Receive {
            max,
            bytes_max,
            group_max: batch_size,
            group_bytes_max: batch_bytes_max,
            visibility: Some(self.options.visibility),
            wait: WAIT,
        };
        loop {
            let Received { messages, alone, .. } = self.receive(receive, stop).await?;
            if messages.is_empty() && !stop.is_cancelled() {
                continue;
            }
            let is_full = messages.len() >= batch_size || alone || self.options.batch_window.is_zero();
            return if is_full { Ok(messages) } else { Ok(self.gather(messages, receive, stop).await) };
        }
    }

    /// Waits for more messages, until there is a full batch, the window is over or it is told to stop.
    async fn gather(&self, mut messages: Vec<Delivery>, receive: Receive, stop: &CancellationToken) -> Vec<Delivery> {
        let until = Instant::now() + self.options.batch_window;
        while messages.len() < self.options.batch_size && !stop.is_cancelled() {
            let wait = until.saturating_duration_since(Instant::now());
            let max = self.options.batch_size - messages.len();
            match self.receive(Receive { max, wait, ..receive }, stop).await {
                // What has to come alone does not come into this batch, and is the first that the next lease finds.
                Ok(Received { messages: more, alone: true, .. }) => {
                    self.give_back(more, Company::Alone).await;
                    break;
                }
                Ok(Received { messages: more, .. }) => messages.extend(more),
                // What is there is handled; the next lease tells the error.
                Err(_) => break,
            }
            if wait.is_zero() {
                break;
            }
        }
        messages
    }

    /// Receives, until it is told to stop: whatever is leased by then is let go of, for whoever comes next and may want it otherwise.
    async fn receive(&self, receive: Receive, stop: &CancellationToken) -> Result<Received, CommitError> {
        let received = self.stores.queues().receive_until(&self.options.queue, receive, stop).await?;
        if received.given_up > 0 {
            tracing::warn!(queue = %self.options.queue, messages = received.given_up, "messages were given up");
            self.observer.settled(&self.options.queue, Settled::DeadLettered, received.given_up);
        }
        if stop.is_cancelled() && !received.messages.is_empty() {
            let company = if received.alone { Company::Alone } else { Company::Any };
            self.give_back(received.messages, company).await;
            return Ok(Received::default());
        }
        Ok(received)
    }

    /// Lets go of messages as if they had not been received; tried once, since their leases end anyway.
    async fn give_back(&self, messages: Vec<Delivery>, company: Company) {
        let verdict = Verdict::Retry { after: Duration::ZERO, receives: Receives::Forgive, company };
        let settle = |delivery: Delivery| Settle { receipt: delivery.receipt, verdict: verdict.clone() };
        let settles = messages.into_iter().map(settle).collect();
        if let Err(error) = self.stores.commit(Commit::settle(settles)).await {
            tracing::warn!(queue = %self.options.queue, %error, "messages come again when their lease ends");
        }
    }

    /// Starts a task for each batch.
    fn start(self: &Arc<Self>, deliveries: Vec<Delivery>, held: Vec<OwnedSemaphorePermit>, running: &mut JoinSet<()>) {
        let bounds = Bounds { messages: self.options.batch_size, bytes: self.options.batch_bytes_max };
        let Cut { batches, rest } = cut(deliveries, bounds, held.len());
        for (batch, permit) in batches.into_iter().zip(held) {
            let dispatcher = Arc::clone(self);
            running.spawn(async move {
                dispatcher.handle(batch).await;
                drop(permit);
            });
        }
        if !rest.is_empty() {
            let dispatcher = Arc::clone(self);
            running.spawn(async move { dispatcher.give_back(rest, Company::Any).await });
        }
    }

    /// Handles a batch, and settles it.
    async fn handle(&self, batch: Vec<Delivery>) {
        let (batch, unwanted): (Vec<_>, Vec<_>) = batch.into_iter().partition(|delivery| self.wants(delivery));
        let unwanted: Vec<_> = unwanted.into_iter().map(|delivery| Settle::done(delivery.receipt)).collect();
        if batch.is_empty() {
            return self.conclude(unwanted).await;
        }
        let mut longest = Duration::ZERO;
        for attempt in 1.. {
            let begun = Instant::now();
            let mut result = self.consumer.handle(&batch).await;
            longest = longest.max(begun.elapsed());
            let effects = result.as_mut().map_or_else(|_| Vec::new(), |handled| std::mem::take(&mut handled.effects));
            let verdicts = self.policy().verdicts(&batch, &result);
            let without_effects = effects.is_empty().then(|| verdicts.clone());
            match self.settle(&batch, effects, verdicts, &unwanted).await {
                Ok(()) => return,
                Err(CommitError::Conflict { .. } | CommitError::BlobConflict { .. })
                    if attempt < CONFLICTS_MAX && self.has_time(&batch, longest) =>
                {
                    tokio::time::sleep(CONFLICT.delay(attempt, rand())).await;
                }
                Err(CommitError::LeaseLost { .. }) => return self.late(&batch, without_effects).await,
                Err(error) => return self.refused(&batch, &unwanted, &error).await,
            }
        }
    }

    /// Whether a batch can be handled anew within its lease, if that takes twice as long as the longest time so far. What takes even
    /// longer finds its lease lost, and does not happen.
    fn has_time(&self, batch: &[Delivery], longest: Duration) -> bool {
        let until = batch.iter().map(|delivery| delivery.until).min();
        until.is_none_or(|until| self.stores.now().saturating_add(longest * 2) < until)
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        let attributes = &delivery.stored.message.attributes;
        let find = |name: &str| attributes.iter().find(|one| one.name == name).map(|one| one.value.as_str());
        self.options.filter.as_ref().is_none_or(|filter| filter.matches(find))
    }

    fn policy(&self) -> Policy {
        let Options { backoff, receives_max, delay_max, .. } = self.options;
        Policy { backoff, receives_max, delay_max, jitter: rand() }
    }

    /// Commits effects and verdicts together.
    async fn settle(
        &self,
        batch: &[Delivery],
        effects: Vec<Effect>,
        verdicts: Vec<Verdict>,
        unwanted: &[Settle],
    ) -> Result<(), CommitError> {
        let settles = batch.iter().zip(&verdicts);
        let settles =
            settles.map(|(delivery, verdict)| Settle { receipt: delivery.receipt.clone(), verdict: verdict.clone() });
        let consumed: Vec<_> = settles.chain(unwanted.iter().cloned()).collect();
        self.commit(cause(batch), effects, consumed).await?;
        for (delivery, verdict) in batch.iter().zip(&verdicts) {
            self.tell(delivery, verdict);
        }
        self.observer.settled(&self.options.queue, Settled::Filtered, unwanted.len());
        Ok(())
    }

    fn tell(&self, delivery: &Delivery, verdict: &Verdict) {
        // A field of the name `message` would take the place of the text.
        let (queue, id) = (&self.options.queue, delivery.stored.message.id);
        if let Verdict::DeadLetter { reason } = verdict {
            tracing::warn!(%queue, %id, receives = delivery.stored.receives, %reason, "a message was given up");
        }
        self.observer.settled(queue, settled(verdict), 1);
    }

    /// Commits, and tries again as long as the stores can't serve. If it happened already, the leases are gone.
    async fn commit(&self, cause: Cause, effects: Vec<Effect>, consumed: Vec<Settle>) -> Result<(), CommitError> {
        let until = Instant::now() + self.options.visibility;
        let commit = Commit { effects, consumed, cause };
        for attempt in 1.. {
            match self.stores.commit(commit.clone()).await {
                Err(CommitError::Unavailable { .. }) if Instant::now() < until => {
                    tokio::time::sleep(REST.delay(attempt, rand())).await;
                }
                result => return result.map(drop),
            }
        }
        unreachable!("attempts never end")
    }

    /// What to do with a batch whose effects can't be committed: it comes again, and counts if that is its own fault.
    async fn refused(&self, batch: &[Delivery], unwanted: &[Settle], error: &CommitError) {
        let queue = &self.options.queue;
        let verdicts = match error {
            CommitError::Conflict { .. }
            | CommitError::BlobConflict { .. }
            | CommitError::Full { .. }
            | CommitError::Unavailable { .. } => {
                tracing::warn!(%queue, %error, "a batch comes again, since its effects can't be committed now");
                // There may be room for what one message brings, and never for what all of them do.
                let is_full = matches!(error, CommitError::Full { .. });
                let company = if is_full { Company::Alone } else { Company::Any };
                batch.iter().map(|_| self.policy().put_off(company)).collect()
            }
            error => {
                // However often it is tried, a circle has no end; of a batch, another message may be the one in it.
                let is_circle = matches!(error, CommitError::TooDeep { .. }) && batch.len() == 1;
                let blame = Blame::Messages { retry: if is_circle { Retry::Never } else { Retry::Default } };
                let reason = format!("its effects can't be committed: {error}");
                self.policy().verdicts(batch, &Err(Unanswered { reason, blame }))
            }
        };
        if let Err(error) = self.settle(batch, Vec::new(), verdicts, unwanted).await {
            tracing::warn!(%queue, %error, "messages come again when their lease ends");
        }
    }

    /// Of a batch that lost a lease, each message is settled by itself. If there were effects, they are those of all messages
    /// together and did not happen, so the others come again; without effects, what each one came to holds.
    async fn late(&self, batch: &[Delivery], verdicts: Option<Vec<Verdict>>) {
        let queue = &self.options.queue;
        tracing::warn!(%queue, "a batch took longer than its lease, or messages of it were purged or settled meanwhile");
        let verdicts = verdicts.unwrap_or_else(|| batch.iter().map(|_| forgiven(Duration::ZERO)).collect());
        for (delivery, verdict) in batch.iter().zip(verdicts) {
            let settle = Settle { receipt: delivery.receipt.clone(), verdict: verdict.clone() };
            match self.commit(cause(batch), Vec::new(), vec![settle]).await {
                Ok(()) => self.tell(delivery, &verdict),
                Err(error) => tracing::debug!(%queue, id = %delivery.stored.message.id, %error, "its lease is lost"),
            }
        }
    }

    /// Settles what nobody handles.
    async fn conclude(&self, unwanted: Vec<Settle>) {
        let filtered = unwanted.len();
        match self.commit(Cause::default(), Vec::new(), unwanted).await {
            Ok(()) => self.observer.settled(&self.options.queue, Settled::Filtered, filtered),
            Err(error) => {
                tracing::warn!(queue = %self.options.queue, %error, "messages come again when their lease ends")
            }
        }
    }
}

/// What a batch is to what its handler causes: of several messages, the one that comes from farthest tells how far it is.
fn cause(batch: &[Delivery]) -> Cause {
    let messages = || batch.iter().map(|delivery| &delivery.stored.message);
    let depth = messages().map(|message| message.depth).max().unwrap_or(0);
    Cause { trace: messages().next().and_then(|message| message.trace.clone()), depth }
}

/// Between 0 and 1, for jitter.
fn rand() -> f64 {
    rand::random()
}
