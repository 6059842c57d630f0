//! The read side of schedules and of asynchronous invocations: one read transaction each.

use flint_model::{InvocationId, ScheduleName, Timestamp};
use flint_stores::{BoxFuture, Invocation, Invocations, ReadError, Schedules};

use crate::Embedded;
use crate::table::record::{INVOCATION, SCHEDULE, parse_invocation};

impl Schedules for Embedded {
    fn last<'a>(&'a self, schedule: &'a ScheduleName) -> BoxFuture<'a, Result<Option<Timestamp>, ReadError>> {
        Box::pin(async move {
            let last = self.look(|transaction| {
                let row = transaction.open_table(SCHEDULE)?.get(schedule.as_str())?;
                Ok(row.map(|row| Timestamp::from_millis(row.value())))
            });
            last.map_err(ReadError::from)
        })
    }
}

impl Invocations for Embedded {
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, ReadError>> {
        Box::pin(async move {
            let found = self.look(|transaction| {
                let row = transaction.open_table(INVOCATION)?.get(id.to_bytes().as_slice())?;
                Ok(row.map(|row| parse_invocation(row.value())).transpose()?)
            });
            Ok(found?.filter(|invocation| self.clock.now() < invocation.expires_at))
        })
    }
}
