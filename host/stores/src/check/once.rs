//! What may come once in a commit, besides keys: so that no effect changes what another one was decided by.

use std::collections::HashSet;

use crate::effect::Effect;
use crate::refusal::{Invalid, Refusal, What};

/// Checks that no schedule and no invocation comes twice.
pub(super) fn batch(effects: &[Effect]) -> Result<(), Refusal> {
    let (mut schedules, mut invocations) = (HashSet::new(), HashSet::new());
    for effect in effects {
        match effect {
            Effect::ScheduleTick { schedule, .. } if !schedules.insert(schedule) => {
                return Err(Invalid::Twice { what: What::Schedule, name: schedule.to_string() }.into());
            }
            Effect::InvocationPut { id, .. } if !invocations.insert(id) => {
                return Err(Invalid::Twice { what: What::Invocation, name: id.to_string() }.into());
            }
            _ => {}
        }
    }
    Ok(())
}
