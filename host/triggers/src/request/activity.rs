//! What a connection is busy with, and until when it may stay so; of HTTP/2, also each stream.
//!
//! Written by the socket (bytes came, bytes went), the service (a request is being answered) and the request's body (it is
//! waited for), read by the watch. With HTTP/1.1 all of them run in the connection's one task, so the order of the atomics does
//! not matter; they are there because the task moves between threads. A timer for each request, as hyper has, is an allocation
//! and two turns of the timer wheel; this is two readings of the clock.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection may be in a phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) head: Duration,
    /// Between two pieces of a request's body.
    pub(super) body: Duration,
}

/// Nothing is asked, or an answer is still on its way out.
const IDLE: u64 = 0;
/// A part of a request's head has come.
const HEAD: u64 = 1;
/// A request is being answered: its function has a limit of its own.
const BUSY: u64 = 2;
/// The same, and the client does not take what is there of the answer.
const STALLED: u64 = 3;
/// A head is expected, and nothing of it has come.
const SILENT: u64 = 4;

const PHASE_BITS: u32 = 3;

/// So long a client may say nothing at first before its connection counts as idle.
pub(super) const NEWCOMER: Duration = Duration::from_secs(1);

/// The phase of a connection, and when it began.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Microseconds from `opened`, and the phase in the lowest bits.
    phase: AtomicU64,
    reset: AtomicBool,
    /// Whether requests run side by side; then a head can't be told from other frames.
    multiplexed: AtomicBool,
    /// Requests that run side by side.
    streams: AtomicUsize,
    /// Microseconds from `opened`: when bytes went last, with requests side by side and none of them left.
    moved: AtomicU64,
    /// Whether the body of the request that is being answered has not been read to its end.
    unread: AtomicBool,
    awaited: Awaited,
}

