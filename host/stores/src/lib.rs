//! What durable means: the traits of a store engine, the effects that change it, and the one commit.
//!
//! Everything durable is changed by [`Stores::commit`], which takes [`Effect`]s as plain values and makes all of them
//! durable or none. Everything else goes through one trait a capability: [`Kv`], [`Queues`], [`Blobs`]. The
//! rules that every engine has to keep are pure functions of this crate ([`check`], [`Expectation::is_met`], [`kv::sum`],
//! [`cursor`], [`filter`]), and the feature `conformance` holds the suite that takes any engine.
//!
//! Depends on: model. Deliberately absent: redb, files, WebAssembly, HTTP, and grants, which are checked before a call
//! comes here.

pub mod blob;
pub mod catalog;
pub mod check;
pub mod commit;
pub mod cursor;
pub mod effect;
pub mod filter;
pub mod kv;
pub mod queue;
pub mod refusal;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use blob::{
    Blob, BlobExpectation, BlobInfo, Blobs, Body, BucketRules, Content, ContentWriter, Etag, Linked, ListPage, Listing,
    Range, WriteError,
};
pub use catalog::Catalog;
pub use commit::{Commit, CommitError, Committed, Outcome};
pub use effect::{Effect, Expectation};
pub use futures::future::BoxFuture;
pub use kv::{Entry, Item, Kv, KvLimits, Page, ReadError, Version};
pub use queue::{
    Attribute, Company, Death, Delivery, Depth, Message, Order, Peeked, QueueRules, Queues, Receipt, Receive, Received,
    Receives, SendOptions, Settle, Stored, Verdict,
};
pub use refusal::{Invalid, Missing, TooLarge, Unavailable, What};

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
}
