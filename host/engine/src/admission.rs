//! Who may run now, who waits, and who is refused.

use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
#[derive(Debug)]
pub struct Admission {
    permits: Arc<Semaphore>,
    /// How many permits there are, out or not: after a change to fewer, more than `concurrency` until enough came back.
    issued: Arc<AtomicUsize>,
    waiting: AtomicUsize,
    /// Only looked at by who does not get in at once.
    options: Mutex<AdmissionOptions>,
}

/// The right to run, until it is dropped.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "gives the right back when it is dropped")] OwnedSemaphorePermit);

impl Admission {
    /// Starts with nobody inside.
    pub fn new(options: AdmissionOptions) -> Self {
        let count = permits(&options);
        let (permits, issued) = (Arc::new(Semaphore::new(count)), Arc::new(AtomicUsize::new(count)));
        Self { permits, issued, waiting: AtomicUsize::new(0), options: Mutex::new(options) }
    }

    /// How many are inside.
    pub fn running(&self) -> usize {
        self.issued.load(Ordering::Relaxed).saturating_sub(self.permits.available_permits())
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The options in force.
    pub fn options(&self) -> AdmissionOptions {
        *self.options.lock()
    }

    /// Changes the options while some are inside. With a smaller `concurrency`, those who are inside stay, those who wait already
    /// get their turn, and nobody else gets in until there are fewer. Has to be called within a tokio runtime.
    pub fn change(&self, options: AdmissionOptions) {
        let before = std::mem::replace(&mut *self.options.lock(), options);
        let (before, after) = (permits(&before), permits(&options));
        if after >= before {
            self.issued.fetch_add(after - before, Ordering::Relaxed);
            self.permits.add_permits(after - before);
            return;
        }
        let surplus = before - after;
        let forgotten = self.permits.forget_permits(surplus);
        self.issued.fetch_sub(forgotten, Ordering::Relaxed);
        let held = surplus - forgotten;
        if held > 0 {
            let (semaphore, issued) = (Arc::clone(&self.permits), Arc::clone(&self.issued));
            // In the queue like all others, so they take the places of those who leave; one by one, to be counted as they do.
            tokio::spawn(async move {
                let mut places: FuturesUnordered<_> =
                    (0..held).map(|_| Arc::clone(&semaphore).acquire_owned()).collect();
                while let Some(Ok(place)) = places.next().await {
                    place.forget();
                    issued.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
    }

    /// Waits for room. Dropping the future gives the place in the queue up.
    ///
    /// # Errors
    /// [`Overloaded`] if too many wait already, or the wait was too long.
    pub async fn enter(&self) -> Result<Permit, Overloaded> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(Permit(permit));
        }
        let options = self.options();
        let refused = Overloaded { limit: options.concurrency };
        let _place = Place::take(&self.waiting, options.queue).ok_or(refused)?;
        let acquired = tokio::time::timeout(options.queue_timeout, Arc::clone(&self.permits).acquire_owned());
        match acquired.await {
            Ok(Ok(permit)) => Ok(Permit(permit)),
            // The semaphore is never closed: its only other error.
            Ok(Err(_)) | Err(_) => Err(refused),
        }
    }
}

fn permits(options: &AdmissionOptions) -> usize {
    options.concurrency.clamp(1, Semaphore::MAX_PERMITS)
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        waiting.try_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < max).then_some(now + 1)).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
}
