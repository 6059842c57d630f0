//! Who may run now, who waits, and who is refused.

use flint_model::lane::{self, Hold, Permits, Spread};
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many may run at once, and how many may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionOptions {
    /// How many run at once.
    pub concurrency: usize,
    /// How many wait while so many run; the next is refused at once.
    pub queue: usize,
    /// How long one waits before it is refused.
    pub queue_timeout: Duration,
}

impl Default for AdmissionOptions {
    fn default() -> Self {
        Self { concurrency: 100, queue: 1000, queue_timeout: Duration::from_secs(1) }
    }
}

/// Says that there was no room in time. A retry can help, after a back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at the limit of {limit} at once")]
pub struct Overloaded {
    /// How many may run at once.
    pub limit: usize,
}

/// Lets a bounded number in, first come, first served.
///
/// While nobody waits, permits come from the lane of who asks and go back there: no lock, and nothing that cores take turns with.
#[derive(Debug)]
pub struct Admission(Spread<Inner>);

#[derive(Debug)]
struct Inner {
    permits: Permits,
    /// How many permits there are, out or not: after a change to fewer, more than `concurrency` until enough came back.
    issued: AtomicUsize,
    line: Line,
    /// Those in the line who count against the queue.
    waiting: AtomicUsize,
    /// Only looked at by who does not get in at once.
    options: Mutex<AdmissionOptions>,
}

/// Those who wait, in their order.
#[derive(Debug)]
struct Line {
    length: AtomicUsize,
    /// What they are given. What is left when they have gone, others find here.
    permits: Semaphore,
}

/// The right to run, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    /// Always there, but while it is dropped.
    permit: Option<lane::Permit>,
    admission: Hold<Inner>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permit = None;
        self.admission.serve_line();
    }
}

impl Inner {
    /// Who comes while others wait stands behind them.
    fn take(&self) -> Option<lane::Permit> {
        if self.line.length.load(SeqCst) > 0 {
            return None;
        }
        self.permits.take().or_else(|| {
            self.line.permits.try_acquire().ok()?.forget();
            Some(self.permits.one_more())
        })
    }

    /// Waits for its turn.
    async fn stand_in_line(&self) -> lane::Permit {
        let _place = Place::take(&self.line.length, usize::MAX);
        // What came back before anybody could see that somebody waits.
        self.serve_line();
        // It is never closed.
        if let Ok(permit) = self.line.permits.acquire().await {
            permit.forget();
        }
        self.permits.one_more()
    }

    /// Gives what is free to who waits. Called by who gives a permit back, behind that, and by who waits, behind saying so: one of
    /// both finds the other. Until there is none: of two who give one back at once, one may take both, and the other find none. What is
    /// more than those who wait take comes back with those who find it in the line.
    fn serve_line(&self) {
        while self.line.length.load(SeqCst) > 0
            && let Some(permit) = self.permits.take()
        {
            permit.forget();
            self.line.permits.add_permits(1);
        }
    }
}

impl Admission {
    /// Starts with nobody inside.
    pub fn new(options: AdmissionOptions) -> Self {
        let count = permits(&options);
        Self(Spread::new(Arc::new(Inner {
            permits: Permits::new(count),
            issued: AtomicUsize::new(count),
            line: Line { length: AtomicUsize::new(0), permits: Semaphore::new(0) },
            waiting: AtomicUsize::new(0),
            options: Mutex::new(options),
        })))
    }

