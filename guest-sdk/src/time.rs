//! Waiting, and the times of the platform.

use std::time::{Duration, SystemTime};

use crate::bindings::imports::wasi::clocks0_3_0::monotonic_clock;

/// Waits without keeping anything else of the function from running.
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn example() {
/// flint_sdk::time::sleep(Duration::from_millis(50)).await;
/// # }
/// ```
pub async fn sleep(duration: Duration) {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    monotonic_clock::wait_for(nanoseconds).await;
}

/// Milliseconds, and one for anything shorter: no time at all means something else.
pub(crate) fn to_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

pub(crate) fn from_timestamp(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}
