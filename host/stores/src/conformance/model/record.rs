//! Ticks of schedules and what became of invocations, in memory.

use flint_model::{InvocationId, ScheduleName, Timestamp};
use futures::FutureExt as _;
use futures::future::ready;

use super::{Memory, Model};
use crate::commit::{CommitError, Outcome};
use crate::{BoxFuture, Invocation, Invocations, ReadError, Schedules};

impl Model {
    pub(super) fn tick(
        &mut self,
        index: usize,
        schedule: &ScheduleName,
        seen: Timestamp,
        expect: Option<Timestamp>,
    ) -> Result<Outcome, CommitError> {
        let last = self.ticks.get(schedule).copied();
        if last != expect {
            return Err(CommitError::Ticked { index, schedule: schedule.clone(), last });
        }
        self.ticks.insert(schedule.clone(), seen);
        Ok(Outcome::ScheduleTick)
    }

    pub(super) fn note(&mut self, now: Timestamp, id: InvocationId, invocation: &Invocation) -> Outcome {
        let written = invocation.state.follows(self.known(now, id).map(|before| &before.state));
        if written {
            self.invocations.insert(id, invocation.clone());
        }
        Outcome::InvocationPut { written }
    }

    fn known(&self, now: Timestamp, id: InvocationId) -> Option<&Invocation> {
        self.invocations.get(&id).filter(|invocation| now < invocation.expires_at)
    }
}

impl Schedules for Memory {
    fn last<'a>(&'a self, schedule: &'a ScheduleName) -> BoxFuture<'a, Result<Option<Timestamp>, ReadError>> {
        ready(Ok(self.model().ticks.get(schedule).copied())).boxed()
    }
}

impl Invocations for Memory {
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, ReadError>> {
        ready(Ok(self.model().known(self.clock.now(), id).cloned())).boxed()
    }
}
