//! A step of an execution: events out of its inbox, effects for one commit.

use super::read::{Cached, Moments, Record};
use super::{Alarm, ExecutionError, Executions, Head, Job, News, Notice, Origin, Parent, Status, Work, keys, notice};
use crate::run::{Command, Event, Made, Outcome};
use flint_model::{MessageId, Timestamp};
use flint_stores::{Effect, Expectation, Message, SendOptions};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a step takes more on, and waits until it may begin. What it has taken on, it does.
pub const STEP_MAX: Duration = Duration::from_secs(5);

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stepped {
    /// What is to be committed with the end of the messages that were applied.
    pub effects: Vec<Effect>,
    /// How many of the last messages were not applied, for want of time: they are to come again.
    pub left: usize,
}

impl Executions {
    /// Applies what happened to an execution or a map run, in its order, and answers what is to be committed with the end of the
    /// messages that told it. After [`STEP_MAX`] it leaves the rest.
    ///
    /// What nobody waits for, and what is told to an execution that is not there, has no effects. Dropping the future, or not
    /// committing what it answers, changes nothing.
    ///
    /// # Errors
    /// What a read fails with, or [`ExecutionError::Corrupt`].
    pub async fn step(&self, to: &str, notices: Vec<Notice>) -> Result<Stepped, ExecutionError> {
        let (mut events, mut of_map) = (Vec::new(), Vec::new());
        for Notice { seed, news, .. } in notices {
            match news {
                News::Execution(event) => events.push((seed, event)),
                News::Map(event) => of_map.push((seed, event)),
            }
        }
        // A name is that of one or of the other.
        match of_map.is_empty() {
            true => self.run_step(to, events).await,
            false => Ok(Stepped { effects: self.map_step(to, of_map).await?, left: 0 }),
        }
    }

    async fn run_step(&self, name: &str, events: Vec<(Option<u64>, Event)>) -> Result<Stepped, ExecutionError> {
        let (began, mut left) = (Instant::now(), events.len());
        let goes_on = events.iter().any(|(_, event)| matches!(event, Event::Redriven { .. }));
        let Some(cached) = self.current(name, goes_on).await? else { return Ok(Stepped::default()) };
        let Cached { mut run, seen, head } = cached;
        let (now, is_long) = (self.stores.now(), run.machine().is_long);
        let mut news = Record { at: now.as_millis(), events: Vec::new(), decided: BTreeMap::new() };
        let mut effects = Vec::new();
        let mut moments = Moments::of(&run, seen.records, news.at);
        for (seed, event) in events {
            // What is left of an earlier one of the name means another.
            if seed.is_some_and(|seed| seed != head.seed) {
                left -= 1;
                continue;
            }
            // If it was long until the run was there, it is kept for whoever is told the same again.
            if began.elapsed() > STEP_MAX {
                break;
            }
            let place = news.events.len();
            let moment = moments.next(&run);
            let apply = || run.apply(event.clone(), moment);
            let Some(mut made) = self.options.aside.run_soon(is_long, STEP_MAX, apply).await else { break };
            moments.applied(&made);
            left -= 1;
            // Only what means something is in the journal.
            if made.is_news {
                news.events.push(event);
                let decided = std::mem::take(&mut made.decided);
                news.decided.extend((!decided.is_nothing()).then_some((place, decided)));
                effects.extend(self.relayed(name, &head, made, now).await?);
            }
        }
        if news.events.is_empty() {
            self.runs.keep(name, Cached { run, seen, head });
            return Ok(Stepped { effects, left });
        }
        let (key, record) = (keys::record(&self.options.workflow, name, seen.records), news.write());
        let seen = seen.and(&record);
        effects.push(self.put(key, record, Some(Expectation::Absent)));
        let head = match changed(&head, &news, run.outcome()) {
            Some(changed) => {
                effects.push(self.put(keys::head(&self.options.workflow, name), changed.write(), None));
                changed
            }
            None => head,
        };
        match run.outcome() {
            Some(_) => effects.extend(self.to_parent(name, &head)),
            None => self.runs.keep(name, Cached { run, seen, head }),
        }
        Ok(Stepped { effects, left })
    }

    /// An execution's run as the journal has it now: the one that is kept, if what it has seen is what there is. None if there is
    /// no such execution, or it has ended and does not go on: what comes late means nothing to it.
    async fn current(&self, name: &str, goes_on: bool) -> Result<Option<Cached>, ExecutionError> {
        if let Some(cached) = self.runs.take(name)
            && self.has_seen_all(name, cached.seen).await?
        {
            return Ok(Some(cached));
        }
        match self.head(name).await? {
            Some(head) if goes_on || head.status == Status::Running => self.load(name, head).await.map(Some),
            _ => Ok(None),
        }
    }

