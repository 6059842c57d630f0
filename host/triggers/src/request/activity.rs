//! What a connection is busy with, and until when it may stay so.
//!
//! Written by the socket (bytes came, bytes went) and the service (a request is being answered), read by the connection's
//! watch. All of them run in the connection's one task, so the order of the atomics does not matter; they are there because
//! the task moves between threads. A timer for each request, as hyper has, is an allocation and two turns of the timer
//! wheel; this is two readings of the clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection may be in a phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) head: Duration,
}

/// Nothing is asked, or an answer is still on its way out.
const IDLE: u64 = 0;
/// A part of a request's head has come.
const HEAD: u64 = 1;
/// A request is being answered: its function has a limit of its own.
const BUSY: u64 = 2;
/// The same, and the client does not take what is there of the answer.
const STALLED: u64 = 3;

const PHASE_BITS: u32 = 2;

/// The phase of a connection, and when it began.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Microseconds from `opened`, and the phase in the lowest bits.
    phase: AtomicU64,
    reset: AtomicBool,
}

impl Activity {
    /// A connection that was just opened: the client is expected to send a head now.
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), phase: AtomicU64::new(HEAD), reset: AtomicBool::new(false) }
    }

    fn enter(&self, phase: u64) {
        let micros = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.phase.store(micros << PHASE_BITS | phase, Relaxed);
    }

    fn is(&self, phase: u64) -> bool {
        self.phase.load(Relaxed) & ((1 << PHASE_BITS) - 1) == phase
    }

    /// Bytes came: the first ones after a pause begin a head.
    pub(super) fn received(&self) {
        if self.is(IDLE) {
            self.enter(HEAD);
        }
    }

    /// Bytes went: what is left of an answer moves, so the pause begins now.
    pub(super) fn sent(&self) {
        if self.is(IDLE) {
            self.enter(IDLE);
        } else if self.is(STALLED) {
            self.begin();
        }
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

    /// The answer is complete, or nobody waits for it any more.
    pub(super) fn end(&self) {
        self.enter(IDLE);
    }

    /// An answer broke off in a way that only a reset can tell the client.
    pub(super) fn ask_for_reset(&self) {
        self.reset.store(true, Relaxed);
    }

    /// Whether the connection has to end with a reset.
    pub(super) fn wants_reset(&self) -> bool {
        self.reset.load(Relaxed)
    }

    /// When the phase has lasted too long; none while a request is being answered and the client takes the answer.
    pub(super) fn deadline(&self, patience: Patience) -> Option<Instant> {
        let phase = self.phase.load(Relaxed);
        let since = self.opened + Duration::from_micros(phase >> PHASE_BITS);
        match phase & ((1 << PHASE_BITS) - 1) {
            IDLE | STALLED => Some(since + patience.idle),
            HEAD => Some(since + patience.head),
            _ => None,
        }
    }
}
