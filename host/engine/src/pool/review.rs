//! What the refilling thread does when it looks at a pool: how many spares there should be, those that are missing, and those
//! that are too many.

use super::{Blueprint, Inner};
use crate::admission::Admission;
use crate::demand::{Bounds, Demand, Observed};
use crate::fault::Fault;
use crate::refill::{Refillable, Refilled, Review};
use crate::runtime::Calls;
use crate::stock::Made;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// After so long it is another pool's turn to be filled: instances that start slowly must not keep all others from theirs.
const TURN: Duration = Duration::from_millis(10);

/// How long the refilling thread leaves a pool alone whose instances can't be made.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What the refilling thread remembers between two looks.
pub(super) struct Reviewed {
    demand: Demand,
    arrivals: u64,
    at: Instant,
    /// The most instances at once, so far.
    most_alive: usize,
    /// Not before then: instances could not be made.
    not_before: Option<Instant>,
}

impl Reviewed {
    /// Nothing was seen yet.
    pub(super) fn new() -> Self {
        Self { demand: Demand::default(), arrivals: 0, at: Instant::now(), most_alive: 0, not_before: None }
    }
}

impl<B: Blueprint> Inner<B> {
    fn decide_target(&self, reviewed: &mut Reviewed) -> usize {
        let arrivals: u64 = self.arrivals.iter().map(|lane| lane.load(Relaxed)).sum();
        let (misses, now) = (self.misses.load(Relaxed), Instant::now());
        let seen = Observed {
            arrivals: arrivals - reviewed.arrivals,
            misses: misses - self.misses_seen.swap(misses, Relaxed),
            elapsed: now - reviewed.at,
        };
        let bounds = Bounds { floor: self.options.warm, ceiling: self.options.spares_max };
        let target = reviewed.demand.observe(seen, bounds);
        (reviewed.arrivals, reviewed.at) = (arrivals, now);
        self.target.store(target, Relaxed);
        target
    }

    /// Makes spares up to `target`, or until its turn is over. Says whether it is done.
    fn fill(&self, target: usize, runtime: &Handle) -> Result<bool, Fault> {
        let began = Instant::now();
        while self.stock.ready() < target && self.may_keep_another() && !self.is_retired() {
            if began.elapsed() >= TURN {
                return Ok(false);
            }
            runtime.block_on(self.add_spare(Made::Elsewhere, target))?;
        }
        Ok(true)
    }
}

impl<B: Blueprint> Refillable for Inner<B> {
    fn refill(&self, runtime: &Handle) -> Refilled {
        self.asked.store(false, Relaxed);
        let mut reviewed = self.review.lock();
        if self.is_retired() {
            // What was being made when it retired.
            self.trim(0);
            return Refilled { review: Review::Settled, grown: false };
        }
        let target = self.decide_target(&mut reviewed);
        let mut review = if target > self.options.warm { Review::Again } else { Review::Settled };
        if reviewed.not_before.is_none_or(|moment| Instant::now() >= moment) {
            reviewed.not_before = None;
            match self.fill(target, runtime) {
                Ok(true) => {}
                Ok(false) => review = Review::Unfinished,
                Err(fault) => {
                    tracing::debug!(%fault, "no spare instance could be made");
                    reviewed.not_before = Some(Instant::now() + BACK_OFF);
                }
            }
        }
        self.trim(target);
        // Also where who waits for a slot goes first, and where one more came while they were counted.
        if review == Review::Settled && self.stock.ready() != target {
            review = Review::Again;
        }
        let alive = self.stock.ready() + self.admission.running();
        let grown = alive > reviewed.most_alive;
        reviewed.most_alive = alive.max(reviewed.most_alive);
        Refilled { review, grown }
    }

    fn admission(&self) -> Arc<Admission> {
        Arc::clone(&self.admission)
    }

    fn calls(&self) -> Calls {
        self.blueprint.calls()
    }

    fn give_up_surplus(&self) -> bool {
        self.give_up_beyond(self.options.warm)
    }

    fn give_up_one(&self) -> bool {
        self.give_up_beyond(0)
    }
}
