//! The clock of the message door: what is due becomes a message.
//!
//! A [`Scheduler`] owns one loop for one schedule. It asks which tick fires now (`flint_model::schedule`, pure), and makes that the
//! message of a queue in the same commit that says how far the schedule has come. So each tick is sent once: over a restart,
//! whatever the clock does, and if two loops run for one schedule. The rest is done by the dispatcher of the queue: retries,
//! dead letters, effects that happen with the tick being done.
//!
//! Deliberately absent: how ticks are handled, and how many at once.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flint_model::schedule::{Decision, Missed, Schedule, is_ahead};
use flint_model::{Clock, MessageId, QueueName, ScheduleName, Timestamp};
use flint_stores::{Attribute, Commit, CommitError, Effect, Message, ReadError, SendOptions, Stores};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::message::Backoff;

/// How a schedule ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its name, under which the stores know how far it has come.
    pub schedule: ScheduleName,
    /// When it is due.
    pub when: Schedule,
    /// What becomes of ticks that nobody was there for.
    pub missed: Missed,
    /// How late a tick may be and still be on time.
    pub grace: Duration,
    /// What becomes of a tick while one before it is in the queue, waiting or being handled.
    pub overlap: Overlap,
    /// The queue of its ticks.
    pub queue: QueueName,
    /// The body of their messages.
    pub payload: Bytes,
}

/// What becomes of a tick while one before it is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// It is sent.
    Send,
    /// It is passed over.
    PassOver,
}

/// Hears what becomes of ticks, to count it.
pub trait Observer: Send + Sync + 'static {
    /// So many ticks of a schedule were sent, or passed over.
    fn ticked(&self, schedule: &ScheduleName, ticked: Ticked, ticks: u64);
}

/// What became of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ticked {
    /// They are messages now.
    Sent,
    /// They are over: nobody was there, or one before them was not done, or the queue was full.
    PassedOver,
}

/// How long the loop sleeps at most. The clock may be turned meanwhile, which no timer notices.
const LOOK: Duration = Duration::from_secs(1);
/// How long a clock has to say that ticks were dealt with which are far ahead, before it is believed. A machine whose clock
/// does not run while it is off begins in the past, until it has asked others.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long the loop rests after the stores failed, at first and at most.
const REST: Backoff = Backoff { first: Duration::from_millis(50), most: Duration::from_secs(5) };
/// The attribute of a tick's message that says when it fell due.
const DUE_AT: &str = "due-at";

/// The message of a tick.
pub fn message(payload: Bytes, due_at: Timestamp) -> Message {
    let due_at = Attribute { name: DUE_AT.to_owned(), value: due_at.as_millis().to_string() };
    Message { attributes: vec![due_at], ..Message::new(MessageId::now(), payload) }
}

/// When the tick of a message fell due; none if it is none.
pub fn due_at(message: &Message) -> Option<Timestamp> {
    let attribute = message.attributes.iter().find(|attribute| attribute.name == DUE_AT)?;
    attribute.value.parse().ok().map(Timestamp::from_millis)
}

/// The loop of one schedule.
pub struct Scheduler {
    options: Options,
    stores: Arc<dyn Stores>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Since when the clock says that ticks were dealt with which are far ahead.
    ahead_since: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why it can't go on for now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Scheduler {
    /// Makes a scheduler, which does nothing yet.
    pub fn new(options: Options, stores: Arc<dyn Stores>, clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Self {
        Self { options, stores, clock, observer, ahead_since: Mutex::default() }
    }

    /// Sends ticks until it is told to stop.
    ///
    /// Dropping the future loses nothing: what is not sent yet falls due again when another one runs.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let wait = match self.step().await {
                Ok(next) => {
                    failures = 0;
                    self.until(next)
                }
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(schedule = %self.options.schedule, %error, "ticks can't be sent, for now");
                    }
                    REST.delay(failures, rand::random())
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// How long to sleep until a moment.
    fn until(&self, next: Option<Timestamp>) -> Duration {
        let left = |next: Timestamp| next.as_millis().saturating_sub(self.clock.now().as_millis());
        next.map_or(LOOK, |next| Duration::from_millis(left(next)).min(LOOK))
    }

    /// Deals with at most one tick, and answers when to look again.
    async fn step(&self) -> Result<Option<Timestamp>, Trouble> {
        let Options { schedule, when, missed, grace, .. } = &self.options;
        let (last, now) = (self.stores.schedules().last(schedule).await?, self.clock.now());
        let known = last.filter(|last| !self.begins_anew(*last, now));
        let decision = when.decide(known, now, *missed, *grace);
        if last == Some(decision.seen) {
            return Ok(decision.next);
        }
        let sends = match decision.fire {
            Some(_) => !self.is_overlapping().await?,
            None => false,
        };
        match self.commit(last, &decision, sends).await {
            // Passed over, so that it does not fall due again and again until there is room.
            Err(CommitError::Full { .. }) => self.commit(last, &decision, false).await?,
            // Another one was faster; how far it came, the next look tells.
            Err(CommitError::Ticked { .. }) => return Ok(Some(self.clock.now())),
            result => result?,
        }
        Ok(decision.next)
    }

    /// Whether the schedule forgets how far it has come, since the clock was wrong then.
    fn begins_anew(&self, last: Timestamp, now: Timestamp) -> bool {
        let mut since = self.ahead_since.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_ahead(last, now) {
            *since = None;
            return false;
        }
        let begins_anew = since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE;
        if begins_anew {
            let (schedule, last, now) = (&self.options.schedule, last.as_millis(), now.as_millis());
            tracing::warn!(%schedule, last, now, "ticks were sent by a clock that was far ahead: the schedule begins anew");
        }
        begins_anew
    }

    async fn is_overlapping(&self) -> Result<bool, ReadError> {
        match self.options.overlap {
            Overlap::Send => Ok(false),
            Overlap::PassOver => Ok(self.stores.queues().depth(&self.options.queue).await?.total() > 0),
        }
    }

    /// Says how far the schedule has come, and sends the tick that fires.
    async fn commit(&self, last: Option<Timestamp>, decision: &Decision, sends: bool) -> Result<(), CommitError> {
        let Options { schedule, queue, payload, .. } = &self.options;
        let mut effects = vec![Effect::ScheduleTick { schedule: schedule.clone(), seen: decision.seen, expect: last }];
        let fired = decision.fire.filter(|_| sends);
        effects.extend(fired.map(|due_at| Effect::QueueSend {
            queue: queue.clone(),
            message: message(payload.clone(), due_at),
            options: SendOptions::default(),
        }));
        self.stores.commit(Commit::new(effects)).await?;
        self.tell(decision, fired.is_some());
        Ok(())
    }

    fn tell(&self, decision: &Decision, sent: bool) {
        let schedule = &self.options.schedule;
        let passed_over = decision.skipped + u64::from(decision.fire.is_some() && !sent);
        if sent {
            self.observer.ticked(schedule, Ticked::Sent, 1);
        }
        if passed_over > 0 {
            tracing::info!(%schedule, ticks = passed_over, "ticks were passed over");
            self.observer.ticked(schedule, Ticked::PassedOver, passed_over);
        }
    }
}
