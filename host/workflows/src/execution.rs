//! Standard executions: each is a journal of events that is written through the one commit.
//!
//! ```text
//!  start, callback, stop ─→ inbox (FIFO, a group an execution) ─→ step: journal record + commands, one commit
//!                             ↑                    ↑                        │                │
//!                          timers (delayed)  tasks (standard) ←──────────────┴────────────────┘
//! ```
//!
//! A step takes the messages of one execution that the inbox holds, applies their events, and answers effects: the journal's
//! next record, which must not be there yet, and the messages that the commands become. They are committed together with
//! the end of the messages, so a step happens once or not at all. A run is kept in memory with the number of its records; who
//! finds another number makes it anew by replaying the journal.
//!
//! Depends on: stores. *Absent:* who takes messages out of queues (the message door), and who does tasks (the binary).

mod cache;
mod child;
mod head;
mod keys;
mod map;
mod mark;
mod message;
mod origin;
mod read;
mod step;
mod within;

#[cfg(test)]
mod tests;

use crate::arn;
use crate::aside::Aside;
use crate::definition::Machine;
use crate::failure::Failure;
use crate::run::{Event, Limits, Outcome, Run, Ticket};
use crate::size;
use crate::source::{self, Located};
use crate::token::Token;
use cache::Cache;
use flint_model::{MessageId, QueueName, StoreName};
use flint_stores::{Commit, CommitError, Effect, Expectation, Message, ReadError, SendOptions, Stores};
use map::Mapping;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use head::{Head, Parent, Status};
pub use keys::{NAME_MAX, is_name};
pub use map::MapEvent;
pub use message::{Alarm, Job, News, Notice, Work};
pub use origin::Origin;
use read::Cached;
pub use read::{Described, History, Listed};
pub use step::{STEP_MAX, Stepped};
pub use within::Within;

/// Most map runs that are kept in memory between their steps, each with all its items.
const MAPS_CACHED: usize = 8;

/// Where the executions of a workflow are kept.
#[derive(Clone, Debug)]
pub struct Place {
    /// The store of journals and heads.
    pub store: StoreName,
    /// Events on their way to executions: a FIFO queue whose groups are executions.
    pub inbox: QueueName,
    /// Tasks that are to be done: a standard queue.
    pub tasks: QueueName,
    /// Moments that are waited for: a standard queue that takes any delay.
    pub timers: QueueName,
}

/// How a workflow's executions are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The workflow's name.
    pub workflow: String,
    /// What each of them may do.
    pub limits: Limits,
    /// How long one is kept after its end.
    pub retention: Duration,
    /// Most runs that are kept in memory between their steps.
    pub cached_max: usize,
    /// Whether they run in memory, and nothing of them is kept: a start is a job that runs one to its end then.
    pub is_express: bool,
    /// Where steps and replays are made that may take long.
    pub aside: Aside,
}

/// The executions of a workflow.
pub struct Executions {
    stores: Arc<dyn Stores>,
    place: Place,
    options: Options,
    machine: Arc<Machine>,
    text: Arc<str>,
    /// The definition's hash, by which executions find the one that they were started with.
    hash: String,
    is_stored: AtomicBool,
    runs: Cache<Cached>,
    maps: Cache<Mapping>,
}

/// An execution that was started, or was there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its ARN.
    pub id: String,
    /// Whether this call started it.
    pub is_new: bool,
}

/// An execution that is to be started with a commit, or is there already.
#[derive(Clone, Debug, PartialEq)]
pub struct Beginning {
    /// Its ARN.
    pub id: String,
    /// What starts it; nothing if it is there. Where these are a conflict, somebody else has started one of this name meanwhile.
    pub effects: Vec<Effect>,
}