/// Whether a request's body is waited for.
#[derive(Debug, Default)]
struct Awaited {
    /// Microseconds from the opening, and 1; or 0: it is not.
    since: AtomicU64,
    /// Whether the wait was too long.
    over: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Activity {
    /// A connection that was just opened: the client is expected to send a head now.
    pub(super) fn new() -> Self {
        Self::in_phase(SILENT)
    }

    /// A request that is being answered beside others of its connection.
    pub(super) fn stream() -> Self {
        Self::in_phase(BUSY)
    }

    fn in_phase(phase: u64) -> Self {
        Self {
            opened: Instant::now(),
            phase: AtomicU64::new(phase),
            reset: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            streams: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            awaited: Awaited::default(),
        }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn enter(&self, phase: u64) {
        self.phase.store(self.micros() << PHASE_BITS | phase, Relaxed);
    }

    /// Enters a phase as if it had begun with the one before.
    fn turn_into(&self, phase: u64) {
        self.phase.store(self.phase.load(Relaxed) >> PHASE_BITS << PHASE_BITS | phase, Relaxed);
    }

    fn is(&self, phase: u64) -> bool {
        self.phase.load(Relaxed) & ((1 << PHASE_BITS) - 1) == phase
    }

    /// The connection is open as far as HTTP can begin: the client is expected to send a head now.
    pub(super) fn greeted(&self) {
        self.enter(SILENT);
    }

    /// Requests will run side by side.
    pub(super) fn multiplex(&self) {
        self.multiplexed.store(true, Relaxed);
        // What has come is a greeting.
        self.turn_into(SILENT);
    }

    /// Bytes came: the first ones after a pause begin a head.
    pub(super) fn received(&self) {
        if self.multiplexed.load(Relaxed) {
            return;
        }
        if self.is(IDLE) {
            self.enter(HEAD);
        } else if self.is(SILENT) {
            self.turn_into(HEAD);
        }
    }

    /// Bytes went: what is left of an answer moves, so the pause begins now.
    ///
    /// Not with requests side by side: there it may as well be a ping, or the answer to one, and whoever only pings is idle. What
    /// such a connection has left to send is little: its streams end when their last slices are handed out.
    pub(super) fn sent(&self) {
        if self.is(STALLED) {
            self.begin();
        } else if self.is(IDLE) && self.multiplexed.load(Relaxed) {
            self.moved.store(self.micros(), Relaxed);
        } else if self.is(IDLE) {
            self.enter(IDLE);
        }
    }

    /// When bytes went last, with requests side by side and none of them left.
    pub(super) fn moved(&self) -> Instant {
        self.opened + Duration::from_micros(self.moved.load(Relaxed))
    }

    /// Bytes could not go: the client has to take some first.
    pub(super) fn blocked(&self) {
        if self.is(BUSY) {
            self.enter(STALLED);
        }
    }

    /// A request begins to be answered.
    pub(super) fn begin(&self) {
        self.phase.store(BUSY, Relaxed);
    }

    /// A request has a body, or not: nobody has read it yet.
    pub(super) fn expect_body(&self, has_body: bool) {
        self.unread.store(has_body, Relaxed);
    }

    /// The body was read to its end.
    pub(super) fn body_ended(&self) {
        self.unread.store(false, Relaxed);
    }

    /// Whether a request is being answered whose body has not been read to its end.
    pub(super) fn has_unread_body(&self) -> bool {
        self.unread.load(Relaxed) && (self.is(BUSY) || self.is(STALLED))
    }

    /// Whether a connection of HTTP/1 that is closed now has something that its client said and nobody read: the rest of a body, or of a
    /// head that was refused.
    pub(super) fn leaves_unread(&self) -> bool {
        (self.unread.load(Relaxed) || self.is(HEAD)) && !self.multiplexed.load(Relaxed)
    }

    /// The answer is complete, or nobody waits for it any more.
    pub(super) fn end(&self) {
        self.enter(IDLE);
    }

    /// A request begins to be answered beside others.
    pub(super) fn open_stream(&self) {
        self.streams.fetch_add(1, Relaxed);
        // A client that takes nothing gets no more time by asking for more.
        if !self.is(STALLED) {
            self.begin();
        }
    }

    /// The answer to one of several is complete, or nobody waits for it any more.
    pub(super) fn close_stream(&self) {
        if self.streams.fetch_sub(1, Relaxed) == 1 {
            self.end();
        }
    }

    /// Whether requests are being answered side by side.
    pub(super) fn has_streams(&self) -> bool {
        self.streams.load(Relaxed) > 0
    }

    /// An answer broke off in a way that only a reset can tell the client.
    pub(super) fn ask_for_reset(&self) {
        self.reset.store(true, Relaxed);
    }

    /// Whether the connection has to end with a reset.
    pub(super) fn wants_reset(&self) -> bool {
        self.reset.load(Relaxed)
    }

    /// The function waits for more of the request's body, which has not come.
    pub(super) fn body_is_awaited(&self, waker: &Waker) {
        if self.awaited.since.load(Relaxed) == 0 {
            self.awaited.since.store(self.micros() << 1 | 1, Relaxed);
        }
        let mut mine = self.awaited.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *mine {
            Some(mine) => mine.clone_from(waker),
            None => *mine = Some(waker.clone()),
        }
    }

    /// More of the body came, or nobody waits for it any more: what was said of this wait is not for the next.
    pub(super) fn body_came(&self) {
        if self.awaited.since.load(Relaxed) != 0 {
            self.awaited.since.store(0, Relaxed);
        }
        self.take_body_overdue();
    }

    /// Whether the body was waited for too long. Says so once.
    pub(super) fn take_body_overdue(&self) -> bool {
        self.awaited.over.load(Relaxed) && self.awaited.over.swap(false, Relaxed)
    }

    /// Tells who waits for the body that this was too long.
    pub(super) fn give_body_up(&self) {
        self.awaited.since.store(0, Relaxed);
        self.awaited.over.store(true, Relaxed);
        let waker = self.awaited.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// When the wait for a request's body is too long; none while nobody waits.
    pub(super) fn body_deadline(&self, patience: Patience) -> Option<Instant> {
        let since = self.awaited.since.load(Relaxed);
        (since != 0).then(|| self.opened + Duration::from_micros(since >> 1) + patience.body)
    }

    /// Since when nothing has been asked, nor begun to be; none while something is, and none of a client that has only just come:
    /// what it asks is on its way.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let phase = self.phase.load(Relaxed);
        let since = self.opened + Duration::from_micros(phase >> PHASE_BITS);
        let is_idle = match phase & ((1 << PHASE_BITS) - 1) {
            IDLE => true,
            SILENT => since.elapsed() >= NEWCOMER,
            _ => false,
        };
        (is_idle && !self.has_streams()).then_some(since)
    }

    /// When the phase has lasted too long; none while a request is being answered and the client takes the answer.
    pub(super) fn deadline(&self, patience: Patience) -> Option<Instant> {
        let phase = self.phase.load(Relaxed);
        let since = self.opened + Duration::from_micros(phase >> PHASE_BITS);
        match phase & ((1 << PHASE_BITS) - 1) {
            // The last stream's end and another one's begin may have met.
            IDLE if self.has_streams() => None,
            IDLE | STALLED => Some(since + patience.idle),
            SILENT | HEAD => Some(since + patience.head),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_comes_together_with_the_end_of_the_wait_takes_back_that_it_was_too_long() {
        let activity = Activity::stream();
        activity.body_is_awaited(Waker::noop());
        activity.give_body_up();
        // The piece is there before its reader looks.
        activity.body_came();
        activity.body_is_awaited(Waker::noop());
        assert!(!activity.take_body_overdue());
        activity.give_body_up();
        assert!(activity.take_body_overdue());
    }
}
