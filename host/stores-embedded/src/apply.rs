//! Effects into tables: one commit of a group, in two steps.
//!
//! First every effect is looked at against the tables as the commits before it left them, and becomes a [`Step`]; if one
//! can't happen, the commit fails here and has touched nothing. Then all steps are taken. No key and no message comes twice
//! in a commit (`flint_stores::check` saw to it), so no step changes what another one was decided by; what the sends of one
//! commit share, its [`Plan`] knows.

mod backfill;
mod blob;
mod change;
mod derive;
mod kv;
mod queue;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use flint_model::{ContentId, MessageId, QueueName, StoreName, Timestamp};
use flint_stores::derive::Derived;
use flint_stores::kv::Position;
use flint_stores::{Catalog, Cause, Commit, CommitError, Committed, Effect, Outcome, Version};

use crate::database::Failure;
use crate::table::blob::Usage;
use crate::table::queue::Count;
use crate::table::{self, Tables};
use queue::Plan;
pub(crate) use queue::{END, Shift};

/// What a group of commits is applied with.
pub(crate) struct Apply<'tx> {
    tables: Tables<'tx>,
    catalog: &'tx Catalog,
    now: Timestamp,
    /// The version of the last commit, and whether it is of this group.
    version: Version,
    changed: bool,
    /// The number of the last message.
    number: u64,
    /// What the queues hold that were touched.
    counts: BTreeMap<QueueName, Count>,
    /// How many keys lead to the contents that were touched.
    usages: BTreeMap<ContentId, Usage>,
    /// The queues where messages came or became visible.
    woken: BTreeSet<QueueName>,
    /// How far the subscriptions have come that were looked up, by their keys.
    positions: BTreeMap<Vec<u8>, Position>,
    /// A buffer for rows.
    row: Vec<u8>,
}

/// An effect that can happen, and the messages that it causes.
struct Planned<'a> {
    step: Step<'a>,
    /// The key whose change somebody listens to.
    tells: Option<(&'a StoreName, &'a str)>,
    derived: Vec<Derived>,
}

