//! The message door: what nobody waits for.
//!
//! A [`Dispatcher`] owns one loop for one trigger: it leases messages of a queue, hands them to a [`Consumer`] in batches, and
//! settles them. What it decides is pure and has files of its own: how a lease is cut into batches (`batch`), what becomes of
//! each message (`settle`), and when a failed one comes again (`backoff`).
//!
//! Whatever happens, a message is handled at least once or reaches the dead-letter queue: it is only removed by the commit that
//! settles it, and a lease that ends without a word brings it again. In a transactional trigger that commit holds the effects
//! of the handler too, so they happen exactly once.
//!
//! Deliberately absent: where messages are (stores), how a function is called (the binary hands over the consumer), and
//! anything about HTTP.

mod backoff;
mod batch;
mod consumer;
mod dispatcher;
mod settle;

pub use backoff::Backoff;
pub use consumer::{Blame, Consumer, Failed, Handled, Observer, Retry, Settled, Unanswered, Why};
pub use dispatcher::{Dispatcher, Options};
