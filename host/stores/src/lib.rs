//! What durable means: the traits of a store engine, the effects that change it, and the one commit.
//!
//! Everything durable is changed by [`Stores::commit`], which takes [`Effect`]s as plain values and makes all of them
//! durable or none. Everything else goes through one trait a capability: [`Kv`], [`Queues`], [`Blobs`],
//! [`Schedules`], [`Invocations`]. The rules that every engine has to keep are pure functions of this crate ([`check`], [`mod@derive`],
//! [`Expectation::is_met`], [`kv::sum`], [`cursor`]), and the feature `conformance` holds the suite that takes any engine.
//!
//! [`Transaction`] is stores whose changes are held back, to be committed with what caused them.
//!
//! Depends on: model. Deliberately absent: redb, files, WebAssembly, HTTP, and grants, which are checked before a call
//! comes here.

pub mod blob;
pub mod catalog;
pub mod check;
pub mod commit;
pub mod cursor;
pub mod derive;
pub mod effect;
pub mod idempotency;
pub mod invoke;
pub mod kv;
pub mod overlay;
pub mod queue;
pub mod refusal;
pub mod schedule;
pub mod topic;
pub mod transaction;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use blob::{
    Blob, BlobEvent, BlobEvents, BlobExpectation, BlobInfo, BlobSubscription, Blobs, Body, BucketRules, Content,
    ContentWriter, Etag, Linked, ListPage, Listing, Range, WriteError,
};
use flint_model::Timestamp;

pub use catalog::Catalog;
pub use commit::{Cause, Commit, CommitError, Committed, Outcome};
pub use effect::{Effect, Expectation};
pub use flint_model::filter;
pub use futures::future::BoxFuture;
pub use invoke::{Invocation, InvocationState, Invocations};
pub use kv::{Backfill, Change, Entry, Item, Kv, KvLimits, Page, ReadError, Version};
pub use overlay::Overlay;
pub use queue::{
    Attribute, Company, Death, Delivery, Depth, Message, Order, Peeked, QueueRules, Queues, Receipt, Receive, Received,
    Receives, SendOptions, Settle, Source, Stored, Verdict,
};
pub use refusal::{Invalid, Missing, TooLarge, Unavailable, What};
pub use schedule::Schedules;
pub use topic::{Subscription, TopicRules};
pub use transaction::Transaction;

/// A store engine: one door for writes, one trait a capability for the rest.
///
/// Whoever holds it may call it from any number of tasks.
pub trait Stores: Send + Sync + 'static {
    /// The read side of the key-value stores.
    fn kv(&self) -> &dyn Kv;

    /// The side of the queues that receives.
    fn queues(&self) -> &dyn Queues;

    /// The blobs: reading them, and writing their content.
    fn blobs(&self) -> &dyn Blobs;

    /// Says whether a commit keeps the rules that hold whatever the stores hold ([`check::commit`]), and makes nothing.
    ///
    /// # Errors
    /// [`CommitError::NoSuch`], [`CommitError::TooLarge`], [`CommitError::Invalid`].
    fn check(&self, commit: &Commit) -> Result<(), CommitError>;

    /// The time that entries, leases and delays go by.
    fn now(&self) -> Timestamp;

    /// How far schedules have come.
    fn schedules(&self) -> &dyn Schedules;

    /// What became of asynchronous invocations.
    fn invocations(&self) -> &dyn Invocations;

    /// Makes all the effects of a commit durable, or none of them.
    ///
    /// When it answers `Ok`, the effects have reached stable storage: they survive the end of the process and of the
    /// machine, and every read that starts from now on sees them. Commits happen one after the other: each sees the
    /// effects of those before it and no half of another. A commit whose precondition fails leaves no trace and does
    /// not disturb the commits that share its write to the disk.
    ///
    /// Dropping the future does not undo: the commit may or may not happen, but never by half.
    ///
    /// # Errors
    /// [`CommitError`]. All but [`CommitError::Unavailable`] promise that nothing was written; after that one it may or
    /// may not have been, whole.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, CommitError>>;

    /// Has the subscriptions to changes of stores ([`Catalog::changes`]) come further, by one bounded step.
    ///
    /// A subscription that is new begins, and one that is gone is forgotten, so that it is new if it comes back. Those that
    /// start at the beginning are told what is there as inserts: each key once, in order with the changes that happen
    /// meanwhile. A step looks at up to `max` entries, at least 1. How far each has come is durable, so a restart goes on.
    ///
    /// To be called again until there is no more, after each start and after the catalog was changed; after a while if a
    /// queue is full.
    ///
    /// # Errors
    /// [`CommitError::NoSuch`], [`CommitError::Invalid`], [`CommitError::Unavailable`].
    fn backfill(&self, max: usize) -> BoxFuture<'_, Result<Backfill, CommitError>>;
}
