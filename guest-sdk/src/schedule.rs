//! Schedules: a function is called when it is time.
//!
//! platform.toml says when: `[schedule.nightly] when = "30 3 * * *"`. A handler with
//! [`#[flint_sdk::schedule]`](macro@crate::schedule) gets a [`Tick`].

use std::time::SystemTime;

use crate::bindings::schedule::exports::flint::platform::schedule_handler as wit;
use crate::handler::invoke::FromPayload;
use crate::{Failure, Payload, time};

/// A tick of a schedule. `T` is what its `payload` in platform.toml is read as: JSON, or as it is.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::schedule::Tick;
///
/// #[flint_sdk::schedule]
/// async fn report(tick: Tick) -> Result<(), Failure> {
///     println!("{} was due at {:?}", tick.schedule, tick.due_at);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick<T = Payload> {
    /// Unique for each tick, the same when it comes again.
    pub id: String,
    /// The schedule's name.
    pub schedule: String,
    /// When it fell due, which is not later than now. Work that depends on the time takes this one: it is the same when the tick comes
    /// again.
    pub due_at: SystemTime,
    /// What platform.toml gives as `payload`.
    pub payload: T,
}

impl<T: FromPayload> Tick<T> {
    pub(crate) fn read(tick: wit::Tick) -> Result<Self, Failure> {
        Ok(Self {
            id: tick.id,
            schedule: tick.schedule,
            due_at: time::from_timestamp(tick.due_at),
            payload: T::from_payload(Payload(tick.payload))?,
        })
    }
}
