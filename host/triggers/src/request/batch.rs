//! Answers that are ready together leave together.
//!
//! Whoever waits for an answer on the same machine is woken by its first byte, and may take this thread's core away in the middle of
//! the next request: with 64 connections on two cores, a seventh of a request's CPU went there. So on a thread that is busy, a
//! connection lets what else is ready go first, once, before it sends its answer. The answers then leave in a row, and whoever is
//! woken finds many. The reactor of Seastar flushes its streams in batches for the same reason.
//!
//! An answer waits for one turn of its thread at most, and only where others were there to wait for: see [`count_answer`].

use std::cell::Cell;

/// So many answers without a pause make a thread busy. With fewer connections another thread, which sleeps, would be woken to help
/// with an answer that has only to be sent: with a single one, a quarter fewer requests a second.
const BUSY: u32 = 3;

/// The answers of a thread since it last had nothing to do, and those of the time before that.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    now: u32,
    before: u32,
}

thread_local! {
    static STREAK: Cell<Streak> = const { Cell::new(Streak { now: 0, before: 0 }) };
}

/// Says that this thread has nothing to do: what the runtime has to call before a worker sleeps
/// ([`on_thread_park`](tokio::runtime::Builder::on_thread_park)). Where nobody does, all threads count as busy.
pub fn thread_parks() {
    STREAK.with(|streak| streak.set(Streak { now: 0, before: streak.get().now }));
}

/// Counts an answer, and says whether its thread is busy: then more of them are about to be ready.
pub(super) fn count_answer() -> bool {
    STREAK.with(|streak| {
        let Streak { now, before } = streak.get();
        let now = now.saturating_add(1);
        streak.set(Streak { now, before });
        now.max(before) >= BUSY
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_busy_after_some_answers_in_a_row_and_as_long_as_it_has_so_many_between_two_pauses() {
        let answers = |count: u32| (0..count).map(|_| count_answer()).collect::<Vec<_>>();
        assert_eq!(answers(2), [false, false]);
        thread_parks();
        assert_eq!(answers(4), [false, false, true, true]);
        thread_parks();
        assert_eq!(answers(1), [true], "as many as before are expected");
        thread_parks();
        assert_eq!(answers(1), [false]);
    }
}
