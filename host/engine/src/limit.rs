//! What an invocation may use, and the guard that wasmtime asks.

use crate::deadline::Hurry;
use crate::fault::CpuExceeded;
use crate::meter::Meter;
use flint_model::ByteSize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::yield_now;
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

/// What all instances together have of memory, beyond what each has for free.
#[derive(Debug)]
pub(crate) struct GuestMemory {
    max: u64,
    used: AtomicU64,
}

/// What an instance has that does not count: what it declares is mostly more than it ever touches, and an idle one takes 24 KiB.
const FREE: u64 = 4 << 20;

impl GuestMemory {
    pub(crate) fn new(max: ByteSize) -> Self {
        Self { max: max.as_u64(), used: AtomicU64::new(0) }
    }

    pub(crate) fn max(&self) -> ByteSize {
        ByteSize::bytes(self.max)
    }

    /// Counts the growth of an instance. Says whether there is room for it.
    fn grow(&self, before: u64, after: u64) -> bool {
        let more = counted(after) - counted(before);
        // Most instances never get there: nothing that they share is touched.
        more == 0
            || self
                .used
                .try_update(Relaxed, Relaxed, |used| used.checked_add(more).filter(|used| *used <= self.max))
                .is_ok()
    }

    /// Takes back what an instance of this size counts for, but for what is left of it.
    fn shrink(&self, before: u64, after: u64) {
        let less = counted(before) - counted(after);
        if less > 0 {
            self.used.fetch_sub(less, Relaxed);
        }
    }
}

fn counted(memory: u64) -> u64 {
    memory.saturating_sub(FREE)
}

/// What an instance may still use. Lives in the data of its store.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    of_all: Option<Arc<GuestMemory>>,
    hurry: Arc<Hurry>,
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
    pub(crate) fn new(limits: Limits, of_all: Option<Arc<GuestMemory>>, hurry: Arc<Hurry>) -> Self {
        Self { limits, of_all, hurry, meter: Arc::new(Meter::default()), memory_refused: false, grant: None }
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

    /// Starts over for another event in the same instance, beside others that are metered with it.
    pub(crate) fn begin(&mut self) {
        self.memory_refused = false;
        self.meter.reset();
    }

    /// Starts over for the next event, whose meter is its own: the record of the last one may still be written.
    pub(crate) fn begin_anew(&mut self) {
        self.memory_refused = false;
        self.meter = Arc::new(self.meter.successor());
    }

    /// Called when the guest ran across a tick.
    ///
    /// The runtime's own way to yield: the guest goes on when its thread has nothing else to do and has looked for what came in
    /// meanwhile. Where it wakes itself at once, as wasmtime has it by default, sockets are looked at after 61 turns of a thread, and
    /// each turn is a tick here: beside four that spin on two threads, a request over a connection took 89 ms, and takes 2.7 ms (with a
    /// tick of 1 ms).
    pub(crate) fn tick(&self) -> wasmtime::Result<UpdateDeadline> {
        self.hurry.tell(self.meter.running());
        if self.meter.cpu() > self.limits.cpu {
            return Err(CpuExceeded(self.limits.cpu).into());
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())))
    }

    /// wasmtime's own limits look at each memory by itself: the sum is what a machine has.
    fn grow(&mut self, by: u64) -> bool {
        let (has, wanted) = (self.meter.memory(), self.meter.memory().saturating_add(by));
        let is_room = wanted <= self.limits.memory.as_u64();
        let allowed = is_room && self.of_all.as_ref().is_none_or(|all| all.grow(has, wanted));
        if allowed {
            self.meter.set_memory(wanted);
        } else {
            self.memory_refused = true;
        }
        if is_room && !allowed {
            tracing::warn!("a guest was refused memory: all together have as much as `limits.guest-memory-max` allows");
        }
        allowed
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        if let Some(all) = &self.of_all {
            all.shrink(self.meter.memory(), 0);
        }
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
            let has = self.meter.memory();
            self.meter.take_back_memory(bytes, peak_before);
            if let Some(all) = &self.of_all {
                all.shrink(has, self.meter.memory());
            }
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
    use crate::meter::Metered;
    use std::pin::pin;

    fn unhurried() -> Arc<Hurry> {
        Arc::new(Hurry::new(Duration::from_millis(1)))
    }

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut budget = Budget::new(Limits { memory: ByteSize::kib(128), ..Limits::default() }, None, unhurried());
        assert!(budget.memory_growing(0, 64 << 10, None).unwrap());
        assert!(budget.memory_growing(0, 32 << 10, None).unwrap());
        assert!(!budget.table_growing(0, 8 << 10, None).unwrap(), "a table of 64 KiB on top of 96 KiB");
        assert!(budget.memory_refused());
        assert!(budget.table_growing(0, 4 << 10, None).unwrap());
        assert_eq!(budget.meter().memory_peak(), 128 << 10);
    }

    #[tokio::test]
    async fn a_guest_that_has_held_its_thread_for_long_asks_for_short_ticks() {
        for (tick, is_long) in [(Duration::from_millis(1), true), (Duration::from_secs(3600), false)] {
            let hurry = Arc::new(Hurry::new(tick));
            let budget = Budget::new(Limits::default(), None, Arc::clone(&hurry));
            let holding = pin!(async {
                std::thread::sleep(Duration::from_millis(2));
                budget.tick().map(drop)
            });
            Metered::new(holding, Arc::clone(budget.meter())).await.expect("it has time left");
            assert_eq!(hurry.take(), is_long, "{tick:?}");
        }
    }

    #[test]
    fn all_instances_share_one_limit_but_for_what_each_has_for_free() {
        let all = Arc::new(GuestMemory::new(ByteSize::mib(8)));
        let instance = || Budget::new(Limits::default(), Some(Arc::clone(&all)), unhurried());
        let grows = |budget: &mut Budget, by: usize| budget.memory_growing(0, by << 20, None).unwrap();
        let (mut one, mut two, mut three) = (instance(), instance(), instance());
        assert!(grows(&mut one, 10) && grows(&mut two, 4) && grows(&mut two, 1));
        assert!(!grows(&mut two, 2) && two.memory_refused(), "it would be 9 MiB");
        assert!(grows(&mut three, 4), "it is free");
        one.memory_grow_failed(wasmtime::format_err!("no memory")).unwrap();
        assert!(grows(&mut two, 7));
        drop(two);
        assert!(grows(&mut one, 12) && !grows(&mut three, 1));
        drop(one);
        assert!(grows(&mut three, 8));
        drop(three);
        assert_eq!(all.used.load(Relaxed), 0);
    }
}
