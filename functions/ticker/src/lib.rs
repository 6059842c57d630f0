//! A fixture: counts ticks, each under the moment when it fell due.

use flint_sdk::prelude::*;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// What the schedule calls with; nothing: all goes well at once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Order {
    /// How long a tick takes.
    takes_ms: u64,
    /// Whether it fails when all is counted.
    fails: bool,
}

#[flint_sdk::schedule]
async fn count(tick: Tick) -> Result<(), Failure> {
    let order =
        if tick.payload.is_empty() { Order::default() } else { serde_json::from_slice::<Order>(&tick.payload)? };
    let ticks = kv::open("ticks");
    // Outside of what is undone when the tick fails, if the schedule is transactional: a line of the log.
    log::info!("a tick", schedule = tick.schedule.as_str(), attempt = context::current().attempt);
    time::sleep(Duration::from_millis(order.takes_ms)).await;
    let due = tick.due_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    ticks.increment(&format!("{}/{due}", tick.schedule), 1).await?;
    if order.fails { Err(Failure::new("Asked", "the schedule asked for it")) } else { Ok(()) }
}