    /// What the commands of a step become.
    async fn relayed(
        &self,
        name: &str,
        head: &Head,
        made: Made,
        now: Timestamp,
    ) -> Result<Vec<Effect>, ExecutionError> {
        let mut effects = Vec::new();
        for command in made.commands {
            match command {
                Command::StartTask(order) => {
                    effects.push(self.job(&head.origin, &Job::Task(Work::of(name, head.seed, *order))));
                }
                Command::StartMap(order) => {
                    let (execution, seed) = (name.to_owned(), Some(head.seed));
                    effects.push(self.job(&head.origin, &Job::ReadItems { execution, seed, order }));
                }
                Command::SetTimer { timer, at } => {
                    let delay = Duration::from_millis(at.saturating_sub(now.as_millis()));
                    let news = News::Execution(Event::TimerFired { timer });
                    effects.push(self.tell_after(name, head.seed, news, delay));
                }
                Command::CancelTask(task) => effects.extend(self.cancel(name, task).await?),
                // Its message comes, and means nothing then.
                Command::CancelTimer(_) => {}
                // What an item leaves goes with the execution that it belongs to.
                Command::End(_) if matches!(head.parent, Some(Parent::Map { .. })) => {}
                Command::End(_) => {
                    effects.push(self.alarm(&Alarm::Forget(name.to_owned()), self.options.retention.max(KEPT_MIN)));
                }
            }
        }
        Ok(effects)
    }

    /// A message that has something done for what came of this.
    pub(super) fn job(&self, origin: &Origin, job: &Job) -> Effect {
        let message = origin.message(job.write());
        Effect::QueueSend { queue: self.place.tasks.clone(), message, options: SendOptions::default() }
    }

    /// Has an execution told after a while; what is due goes to its inbox at once.
    fn tell_after(&self, name: &str, seed: u64, news: News, delay: Duration) -> Effect {
        if delay.is_zero() {
            return self.notice(name, seed, news);
        }
        self.alarm(&Alarm::Tell(Notice { to: name.to_owned(), seed: Some(seed), news }), delay)
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
            Alarm::Tell(Notice { to, seed, news }) => Ok(vec![notice(self.place.inbox.clone(), &to, seed, news)]),
            Alarm::Forget(name) => self.forget(&name).await,
        }
    }

    /// Removes an execution that has ended long enough ago: some records now, the rest the next time.
    async fn forget(&self, name: &str) -> Result<Vec<Effect>, ExecutionError> {
        // Whoever redrives it meanwhile keeps it.
        let Some((head, expect)) = self.versioned_head(name).await? else { return Ok(Vec::new()) };
        let (store, key) = (&self.place.store, keys::head(&self.options.workflow, name));
        let kept =
            Duration::from_millis(self.stores.now().as_millis().saturating_sub(head.stopped_at.unwrap_or(u64::MAX)));
        if head.status == Status::Running || kept < self.options.retention.max(KEPT_MIN) {
            // It goes on; its next end counts.
            return Ok(Vec::new());
        }
        let delete = |key: String| Effect::KvDelete { store: store.clone(), key, expect: None };
        let mut effects = Vec::new();
        for prefix in keys::remains(&self.options.workflow, name) {
            let page = self.stores.kv().scan(store, &prefix, None, FORGOTTEN_MAX).await?;
            effects.extend(page.items.into_iter().map(|item| delete(item.key)));
            if page.cursor.is_some() {
                effects.push(self.alarm(&Alarm::Forget(name.to_owned()), Duration::from_millis(1)));
                effects.push(Effect::KvCheck { store: store.clone(), key, expect });
                return Ok(effects);
            }
        }
        effects.push(Effect::KvDelete { store: store.clone(), key, expect: Some(expect) });
        Ok(effects)
    }
}

/// How long an execution is kept at least: whoever waits for its end looks at it then.
const KEPT_MIN: Duration = Duration::from_secs(10);
/// Most records that are removed at a time.
const FORGOTTEN_MAX: u32 = 500;

/// The head, if the step ends the execution or has it go on.
fn changed(head: &Head, news: &Record, outcome: Option<&Outcome>) -> Option<Head> {
    let redriven = news.events.iter().rev().find_map(|event| match event {
        Event::Redriven { redrives } => Some(head.clone().redriven(*redrives)),
        _ => None,
    });
    match outcome {
        Some(outcome) => Some(redriven.unwrap_or_else(|| head.clone()).ended(outcome, news.at)),
        None => redriven,
    }
}