    /// How many are inside.
    pub fn running(&self) -> usize {
        let inner = &self.0;
        let free = inner.permits.free() + inner.line.permits.available_permits();
        inner.issued.load(Ordering::Relaxed).saturating_sub(free)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// The options in force.
    pub fn options(&self) -> AdmissionOptions {
        *self.0.options.lock()
    }

    /// Changes the options while some are inside. With a smaller `concurrency`, those who are inside stay, those who wait already
    /// get their turn, and nobody else gets in until there are fewer. Has to be called within a tokio runtime.
    pub fn change(&self, options: AdmissionOptions) {
        let inner = self.0.value();
        let before = std::mem::replace(&mut *inner.options.lock(), options);
        let (before, after) = (permits(&before), permits(&options));
        if after >= before {
            inner.issued.fetch_add(after - before, Ordering::Relaxed);
            inner.permits.add(after - before);
            inner.serve_line();
            return;
        }
        let surplus = before - after;
        let forgotten = inner.permits.remove(surplus);
        let forgotten = forgotten + inner.line.permits.forget_permits(surplus - forgotten);
        inner.issued.fetch_sub(forgotten, Ordering::Relaxed);
        let held = surplus - forgotten;
        if held > 0 {
            let inner = Arc::clone(inner);
            // In the line like all others, so they take the places of those who leave; one by one, to be counted as they do.
            tokio::spawn(async move {
                let mut places: FuturesUnordered<_> = (0..held).map(|_| inner.stand_in_line()).collect();
                while let Some(place) = places.next().await {
                    place.forget();
                    inner.issued.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
    }

    /// Waits for room. Dropping the future gives the place in the line up.
    ///
    /// # Errors
    /// [`Overloaded`] if too many wait already, or the wait was too long.
    pub async fn enter(&self) -> Result<Permit, Overloaded> {
        let inner = &self.0;
        let permit = match inner.take() {
            Some(permit) => permit,
            None => {
                let options = self.options();
                let refused = Overloaded { limit: options.concurrency };
                let _place = Place::take(&inner.waiting, options.queue).ok_or(refused)?;
                tokio::time::timeout(options.queue_timeout, inner.stand_in_line()).await.map_err(|_| refused)?
            }
        };
        Ok(Permit { permit: Some(permit), admission: self.0.hold() })
    }
}

fn permits(options: &AdmissionOptions) -> usize {
    options.concurrency.clamp(1, Semaphore::MAX_PERMITS)
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        waiting.try_update(SeqCst, SeqCst, |now| (now < max).then_some(now + 1)).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_runs_one_waits_and_the_third_is_refused_at_once() {
        let options = AdmissionOptions { concurrency: 1, queue: 1, queue_timeout: Duration::from_secs(5) };
        let admission = Arc::new(Admission::new(options));
        let first = admission.enter().await.unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(admission.enter().await.unwrap_err(), Overloaded { limit: 1 });
        drop(first);
        assert!(waiting.await.unwrap().is_ok());
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused_and_leaves_the_queue() {
        let options = AdmissionOptions { concurrency: 1, queue: 1, queue_timeout: Duration::from_secs(5) };
        let admission = Admission::new(options);
        let _first = admission.enter().await.unwrap();
        for _ in 0..2 {
            let began = tokio::time::Instant::now();
            assert!(admission.enter().await.is_err());
            assert_eq!(began.elapsed(), Duration::from_secs(5), "it found a place in the queue");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_concurrency_can_be_changed_while_some_are_inside() {
        let options = AdmissionOptions { concurrency: 3, queue: 0, queue_timeout: Duration::ZERO };
        let admission = Admission::new(options);
        let mut inside = Vec::new();
        for _ in 0..3 {
            inside.push(admission.enter().await.unwrap());
        }
        admission.change(AdmissionOptions { concurrency: 1, ..options });
        tokio::task::yield_now().await;
        for left in [2, 1] {
            assert_eq!(admission.running(), left + 1);
            inside.pop();
            assert_eq!(admission.enter().await.unwrap_err(), Overloaded { limit: 1 });
            tokio::task::yield_now().await;
        }
        assert_eq!(admission.running(), 1);
        inside.pop();
        inside.push(admission.enter().await.unwrap());
        assert!(admission.enter().await.is_err());
        admission.change(AdmissionOptions { concurrency: 2, ..options });
        inside.push(admission.enter().await.unwrap());
        assert!(admission.enter().await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_is_forgotten_in_the_line_and_no_more_than_may_are_inside() {
        const CONCURRENCY: usize = 3;
        let options = AdmissionOptions { concurrency: CONCURRENCY, queue: 64, queue_timeout: Duration::from_secs(60) };
        let (admission, inside) = (Arc::new(Admission::new(options)), Arc::new(AtomicUsize::new(0)));
        let visitors = (0..64).map(|number| {
            let (admission, inside) = (Arc::clone(&admission), Arc::clone(&inside));
            tokio::spawn(async move {
                for visit in 0..500 {
                    // Some leave before it is their turn.
                    let patience = if (number + visit) % 7 == 0 { Duration::ZERO } else { Duration::from_secs(60) };
                    let Ok(permit) = tokio::time::timeout(patience, admission.enter()).await else { continue };
                    let permit = permit.expect("there is room in the queue");
                    assert!(inside.fetch_add(1, SeqCst) < CONCURRENCY);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            })
        });
        let visitors: FuturesUnordered<_> = visitors.collect();
        visitors.for_each(async |visited| visited.expect("it ends")).await;
        assert_eq!((admission.running(), admission.waiting()), (0, 0));
        let mut again = Vec::new();
        for _ in 0..CONCURRENCY {
            again.push(admission.enter().await.expect("all permits came back"));
        }
        assert_eq!(admission.running(), CONCURRENCY);
    }
}
