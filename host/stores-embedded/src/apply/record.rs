//! Ticks of schedules, and what became of invocations.

use std::time::Duration;

use flint_model::{InvocationId, ScheduleName, Timestamp};
use flint_stores::{CommitError, Invocation, Outcome};
use redb::ReadableTable as _;

use super::{Apply, Halt};
use crate::database::Failure;
use crate::table::record::{invocation_row, parse_invocation};
use crate::table::{expiry_key, split_expiry_key};

/// A record that can be written.
pub(super) enum Step<'a> {
    Tick {
        schedule: &'a ScheduleName,
        seen: Timestamp,
    },
    Invocation {
        id: InvocationId,
        /// None if what is there stays.
        invocation: Option<&'a Invocation>,
    },
}

impl Apply<'_> {
    pub(super) fn decide_tick<'a>(
        &mut self,
        index: usize,
        schedule: &'a ScheduleName,
        seen: Timestamp,
        expect: Option<Timestamp>,
    ) -> Result<Step<'a>, Halt> {
        let row = self.tables.schedule.open()?.get(schedule.as_str())?;
        let last = row.map(|row| Timestamp::from_millis(row.value()));
        if last != expect {
            return Err(CommitError::Ticked { index, schedule: schedule.clone(), last }.into());
        }
        Ok(Step::Tick { schedule, seen })
    }

    pub(super) fn decide_invocation<'a>(
        &mut self,
        id: InvocationId,
        invocation: &'a Invocation,
    ) -> Result<Step<'a>, Halt> {
        let before = self.invocation(id)?.filter(|before| self.now < before.expires_at);
        let follows = invocation.state.follows(before.as_ref().map(|before| &before.state));
        Ok(Step::Invocation { id, invocation: Some(invocation).filter(|_| follows) })
    }

    /// What is known about an invocation, also if that is over.
    fn invocation(&mut self, id: InvocationId) -> Result<Option<Invocation>, Failure> {
        let row = self.tables.invocation.open()?.get(id.to_bytes().as_slice())?;
        Ok(row.map(|row| parse_invocation(row.value())).transpose()?)
    }

    pub(super) fn take_record(&mut self, step: Step<'_>) -> Result<Outcome, Failure> {
        match step {
            Step::Tick { schedule, seen } => {
                self.tables.schedule.open()?.insert(schedule.as_str(), seen.as_millis())?;
                self.changed = true;
                Ok(Outcome::ScheduleTick)
            }
            Step::Invocation { id: _, invocation: None } => Ok(Outcome::InvocationPut { written: false }),
            Step::Invocation { id, invocation: Some(invocation) } => {
                self.write_invocation(id, invocation)?;
                Ok(Outcome::InvocationPut { written: true })
            }
        }
    }

    fn write_invocation(&mut self, id: InvocationId, invocation: &Invocation) -> Result<(), Failure> {
        if let Some(before) = self.invocation(id)? {
            self.tables.invocation_expiry.open()?.remove(expiry_key(before.expires_at, &id.to_bytes()).as_slice())?;
        }
        self.tables.invocation.open()?.insert(id.to_bytes().as_slice(), invocation_row(invocation).as_slice())?;
        let expiry = expiry_key(invocation.expires_at, &id.to_bytes());
        self.tables.invocation_expiry.open()?.insert(expiry.as_slice(), ())?;
        self.changed = true;
        Ok(())
    }

    /// Forgets up to `max` invocations about which was known for long enough; answers how many there were.
    pub(super) fn collect_invocations(&mut self, max: usize) -> Result<usize, Failure> {
        let end = expiry_key(self.now.saturating_add(Duration::from_millis(1)), &[]);
        let due = self.tables.invocation_expiry.open()?.range::<&[u8]>(..end.as_slice())?;
        let due = due.take(max).map(|row| Ok(row?.0.value().to_vec())).collect::<Result<Vec<_>, Failure>>()?;
        for row in &due {
            let (_, id) = split_expiry_key(row)?;
            self.tables.invocation_expiry.open()?.remove(row.as_slice())?;
            self.tables.invocation.open()?.remove(id)?;
        }
        self.changed |= !due.is_empty();
        Ok(due.len())
    }
}
