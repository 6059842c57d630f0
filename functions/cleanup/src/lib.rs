//! The pattern *scheduled clean-up*: what nobody has used for a while is removed, on a schedule.
//!
//! Each removal stands for itself and happens only if the entry is still as it was read, so the clean-up is in nobody's way, and a
//! session that is used meanwhile stays. Its schedule is therefore not transactional: a tick that comes again finds less to do.

use flint_sdk::prelude::*;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// What the schedule calls with.
#[derive(Debug, Clone, Deserialize)]
struct Rule {
    /// Only keys that start with this.
    prefix: String,
    /// What was not used for so long is removed.
    seconds: u64,
}

/// What is kept of a session.
#[derive(Debug, Clone, Deserialize)]
struct Session {
    /// When it was last used.
    seen_at_ms: u64,
}

#[flint_sdk::schedule]
async fn clean(tick: Tick<Rule>) -> Result<(), kv::Error> {
    // By the tick's own time: one that comes late, or again, decides the same.
    let before = tick.due_at.checked_sub(Duration::from_secs(tick.payload.seconds)).unwrap_or(SystemTime::UNIX_EPOCH);
    let sessions = kv::open("sessions");
    let mut scan = sessions.scan(tick.payload.prefix);
    let mut removed = 0;
    while let Some(item) = scan.next::<Session>().await? {
        if is_older(&item.entry.value, before) && remove(&sessions, &item.key, item.entry.version).await? {
            removed += 1;
        }
    }
    if removed > 0 {
        sessions.increment("removed", removed).await?;
    }
    log::info!("sessions were removed", removed = removed);
    Ok(())
}

fn is_older(session: &Session, before: SystemTime) -> bool {
    SystemTime::UNIX_EPOCH + Duration::from_millis(session.seen_at_ms) < before
}

/// Whether it was removed: it stays if somebody used it since it was read.
async fn remove(sessions: &kv::Store, key: &str, version: kv::Version) -> Result<bool, kv::Error> {
    match sessions.delete_if(key, version).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}
