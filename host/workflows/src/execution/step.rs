//! A step of an execution: events out of its inbox, effects for one commit.

use super::cache::Cached;
use super::read::Record;
use super::{ExecutionError, Executions, Head, Notice, Status, Work, keys};
use crate::run::{Command, Event, Made, Outcome};
use flint_model::{MessageId, Timestamp};
use flint_stores::{Effect, Expectation, Message, SendOptions};
use std::time::Duration;

impl Executions {
    /// Applies events of one execution, in their order, and answers what is to be committed with the end of their messages.
    ///
    /// Events that nobody waits for, and those of an execution that is not there, have no effects. Dropping the future, or
    /// not committing what it answers, changes nothing.
    ///
    /// # Errors
    /// What a read fails with, or [`ExecutionError::Corrupt`].
    pub async fn step(&self, name: &str, events: Vec<Event>) -> Result<Vec<Effect>, ExecutionError> {
        let Some(head) = self.head(name).await? else { return Ok(Vec::new()) };
        let Cached { mut run, records } = self.current(name, &head).await?;
        let now = self.stores.now();
        let mut news = Record { at: now.as_millis(), events: Vec::new() };
        let mut made = Vec::new();
        // Each event is tried by itself, so that only those that mean something are in the journal.
        for event in events {
            let one = Record { at: news.at, events: vec![event.clone()] };
            one.apply_as(&mut run, records, news.events.len(), |step| {
                if step.is_news {
                    news.events.push(event.clone());
                    made.push(step);
                }
            });
        }
        if news.events.is_empty() {
            self.cache.keep(name, Cached { run, records });
            return Ok(Vec::new());
        }
        let mut effects = vec![self.put(
            keys::record(&self.options.workflow, name, records),
            news.write(),
            Some(Expectation::Absent),
        )];
        effects.extend(self.new_head(name, head, &news, run.outcome(), now));
        effects.extend(made.into_iter().flat_map(|made| self.relayed(name, made, now)));
        if run.outcome().is_none() {
            self.cache.keep(name, Cached { run, records: records + 1 });
        }
        Ok(effects)
    }

    /// An execution's run as the journal has it now: the one that is kept, if what it has seen is what there is.
    async fn current(&self, name: &str, head: &Head) -> Result<Cached, ExecutionError> {
        if let Some(cached) = self.cache.take(name) {
            let key = |number| keys::record(&self.options.workflow, name, number);
            let kv = self.stores.kv();
            let has_last = match cached.records {
                0 => true,
                records => kv.exists(&self.place.store, &key(records - 1)).await?,
            };
            if has_last && !kv.exists(&self.place.store, &key(cached.records)).await? {
                return Ok(cached);
            }
        }
        self.load(name, head).await
    }

    /// The head, if the step ends the execution or has it go on.
    fn new_head(
        &self,
        name: &str,
        head: Head,
        news: &Record,
        outcome: Option<&Outcome>,
        now: Timestamp,
    ) -> Option<Effect> {
        let redriven = news.events.iter().find_map(|event| match event {
            Event::Redriven { redrives } => Some(*redrives),
            _ => None,
        });
        let was_running = head.status == Status::Running;
        let head = redriven.map_or_else(|| head.clone(), |redrives| head.clone().redriven(redrives));
        let head = match outcome {
            Some(outcome) => head.ended(outcome, now.as_millis()),
            None if redriven.is_some() && !was_running => head,
            None => return None,
        };
        Some(self.put(keys::head(&self.options.workflow, name), head.write(), None))
    }

    /// What the commands of a step become.
    fn relayed(&self, name: &str, made: Made, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for command in made.commands {
            match command {
                Command::StartTask(order) => effects.push(self.work(&Work::of(name, *order))),
                Command::StartMap(order) => effects.push(self.work(&Work {
                    execution: name.to_owned(),
                    task: order.task,
                    state: order.state.clone(),
                    resource: None,
                    input: order.input.clone(),
                    attempt: 0,
                    timeout: None,
                })),
                Command::SetTimer { timer, at } => {
                    let delay = Duration::from_millis(at.saturating_sub(now.as_millis()));
                    effects.push(self.timer(name, Event::TimerFired { timer }, delay));
                }
                // Its message comes, and means nothing then.
                Command::CancelTask(_) | Command::CancelTimer(_) => {}
                Command::End(_) => effects.push(self.timer(name, FORGET, self.options.retention)),
            }
        }
        effects
    }

    fn work(&self, work: &Work) -> Effect {
        let message = Message::new(MessageId::now(), work.write());
        Effect::QueueSend { queue: self.place.tasks.clone(), message, options: SendOptions::default() }
    }

    /// A message that becomes one of the inbox after a while. One that is due goes there at once.
    fn timer(&self, name: &str, event: Event, delay: Duration) -> Effect {
        if delay.is_zero() {
            return self.notice(name, event);
        }
        let body = Notice { execution: name.to_owned(), event }.write();
        let options = SendOptions { delay: Some(delay), ..SendOptions::default() };
        Effect::QueueSend { queue: self.place.timers.clone(), message: Message::new(MessageId::now(), body), options }
    }

    /// What a message of the timers becomes when its moment has come, to be committed with its end.
    ///
    /// # Errors
    /// What a read fails with.
    pub async fn fire(&self, notice: &Notice) -> Result<Vec<Effect>, ExecutionError> {
        match &notice.event {
            event if *event == FORGET => self.forget(&notice.execution).await,
            event => Ok(vec![self.notice(&notice.execution, event.clone())]),
        }
    }

    /// Removes an execution that has ended long enough ago: some records now, the rest the next time.
    async fn forget(&self, name: &str) -> Result<Vec<Effect>, ExecutionError> {
        let Some(head) = self.head(name).await? else { return Ok(Vec::new()) };
        let kept =
            Duration::from_millis(self.stores.now().as_millis().saturating_sub(head.stopped_at.unwrap_or(u64::MAX)));
        if head.status == Status::Running || kept < self.options.retention {
            // It goes on; its next end counts.
            return Ok(Vec::new());
        }
        let store = &self.place.store;
        let delete = |key: String| Effect::KvDelete { store: store.clone(), key, expect: None };
        let page =
            self.stores.kv().scan(store, &keys::journal(&self.options.workflow, name), None, FORGOTTEN_MAX).await?;
        let mut effects: Vec<_> = page.items.into_iter().map(|item| delete(item.key)).collect();
        match page.cursor {
            None => effects.push(delete(keys::head(&self.options.workflow, name))),
            Some(_) => effects.push(self.timer(name, FORGET, Duration::from_millis(1))),
        }
        Ok(effects)
    }
}

/// What the timers say of an execution that is to be forgotten. No timer has this number.
const FORGET: Event = Event::TimerFired { timer: crate::run::Ticket(u64::MAX) };
/// Most records that are removed at a time.
const FORGOTTEN_MAX: u32 = 500;

impl Record {
    /// Applies the one event of this record as that of this place in the record of this number.
    fn apply_as(self, run: &mut crate::run::Run, number: u64, index: usize, mut each: impl FnMut(Made)) {
        for event in self.events {
            let moment = crate::run::Moment { now: self.at, seed: super::read::seed(run, number, index) };
            each(run.apply(event, moment));
        }
    }
}
