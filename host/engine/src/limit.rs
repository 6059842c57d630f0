//! What an invocation may use, and the guard that wasmtime asks.

use crate::fault::CpuExceeded;
use crate::meter::Meter;
use flint_model::ByteSize;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{ResourceLimiter, UpdateDeadline};

/// What one invocation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The sum of all linear memories and tables of the instance.
    pub memory: ByteSize,
    /// From the acceptance of the event to the last byte of the answer.
    pub timeout: Duration,
    /// The time that the guest holds a thread.
    pub cpu: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: ByteSize::mib(128), timeout: Duration::from_secs(30), cpu: Duration::from_secs(10) }
    }
}

/// Found in the data of every store that this engine makes.
pub trait HasBudget: Send + 'static {
    /// The budget of the instance.
    fn budget(&mut self) -> &mut Budget;
}

/// What an instance may still use. Lives in the data of its store.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    meter: Arc<Meter>,
    memory_refused: bool,
    /// What was last granted to a memory, for the case that it does not grow after all.
    grant: Option<Grant>,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    bytes: u64,
    peak_before: u64,
}

/// An element of a table is a pointer.
const TABLE_ELEMENT_BYTES: u64 = size_of::<usize>() as u64;

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, meter: Arc::new(Meter::default()), memory_refused: false, grant: None }
    }

    /// The meter of the instance.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The limits of the instance.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the guest wanted more memory than it may have.
    pub fn memory_refused(&self) -> bool {
        self.memory_refused
    }

    pub(crate) fn begin(&mut self) {
        self.memory_refused = false;
        self.meter.reset();
    }

    /// Called when the guest ran across a tick.
    pub(crate) fn tick(&self) -> wasmtime::Result<UpdateDeadline> {
        if self.meter.cpu() > self.limits.cpu {
            return Err(CpuExceeded(self.limits.cpu).into());
        }
        Ok(UpdateDeadline::Yield(1))
    }

    /// wasmtime's own limits look at each memory by itself: the sum is what a machine has.
    fn grow(&mut self, by: u64) -> bool {
        let wanted = self.meter.memory().saturating_add(by);
        let allowed = wanted <= self.limits.memory.as_u64();
        if allowed {
            self.meter.set_memory(wanted);
        } else {
            self.memory_refused = true;
        }
        allowed
    }
}

/// wasmtime asks first and looks at the declared maximum afterwards: what that refuses must not count as used.
fn exceeds(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grant = None;
        if exceeds(desired, maximum) {
            return Ok(false);
        }
        let (bytes, peak_before) = (desired.saturating_sub(current) as u64, self.meter.memory_peak());
        let allowed = self.grow(bytes);
        self.grant = allowed.then_some(Grant { bytes, peak_before });
        Ok(allowed)
    }

    /// The slot is smaller, or the kernel has no memory: gives the grant back.
    ///
    /// It is the last one, since nothing else of the instance runs between asking and growing. Only memories with pages of
    /// one byte, which [`language`](crate::settings) does not allow, can fail without having asked.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        if let Some(Grant { bytes, peak_before }) = self.grant.take() {
            self.meter.take_back_memory(bytes, peak_before);
        }
        Ok(())
    }

    /// The maximum of a table is that of its slot too, so that what was granted is taken.
    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = (desired.saturating_sub(current) as u64).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(!exceeds(desired, maximum) && self.grow(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut budget = Budget::new(Limits { memory: ByteSize::kib(128), ..Limits::default() });
        assert!(budget.memory_growing(0, 64 << 10, None).unwrap());
        assert!(budget.memory_growing(0, 32 << 10, None).unwrap());
        assert!(!budget.table_growing(0, 8 << 10, None).unwrap(), "a table of 64 KiB on top of 96 KiB");
        assert!(budget.memory_refused());
        assert!(budget.table_growing(0, 4 << 10, None).unwrap());
        assert_eq!(budget.meter().memory_peak(), 128 << 10);
    }
}
