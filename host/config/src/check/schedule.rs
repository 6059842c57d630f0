//! Schedules: the queues of their ticks, and what is between them and functions.

use super::trigger::{check_start, check_transactional};
use crate::component::Shape;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Isolation, Queue, Schedule};
use crate::raw::{self, File, Handler, Reader};
use flint_model::{FunctionName, QueueName, ScheduleName};
use std::collections::BTreeMap;

/// Checks schedules, and answers those that are complete.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) -> BTreeMap<ScheduleName, Schedule> {
    for raw in file.schedules.values() {
        check_start(reader, raw.handler.as_ref(), &raw.transactional);
    }
    file.schedules.iter().filter_map(|(name, raw)| Some((name.clone(), finish_one(raw)?))).collect()
}

fn finish_one(raw: &raw::Schedule) -> Option<Schedule> {
    Some(Schedule {
        when: raw.when.clone()?,
        zone: raw.zone.clone(),
        handler: raw.handler.as_ref()?.finish()?,
        payload: raw.payload.clone().unwrap_or_default(),
        missed: raw.missed,
        grace: raw.grace,
        overlap: raw.overlap,
        waiting_max: raw.waiting_max,
        transactional: raw.transactional.value,
        max_receives: raw.max_receives,
        retry_delay: raw.retry_delay,
        retry_delay_max: raw.retry_delay_max,
    })
}

/// The queues that the host keeps for ticks, and for those that are given up.
pub(crate) fn queues(schedules: &BTreeMap<ScheduleName, Schedule>) -> BTreeMap<QueueName, Queue> {
    let queues = schedules.iter().flat_map(|(name, schedule)| {
        let queue = Schedule::queue(name);
        let dead = Queue::kept_dead_letter(&queue);
        let ticks = Queue {
            max_receives: schedule.max_receives,
            length_max: schedule.waiting_max,
            dead_letter: dead.clone(),
            ..Queue::default()
        };
        let dead = dead.map(|dead| (dead, Queue { dead_letter: None, ..Queue::default() }));
        [Some((queue, ticks)), dead]
    });
    queues.flatten().collect()
}

/// Checks the schedules of a function against its component.
pub(crate) fn check_handler(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    isolation: Isolation,
    shape: &Shape,
    schedules: &BTreeMap<ScheduleName, raw::Schedule>,
) {
    for schedule in schedules.values() {
        let function = schedule.handler.as_ref().and_then(Handler::function);
        let Some(function) = function.filter(|function| function.value == name.as_str()) else { continue };
        if !shape.schedule {
            let message = format!("a schedule leads to `{name}`, whose component has no schedule handler");
            let diagnostic = Diagnostic::new(Code::NoHandler, function.at.clone(), message, "handles no ticks");
            let help =
                "export flint:platform/schedule-handler, with #[flint_sdk::schedule] in Rust; or remove the schedule";
            reader.report(diagnostic.help(help.to_owned()));
        }
        check_transactional(reader, name, isolation, &schedule.transactional, &function.at);
    }
}
