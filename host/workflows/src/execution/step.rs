//! A step of an execution: events out of its inbox, effects for one commit.

use super::cache::Cached;
use super::read::{self, Record};
use super::{Alarm, ExecutionError, Executions, Head, Notice, Status, Work, keys};
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
        let Some(Cached { mut run, records, head }) = self.current(name).await? else { return Ok(Vec::new()) };
        let now = self.stores.now();
        let mut news = Record { at: now.as_millis(), events: Vec::new() };
        let mut effects = Vec::new();
        for event in events {
            let made = read::apply(&mut run, records, news.events.len(), news.at, event.clone());
            // Only what means something is in the journal.
            if made.is_news {
                news.events.push(event);
                effects.extend(self.relayed((name, &head), made, now));
            }
        }
        if news.events.is_empty() {
            self.cache.keep(name, Cached { run, records, head });
            return Ok(effects);
        }
        let key = keys::record(&self.options.workflow, name, records);
        effects.push(self.put(key, news.write(), Some(Expectation::Absent)));
        let head = match changed(&head, &news, run.outcome()) {
            Some(changed) => {
                effects.push(self.put(keys::head(&self.options.workflow, name), changed.write(), None));
                changed
            }
            None => head,
        };
        if run.outcome().is_none() {
            self.cache.keep(name, Cached { run, records: records + 1, head });
        }
        Ok(effects)
    }

    /// An execution's run as the journal has it now: the one that is kept, if what it has seen is what there is.
    async fn current(&self, name: &str) -> Result<Option<Cached>, ExecutionError> {
        if let Some(cached) = self.cache.take(name) {
            let key = |number| keys::record(&self.options.workflow, name, number);
            let kv = self.stores.kv();
            let has_last = match cached.records {
                0 => true,
                records => kv.exists(&self.place.store, &key(records - 1)).await?,
            };
            if has_last && !kv.exists(&self.place.store, &key(cached.records)).await? {
                return Ok(Some(cached));
            }
        }
        self.load(name).await
    }

    /// What the commands of a step become.
    fn relayed(&self, (name, head): (&str, &Head), made: Made, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for command in made.commands {
            match command {
                Command::StartTask(order) => effects.push(self.work(head, &Work::of(name, *order))),
                Command::StartMap(order) => {
                    let work = Work {
                        execution: name.to_owned(),
                        task: order.task,
                        state: order.state.clone(),
                        resource: None,
                        input: order.input.clone(),
                        attempt: 0,
                        timeout: None,
                    };
                    effects.push(self.work(head, &work));
                }
                Command::SetTimer { timer, at } => {
                    let delay = Duration::from_millis(at.saturating_sub(now.as_millis()));
                    effects.push(self.tell_after(name, Event::TimerFired { timer }, delay));
                }
                // Its message comes, and means nothing then.
                Command::CancelTask(_) | Command::CancelTimer(_) => {}
                Command::End(_) => effects.push(self.alarm(&Alarm::Forget(name.to_owned()), self.options.retention)),
            }
        }
        effects
    }

    fn work(&self, head: &Head, work: &Work) -> Effect {
        let message = head.origin.message(work.write());
        Effect::QueueSend { queue: self.place.tasks.clone(), message, options: SendOptions::default() }
    }

    /// Has an execution told after a while; what is due goes to its inbox at once.
    fn tell_after(&self, name: &str, event: Event, delay: Duration) -> Effect {
        if delay.is_zero() {
            return self.notice(name, event);
        }
        self.alarm(&Alarm::Tell(Notice { execution: name.to_owned(), event }), delay)
    }

    fn alarm(&self, alarm: &Alarm, delay: Duration) -> Effect {
        let options = SendOptions { delay: Some(delay), ..SendOptions::default() };
        let message = Message::new(MessageId::now(), alarm.write());
        Effect::QueueSend { queue: self.place.timers.clone(), message, options }
    }

    /// What a message of the timers becomes when its moment has come, to be committed with its end.
    ///
    /// # Errors
    /// What a read fails with.
    pub async fn fire(&self, alarm: Alarm) -> Result<Vec<Effect>, ExecutionError> {
        match alarm {
            Alarm::Tell(Notice { execution, event }) => Ok(vec![self.notice(&execution, event)]),
            Alarm::Forget(name) => self.forget(&name).await,
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
            Some(_) => effects.push(self.alarm(&Alarm::Forget(name.to_owned()), Duration::from_millis(1))),
        }
        Ok(effects)
    }
}

/// Most records that are removed at a time.
const FORGOTTEN_MAX: u32 = 500;

/// The head, if the step ends the execution or has it go on.
fn changed(head: &Head, news: &Record, outcome: Option<&Outcome>) -> Option<Head> {
    let redriven = news.events.iter().find_map(|event| match event {
        Event::Redriven { redrives } => Some(head.clone().redriven(*redrives)),
        _ => None,
    });
    match outcome {
        Some(outcome) => Some(redriven.unwrap_or_else(|| head.clone()).ended(outcome, news.at)),
        None => redriven,
    }
}
