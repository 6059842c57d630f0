//! Looks after the time of a connection or a stream: ends what is idle or slow for too long, and tells who waits for a body.

use super::activity::{Activity, Patience};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client of HTTP/2 has to say goodbye when nothing runs any more.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often a connection of HTTP/1 is polled to see whether its client is still there, while a request's body is unread.
const LOOK: Duration = Duration::from_secs(1);
/// How long it has at most while a complete answer is still on its way to it.
const LEAVING: Duration = Duration::from_secs(5);

/// Ends when the phase of a connection, or of a stream, has lasted too long. On the way it tells who waits too long for a body.
pub(super) struct Watch<'a> {
    activity: &'a Activity,
    patience: Patience,
    /// Made when there is a moment to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether what changes elsewhere is looked for also while there is nothing to wait for.
    looks: bool,
    goodbye: Option<Goodbye>,
}

/// Why a client of HTTP/2 was told that its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It asked for nothing for too long, so nothing is on its way to it.
    Idle,
    /// The host ends.
    Drain,
}

#[derive(Debug, Clone, Copy)]
struct Goodbye {
    since: Instant,
    why: Farewell,
}

impl<'a> Watch<'a> {
    /// Watches a connection.
    pub(super) fn new(activity: &'a Activity, patience: Patience) -> Self {
        Self::of_stream(activity, patience, true)
    }

    /// Watches one of several; `has_body`: somebody else may wait for its request's body.
    pub(super) fn of_stream(activity: &'a Activity, patience: Patience, has_body: bool) -> Self {
        Self { activity, patience, timer: None, looks: has_body, goodbye: None }
    }

    /// From now on a connection of HTTP/2 ends soon after its last stream.
    pub(super) fn expect_goodbye(&mut self, why: Farewell) {
        self.goodbye = Some(Goodbye { since: Instant::now(), why });
    }

    fn deadline(&self) -> Option<Instant> {
        let Some(goodbye) = self.goodbye.filter(|_| !self.activity.has_streams()) else {
            return self.activity.deadline(self.patience);
        };
        let patience = Patience { idle: GOODBYE, head: GOODBYE, ..self.patience };
        let end = self.activity.deadline(patience).max(Some(goodbye.since + GOODBYE))?;
        // What moves may be an answer, or no more than pings: it gets more time, but not without end.
        let moving = (self.activity.moved() + GOODBYE).min(end + (LEAVING - GOODBYE));
        Some(if goodbye.why == Farewell::Drain { end.max(moving) } else { end })
    }
}

impl Future for Watch<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let (end, body) = (self.deadline(), self.activity.body_deadline(self.patience));
            let next = end.into_iter().chain(body).min();
            if next.is_none() && !self.looks {
                return Poll::Pending;
            }
            let look = self.activity.has_unread_body().then(|| Instant::now() + LOOK);
            let wake = next.into_iter().chain(look).min();
            let pause = self.patience.idle.min(self.patience.body);
            let timer =
                self.timer.get_or_insert_with(|| Box::pin(sleep_until(wake.unwrap_or_else(|| Instant::now() + pause))));
            // The timer is moved when it has to ring earlier, which is rare. That it rings too early, because the phase has
            // changed since, is found out when it rings.
            if let Some(at) = wake.filter(|at| *at < timer.deadline()) {
                timer.as_mut().reset(at);
            }
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if next.is_none_or(|at| at > now) {
                timer.as_mut().reset(wake.unwrap_or(now + pause));
            } else if end.is_some_and(|at| at <= now) {
                return Poll::Ready(());
            } else {
                self.activity.give_body_up();
            }
        }
    }
}
