//! Schedules: which tick each fired last, so that each fires once.
//!
//! Whoever fires a tick commits [`crate::Effect::ScheduleTick`] together with the message of the tick. If another was
//! faster, the whole commit fails with [`crate::CommitError::Ticked`]. What a schedule is, and when it is due, is no matter
//! here: any name has a last tick once it had one.

use flint_model::{ScheduleName, Timestamp};

use crate::BoxFuture;
use crate::kv::ReadError;

/// Reads how far schedules have come.
pub trait Schedules: Send + Sync {
    /// The tick that was fired last, or passed over; none if there was none.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`].
    fn last<'a>(&'a self, schedule: &'a ScheduleName) -> BoxFuture<'a, Result<Option<Timestamp>, ReadError>>;
}
