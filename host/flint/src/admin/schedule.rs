//! Shows schedules, and sends ticks by hand.

use super::api::Problem;
use super::api::schedule::{Ran, Schedule, Schedules};
use super::show::millis;
use flint_config::platform::{self, Overlap};
use flint_model::schedule::Missed;
use flint_model::{ScheduleName, Timestamp};
use flint_stores::{Commit, Effect, SendOptions, Stores};
use flint_triggers::schedule::message;
use http::StatusCode;
use std::collections::BTreeMap;

/// All schedules, and how far they have come.
///
/// # Errors
/// A problem, if the stores can't be read.
pub(crate) async fn all(
    stores: &dyn Stores,
    schedules: &BTreeMap<ScheduleName, platform::Schedule>,
) -> Result<Schedules, Problem> {
    let mut shown = Vec::with_capacity(schedules.len());
    for (name, schedule) in schedules {
        shown.push(one(stores, name, schedule).await?);
    }
    Ok(Schedules { schedules: shown })
}

async fn one(stores: &dyn Stores, name: &ScheduleName, schedule: &platform::Schedule) -> Result<Schedule, Problem> {
    let of_read = |error| super::problem::of_read("schedule", &error);
    let seen = stores.schedules().last(name).await.map_err(of_read)?;
    let depth = stores.queues().depth(&platform::Schedule::queue(name)).await.map_err(of_read)?;
    let next = schedule.when.next(seen.map_or_else(Timestamp::now, |seen| seen.max(Timestamp::now())));
    Ok(Schedule {
        schedule: name.to_string(),
        when: schedule.when.to_string(),
        zone: schedule.zone.clone(),
        function: schedule.handler.function().map(ToString::to_string),
        workflow: schedule.handler.workflow().map(ToString::to_string),
        missed: match schedule.missed {
            Missed::RunOnce => "run-once",
            Missed::Skip => "skip",
        }
        .to_owned(),
        overlap: match schedule.overlap {
            Overlap::Allow { .. } => "allow",
            Overlap::Queue => "queue",
            Overlap::Skip => "skip",
        }
        .to_owned(),
        transactional: schedule.transactional,
        grace_ms: millis(schedule.grace),
        concurrency: schedule.overlap.concurrency(),
        waiting_max: schedule.waiting_max,
        max_receives: schedule.max_receives,
        retry_delay_ms: millis(schedule.retry_delay),
        retry_delay_max_ms: millis(schedule.retry_delay_max),
        last_ms: seen.filter(|seen| is_tick(schedule, *seen)).map(Timestamp::as_millis),
        next_ms: next.map(Timestamp::as_millis),
        waiting: depth.waiting,
        hidden: depth.hidden,
    })
}

/// A schedule that is new begins at a moment that need not be a tick.
fn is_tick(schedule: &platform::Schedule, moment: Timestamp) -> bool {
    let before = Timestamp::from_millis(moment.as_millis().saturating_sub(1));
    schedule.when.next(before) == Some(moment)
}

/// Sends a tick that falls due now, whatever the schedule says of overlaps. The schedule goes on as if nothing had happened.
///
/// # Errors
/// A problem, if there is no such schedule, its queue is full, or the stores can't be written.
pub(crate) async fn run(
    stores: &dyn Stores,
    schedules: &BTreeMap<ScheduleName, platform::Schedule>,
    name: &ScheduleName,
) -> Result<Ran, Problem> {
    let Some(schedule) = schedules.get(name) else {
        let detail = format!("there is no schedule {name}");
        return Err(Problem::new(StatusCode::NOT_FOUND, "schedule/no-such-schedule", detail));
    };
    let message = message(schedule.payload.clone().into(), Timestamp::now());
    let id = message.id.to_string();
    let send = Effect::QueueSend { queue: platform::Schedule::queue(name), message, options: SendOptions::default() };
    let sent = stores.commit(Commit::new(vec![send])).await;
    sent.map_err(|error| super::problem::of_commit("schedule", &error))?;
    Ok(Ran { id })
}