/// Why executions can't be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// There is an execution of this name with another input. A retry can't help.
    #[error("there is an execution `{name}` already, with another input")]
    Exists {
        /// Its name.
        name: String,
    },
    /// There is no such execution. A retry can't help.
    #[error("there is no execution `{name}`")]
    Missing {
        /// What was asked for.
        name: String,
    },
    /// The execution is not in the state that this wants. A retry can't help.
    #[error("the execution `{name}` is {status}")]
    Ended {
        /// Its name.
        name: String,
        /// As AWS names it.
        status: &'static str,
    },
    /// A name breaks a rule. A retry can't help.
    #[error("`{name}` can't be the name of an execution: it has 1 to {NAME_MAX} letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name.
        name: String,
    },
    /// Of an express workflow: nobody is told when its executions end. A retry can't help.
    #[error("the workflow `{workflow}` is an express one, for whose executions no task can wait (`.sync`)")]
    Express {
        /// The workflow.
        workflow: String,
    },
    /// The input is too large. A retry can't help.
    #[error("the input {}", size::excess(*size, *max))]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// What the store holds can't be understood: a defect, or damage.
    #[error("the journal of `{name}` can't be read: {reason}")]
    Corrupt {
        /// The execution's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The store refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Executions {
    /// The executions of the workflow that this definition describes.
    ///
    /// # Errors
    /// The definition's mistakes.
    pub fn new(
        stores: Arc<dyn Stores>,
        place: Place,
        options: Options,
        definition: &str,
    ) -> Result<Self, Vec<Located>> {
        let machine = Arc::new(source::load(definition)?);
        let hash = const_hex::encode(&Sha256::digest(definition)[..16]);
        let (runs, maps) = (Cache::new(options.cached_max), Cache::new(MAPS_CACHED));
        let (text, is_stored) = (Arc::from(definition), AtomicBool::new(false));
        Ok(Self { stores, place, options, machine, text, hash, is_stored, runs, maps })
    }

    /// Starts an execution, durably: when this answers, it will run whatever happens.
    ///
    /// The name makes it idempotent: a second call with the same input answers the execution that is there. The seed is a
    /// random one: what is random in the execution follows from it, the tokens of its tasks too.
    ///
    /// # Errors
    /// [`ExecutionError`].
    pub async fn start(&self, name: &str, input: Value, seed: u64) -> Result<Started, ExecutionError> {
        let head = self.new_head(name, input, seed)?;
        match self.stores.commit(Commit::new(self.begin(name, &head).await?)).await {
            Ok(_) => Ok(Started { id: self.id(name), is_new: true }),
            Err(CommitError::Conflict { .. }) => {
                let there = self.within(&*self.stores).there(name, &head).await?;
                let Beginning { id, .. } = there.ok_or_else(|| exists(name))?;
                Ok(Started { id, is_new: false })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What starts an execution, for whoever commits it with something else. As [`Executions::start`] otherwise.
    ///
    /// # Errors
    /// [`ExecutionError`].
    pub async fn beginning(
        &self,
        name: &str,
        input: Value,
        seed: u64,
        origin: Origin,
    ) -> Result<Beginning, ExecutionError> {
        self.within(&*self.stores).beginning(name, input, seed, origin).await
    }

    fn new_head(&self, name: &str, input: Value, seed: u64) -> Result<Head, ExecutionError> {
        keys::check_name(name)?;
        let (size, max) = (size::of(&input), self.options.limits.payload_max);
        if size > max {
            return Err(ExecutionError::TooLarge { size, max });
        }
        Ok(Head::new(self.hash.clone(), input, seed, self.stores.now().as_millis()))
    }

    /// An execution that somebody runs in memory ([`crate::express`]), and of which nothing is kept.
    ///
    /// # Errors
    /// [`ExecutionError::Name`], [`ExecutionError::TooLarge`].
    pub fn in_memory(&self, name: &str, input: Value, seed: u64) -> Result<Run, ExecutionError> {
        let head = self.new_head(name, input, seed)?;
        let limits = Limits { events_max: None, ..self.options.limits };
        Ok(Run::new(self.machine.clone(), self.about(name, &head), limits, false))
    }

    /// Makes durable what a task of an execution in memory changes.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit(&self, effects: Vec<Effect>) -> Result<(), CommitError> {
        self.stores.commit(Commit::new(effects)).await.map(drop)
    }

    /// Where what may take long is done.
    #[must_use]
    pub fn aside(&self) -> &Aside {
        &self.options.aside
    }

    /// Where they are kept.
    #[must_use]
    pub fn stores(&self) -> &dyn Stores {
        &*self.stores
    }

    /// The workflow's name.
    #[must_use]
    pub fn workflow(&self) -> &str {
        &self.options.workflow
    }

    async fn begin(&self, name: &str, head: &Head) -> Result<Vec<Effect>, ExecutionError> {
        if self.options.is_express {
            return Ok(vec![self.job(&head.origin, &Job::Run { name: name.to_owned(), input: head.input.clone() })]);
        }
        let mut effects = vec![
            self.put(keys::head(&self.options.workflow, name), head.write(), Some(Expectation::Absent)),
            self.notice(name, head.seed, News::Execution(Event::Started)),
        ];
        if !self.is_stored.load(Ordering::Relaxed) {
            let key = keys::definition(&self.options.workflow, &self.hash);
            match self.stores.kv().exists(&self.place.store, &key).await? {
                true => self.is_stored.store(true, Ordering::Relaxed),
                false => effects.push(self.put(key, self.text.as_bytes().to_vec(), None)),
            }
        }
        Ok(effects)
    }

    /// Tells a task's end, or that it is worked on, by its token; who waits for it no more is told in vain.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`] if the token is of none of these executions, or of one that has ended.
    pub async fn tell(&self, token: &str, event: impl FnOnce(Ticket) -> Event) -> Result<(), ExecutionError> {
        let effect = self.telling(token, event).await?;
        self.stores.commit(effect.into()).await?;
        Ok(())
    }

    /// What tells a task's end, for whoever commits it with something else. As [`Executions::tell`] otherwise.
    ///
    /// # Errors
    /// As [`Executions::tell`].
    pub async fn telling(&self, token: &str, event: impl FnOnce(Ticket) -> Event) -> Result<Effect, ExecutionError> {
        self.within(&*self.stores).telling(token, event).await
    }

    /// Stops an execution.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], [`ExecutionError::Ended`].
    pub async fn stop(&self, name: &str, failure: Failure) -> Result<(), ExecutionError> {
        let effect = self.stopping(name, failure).await?;
        self.stores.commit(effect.into()).await?;
        Ok(())
    }

    /// What stops an execution, for whoever commits it with something else.
    ///
    /// # Errors
    /// As [`Executions::stop`].
    pub async fn stopping(&self, name: &str, failure: Failure) -> Result<Effect, ExecutionError> {
        self.within(&*self.stores).stopping(name, failure).await
    }

    /// Goes on with an execution that did not succeed, from where it failed. It runs when this answers, and for any other
    /// redrive.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], [`ExecutionError::Ended`] if it runs or has succeeded, and [`ExecutionError::Corrupt`] if
    /// its journal does not lead to where it ended.
    pub async fn redrive(&self, name: &str) -> Result<(), ExecutionError> {
        let key = keys::head(&self.options.workflow, name);
        loop {
            let missing = || ExecutionError::Missing { name: name.to_owned() };
            let (head, is_same) = self.versioned_head(name).await?.ok_or_else(missing)?;
            let Cached { run, head, .. } = self.load(name, head).await?;
            match (head.status, run.outcome()) {
                (status @ (Status::Running | Status::Succeeded), _) => {
                    return Err(ExecutionError::Ended { name: name.to_owned(), status: status.name() });
                }
                (_, None | Some(Outcome::Succeeded(_))) => {
                    return Err(read::corrupt(name, "it does not lead to where the execution ended".to_owned()));
                }
                _ => {}
            }
            let (redrives, seed) = (head.redrives + 1, head.seed);
            let effects = vec![
                self.put(key.clone(), head.redriven(redrives).write(), Some(is_same)),
                self.notice(name, seed, News::Execution(Event::Redriven { redrives })),
            ];
            match self.stores.commit(Commit::new(effects)).await {
                // It was redriven or forgotten meanwhile.
                Err(CommitError::Conflict { .. }) => {}
                done => return Ok(done.map(drop)?),
            }
        }
    }

    /// The ARN of an execution.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        arn::execution(&self.options.workflow, name)
    }

    /// The name of the execution that this ARN, or this name itself, means; none if the ARN is of another workflow.
    #[must_use]
    pub fn name_of<'i>(&self, id: &'i str) -> Option<&'i str> {
        if !id.starts_with("arn:") {
            return Some(id);
        }
        id.strip_prefix(&self.id(""))
    }

    /// The token of a task, with which its end is told; none if its execution is not there any more.
    ///
    /// # Errors
    /// What a read fails with.
    pub async fn token(&self, work: &Work) -> Result<Option<String>, ExecutionError> {
        let head = self.head(&work.execution).await?;
        let head = head.filter(|head| work.seed.is_none_or(|seed| seed == head.seed));
        Ok(head.map(|head| Token::of(&self.id(&work.execution), head.seed, work.task.0).write()))
    }

    /// What a service answered to a task, as a message to its execution, to be committed with the end of the task's own
    /// message. Of a state that goes on when somebody tells the end, it is only that the service has taken it; of an activity,
    /// nothing: a worker tells when it has.
    #[must_use]
    pub fn answered(&self, work: &Work, result: Result<Value, Failure>) -> Option<Effect> {
        let task = work.task;
        let event = match result {
            Ok(_) if work.is_of_activity() => return None,
            Ok(output) if work.waits() => Event::TaskSubmitted { task, output },
            result => Event::TaskEnded { task, result },
        };
        Some(notice(self.place.inbox.clone(), &work.execution, work.seed, News::Execution(event)))
    }

    /// A message that tells the execution, or the map run, of this name and this seed what happened.
    fn notice(&self, to: &str, seed: u64, news: News) -> Effect {
        notice(self.place.inbox.clone(), to, Some(seed), news)
    }

    fn put(&self, key: String, value: Vec<u8>, expect: Option<Expectation>) -> Effect {
        Effect::KvPut { store: self.place.store.clone(), key, value: value.into(), expires_at: None, expect }
    }
}

/// The workflow that an execution is of, and the execution's name, by its ARN; none if that is the ARN of none, and whether
/// or not there is such an execution.
#[must_use]
pub fn of_id(id: &str) -> Option<(&str, &str)> {
    arn::read_execution(id)
}

fn exists(name: &str) -> ExecutionError {
    ExecutionError::Exists { name: name.to_owned() }
}

/// A message to an inbox.
fn notice(inbox: QueueName, to: &str, seed: Option<u64>, news: News) -> Effect {
    let body = Notice { to: to.to_owned(), seed, news }.write();
    let message = Message { group: Some(to.to_owned()), ..Message::new(MessageId::now(), body) };
    Effect::QueueSend { queue: inbox, message, options: SendOptions::default() }
}