/// An effect that can happen, ready to be made.
enum Step<'a> {
    Kv(kv::Step<'a>),
    Queue(queue::Step<'a>),
    /// Nothing but what it causes.
    Publish(MessageId),
    Record(record::Step<'a>),
    Blob(blob::Step<'a>),
}

/// What a group came to.
pub(crate) struct Finished {
    /// Whether there is anything to commit.
    pub(crate) changed: bool,
    /// The queues whose waiters are to be woken then.
    pub(crate) woken: BTreeSet<QueueName>,
    /// The files to which nothing leads then.
    pub(crate) released: Vec<ContentId>,
}

/// Why something does not happen.
pub(crate) enum Halt {
    /// The caller's affair: nothing was touched, and the group goes on.
    Refused(CommitError),
    /// The whole transaction has to be given up.
    Failed(Failure),
}

impl From<CommitError> for Halt {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

impl<E: Into<Failure>> From<E> for Halt {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

/// Tells the caller's affairs from a failure.
pub(crate) fn settled<T>(result: Result<T, Halt>) -> Result<Result<T, CommitError>, Failure> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Halt::Refused(error)) => Ok(Err(error)),
        Err(Halt::Failed(failure)) => Err(failure),
    }
}

impl<'tx> Apply<'tx> {
    pub(crate) fn new(tables: Tables<'tx>, catalog: &'tx Catalog, now: Timestamp) -> Result<Self, Failure> {
        let (version, number) = (tables.number(table::VERSION)?, tables.number(table::NUMBER)?);
        Ok(Self {
            tables,
            catalog,
            now,
            version,
            changed: false,
            number,
            counts: BTreeMap::new(),
            usages: BTreeMap::new(),
            woken: BTreeSet::new(),
            positions: BTreeMap::new(),
            row: Vec::new(),
        })
    }

    /// Applies a commit, or nothing of it if it can't happen.
    ///
    /// After a [`Failure`] the tables may hold a part of it: the whole transaction has to be given up.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<Result<Committed, CommitError>, Failure> {
        let decided = self.decide_all(commit);
        match settled(decided)? {
            Ok(steps) => Ok(Ok(self.take_all(steps, &commit.cause)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn decide_all<'a>(&mut self, commit: &'a Commit) -> Result<(Vec<queue::Settling<'a>>, Vec<Planned<'a>>), Halt> {
        let mut plan = Plan::default();
        let consumed = commit.consumed.iter().enumerate();
        let settlings =
            consumed.map(|(index, settle)| self.decide_settle(index, settle, &mut plan)).collect::<Result<_, _>>()?;
        let effects = commit.effects.iter().enumerate();
        let decide = |(index, effect)| self.decide(index, effect, &commit.cause, &mut plan);
        let steps = effects.map(decide).collect::<Result<_, _>>()?;
        Ok((settlings, steps))
    }

    fn decide<'a>(
        &mut self,
        index: usize,
        effect: &'a Effect,
        cause: &Cause,
        plan: &mut Plan<'a>,
    ) -> Result<Planned<'a>, Halt> {
        let step = match effect {
            Effect::KvPut { store, key, value, expires_at, expect } => {
                Step::Kv(self.decide_put(index, (store, key), value, *expires_at, *expect)?)
            }
            Effect::KvDelete { store, key, expect } => Step::Kv(self.decide_delete(index, (store, key), *expect)?),
            Effect::KvIncrement { store, key, delta, expect } => {
                Step::Kv(self.decide_increment(index, (store, key), *delta, *expect)?)
            }
            Effect::KvCheck { store, key, expect } => Step::Kv(self.decide_check(index, (store, key), *expect)?),
            Effect::QueueSend { queue, message, options } => {
                Step::Queue(self.decide_send(queue, message, options, plan)?)
            }
            Effect::TopicPublish { topic, message } => return self.decide_publish(topic, message, cause, plan),
            Effect::ScheduleTick { schedule, seen, expect } => {
                Step::Record(self.decide_tick(index, schedule, *seen, *expect)?)
            }
            Effect::InvocationPut { id, invocation } => Step::Record(self.decide_invocation(*id, invocation)?),
            Effect::BlobLink { bucket, key, content, content_type, metadata, expect } => {
                let about = (content_type.as_deref(), metadata);
                Step::Blob(self.decide_link(index, (bucket, key), content, about, *expect)?)
            }
            Effect::BlobUnlink { bucket, key, expect } => {
                Step::Blob(self.decide_unlink(index, (bucket, key), *expect)?)
            }
            Effect::BlobCopy { from_bucket, from_key, from_expect, bucket, key, expect } => {
                let from = (from_bucket, from_key);
                Step::Blob(self.decide_copy(index, from, *from_expect, (bucket, key), *expect)?)
            }
        };
        let derived = match (&step, effect.blob()) {
            (Step::Blob(step), Some(blob)) => self.decide_event(blob, step, cause, plan)?,
            _ => Vec::new(),
        };
        let tells = match (&step, effect.key()) {
            (Step::Kv(step), Some(key)) if !step.is_nothing() => {
                let version = self.version + 1;
                self.decide_change(key, || step.leaves(version), cause, plan)?.then_some(key)
            }
            _ => None,
        };
        Ok(Planned { step, tells, derived })
    }

    fn take_all(
        &mut self,
        (settlings, steps): (Vec<queue::Settling<'_>>, Vec<Planned<'_>>),
        cause: &Cause,
    ) -> Result<Committed, Failure> {
        let version = self.version + 1;
        let writes_before = std::mem::take(&mut self.changed);
        settlings.into_iter().try_for_each(|settling| self.settle(settling))?;
        let outcomes = steps.into_iter().map(|step| self.take(step, version, cause)).collect::<Result<_, _>>()?;
        if self.changed {
            self.version = version;
        }
        self.changed |= writes_before;
        Ok(Committed { version: self.version, outcomes })
    }

    fn take(&mut self, planned: Planned<'_>, version: Version, cause: &Cause) -> Result<Outcome, Failure> {
        let Planned { step, tells, derived } = planned;
        let derived = match (&step, tells) {
            (Step::Kv(step), Some(key)) => self.derive_write(key, step.leaves(version), cause)?,
            _ => derived,
        };
        let outcome = match step {
            Step::Kv(step) => self.take_kv(step, version)?,
            Step::Queue(step) => self.take_send(step)?,
            Step::Publish(id) => Outcome::TopicPublish { id },
            Step::Record(step) => self.take_record(step)?,
            Step::Blob(step) => self.take_blob(step, version)?,
        };
        derived.iter().try_for_each(|derived| self.deliver(derived))?;
        Ok(outcome)
    }

    /// Removes up to `max` of what is over: entries, deduplication ids, invocations, messages that were kept too
    /// long. Answers whether there may be more.
    pub(crate) fn collect(&mut self, max: usize) -> Result<bool, Failure> {
        let mut count = self.collect_kv(max)?;
        count += self.collect_sent(max - count)?;
        count += self.collect_invocations(max - count)?;
        Ok(count >= max || self.collect_stale(max - count)?)
    }

    /// The queues whose waiters are to be woken, as far as the group has come.
    pub(crate) fn woken(&self) -> &BTreeSet<QueueName> {
        &self.woken
    }

    /// Writes down what the group came to.
    pub(crate) fn finish(mut self) -> Result<Finished, Failure> {
        if self.changed {
            self.tables.meta.insert(table::VERSION, self.version)?;
            self.tables.meta.insert(table::NUMBER, self.number)?;
            let groups = self.tables.number(table::GROUPS)? + 1;
            self.tables.meta.insert(table::GROUPS, groups)?;
            self.tables.meta.insert(table::TIME, self.now.as_millis())?;
            self.write_counts()?;
        }
        let released = self.write_usages()?;
        Ok(Finished { changed: self.changed, woken: self.woken, released })
    }
}
