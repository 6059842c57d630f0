//! Counts panics of the host: each is a defect.
//!
//! A task that panics ends alone, and its caller sees a failure; nobody would know unless it was counted. Guests are not meant:
//! when they panic, they trap. Nor are components of which no snapshot can be taken: see [`snapshot::is_being_taken`].

use flint_engine::snapshot;
use flint_telemetry::{Gauge, Kind, Telemetry};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The process has one hook, and so one count.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Counts from now on. What a panic says goes to standard error as before.
pub(crate) fn count() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if snapshot::is_being_taken() {
            return tracing::debug!(%panic, "no snapshot of a component");
        }
        COUNT.fetch_add(1, Relaxed);
        tell(panic);
    }));
}

/// Makes the count a metric.
pub(crate) fn observe(telemetry: &Telemetry) {
    telemetry.register(Gauge {
        name: "panics",
        help: "Panics of the host, each of which is a defect. Those of guests are traps, and not counted here.",
        kind: Kind::Counter,
        labels: Vec::new(),
        #[expect(clippy::cast_precision_loss, reason = "a process does not survive 2^52 panics")]
        read: Box::new(|| COUNT.load(Relaxed) as f64),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn each_panic_is_counted_also_of_a_thread_whose_end_nobody_asks_for() {
        count();
        let before = COUNT.load(Relaxed);
        assert!(panic::catch_unwind(|| panic!("as asked")).is_err());
        assert!(thread::spawn(|| panic!("as asked")).join().is_err());
        // Other tests have the same hook.
        assert!(COUNT.load(Relaxed) >= before + 2);
    }
}
