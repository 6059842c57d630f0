//! Effects into tables: one commit of a group, in two steps.
//!
//! First every effect is looked at against the tables as the commits before it left them, and becomes a [`Step`]; if one
//! can't happen, the commit fails here and has touched nothing. Then all steps are taken. No key and no message comes twice
//! in a commit (`flint_stores::check` saw to it), so no step changes what another one was decided by; what the sends of one
//! commit share, its [`Plan`] knows.

mod blob;
mod kv;
mod queue;

use std::collections::{BTreeMap, BTreeSet};

use flint_model::{ContentId, QueueName, Timestamp};
use flint_stores::{Catalog, Commit, CommitError, Committed, Effect, Outcome, Version};

use crate::database::Failure;
use crate::table::blob::Usage;
use crate::table::queue::Count;
use crate::table::{self, Tables};
use queue::Plan;
pub(crate) use queue::Shift;

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
    /// A buffer for rows.
    row: Vec<u8>,
}

/// An effect that can happen, ready to be made.
enum Step<'a> {
    Kv(kv::Step<'a>),
    Queue(queue::Step<'a>),
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
        let (counts, usages, woken) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Self { tables, catalog, now, version, changed: false, number, counts, usages, woken, row: Vec::new() })
    }

    /// Applies a commit, or nothing of it if it can't happen.
    ///
    /// After a [`Failure`] the tables may hold a part of it: the whole transaction has to be given up.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<Result<Committed, CommitError>, Failure> {
        let decided = self.decide_all(commit);
        match settled(decided)? {
            Ok(steps) => Ok(Ok(self.take_all(steps)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn decide_all<'a>(&mut self, commit: &'a Commit) -> Result<(Vec<queue::Settling<'a>>, Vec<Step<'a>>), Halt> {
        let mut plan = Plan::default();
        let consumed = commit.consumed.iter().enumerate();
        let settlings =
            consumed.map(|(index, settle)| self.decide_settle(index, settle, &mut plan)).collect::<Result<_, _>>()?;
        let effects = commit.effects.iter().enumerate();
        let steps = effects.map(|(index, effect)| self.decide(index, effect, &mut plan)).collect::<Result<_, _>>()?;
        Ok((settlings, steps))
    }

    fn decide<'a>(&mut self, index: usize, effect: &'a Effect, plan: &mut Plan<'a>) -> Result<Step<'a>, Halt> {
        match effect {
            Effect::KvPut { store, key, value, expires_at, expect } => {
                Ok(Step::Kv(self.decide_put(index, (store, key), value, *expires_at, *expect)?))
            }
            Effect::KvDelete { store, key, expect } => {
                Ok(Step::Kv(self.decide_delete(index, (store, key), *expect)?))
            }
            Effect::KvIncrement { store, key, delta } => {
                Ok(Step::Kv(self.decide_increment(index, (store, key), *delta)?))
            }
            Effect::QueueSend { queue, message, options } => {
                Ok(Step::Queue(self.decide_send(queue, message, options, plan)?))
            }
            Effect::BlobLink { bucket, key, content, content_type, metadata, expect } => {
                let about = (content_type.as_deref(), metadata);
                Ok(Step::Blob(self.decide_link(index, (bucket, key), content, about, *expect)?))
            }
            Effect::BlobUnlink { bucket, key, expect } => {
                Ok(Step::Blob(self.decide_unlink(index, (bucket, key), *expect)?))
            }
            Effect::BlobCopy { from_bucket, from_key, from_expect, bucket, key, expect } => {
                let from = (from_bucket, from_key);
                Ok(Step::Blob(self.decide_copy(index, from, *from_expect, (bucket, key), *expect)?))
            }
        }
    }

    fn take_all(
        &mut self,
        (settlings, steps): (Vec<queue::Settling<'_>>, Vec<Step<'_>>),
    ) -> Result<Committed, Failure> {
        let version = self.version + 1;
        let writes_before = std::mem::take(&mut self.changed);
        settlings.into_iter().try_for_each(|settling| self.settle(settling))?;
        let outcomes = steps.into_iter().map(|step| self.take(step, version)).collect::<Result<_, _>>()?;
        if self.changed {
            self.version = version;
        }
        self.changed |= writes_before;
        Ok(Committed { version: self.version, outcomes })
    }

    fn take(&mut self, step: Step<'_>, version: Version) -> Result<Outcome, Failure> {
        match step {
            Step::Kv(step) => self.take_kv(step, version),
            Step::Queue(step) => self.take_send(step),
            Step::Blob(step) => self.take_blob(step, version),
        }
    }

    /// Removes up to `max` of what is over: entries, deduplication ids, messages that were kept too long. Answers how many.
    pub(crate) fn collect(&mut self, max: usize) -> Result<usize, Failure> {
        let mut count = self.collect_kv(max)?;
        count += self.collect_sent(max - count)?;
        count += self.collect_stale(max - count)?;
        Ok(count)
    }

    /// Writes down what the group came to.
    pub(crate) fn finish(mut self) -> Result<Finished, Failure> {
        if self.changed {
            self.tables.meta.insert(table::VERSION, self.version)?;
            self.tables.meta.insert(table::NUMBER, self.number)?;
            self.write_counts()?;
        }
        let released = self.write_usages()?;
        Ok(Finished { changed: self.changed, woken: self.woken, released })
    }
}
