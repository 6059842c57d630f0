//! Places among the files that are open at once.
//!
//! A place is held for as long as its file is open, and that is up to who reads or writes it. So no bucket has more of them
//! than there are free ones: those who read one slowly, or not at all, leave some for every other bucket. A bucket that is
//! alone has half.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use flint_model::BucketName;
use flint_stores::Unavailable;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Whose file it is; none: content that no bucket leads to yet.
pub(crate) type Holder = Option<BucketName>;

/// All places.
pub(crate) struct Transfers {
    state: Mutex<State>,
    freed: Notify,
    wait_max: Duration,
}

struct State {
    free: usize,
    held: HashMap<Holder, usize>,
    closed: bool,
}

/// A place, until it is dropped.
pub(crate) struct Transfer {
    transfers: Arc<Transfers>,
    holder: Holder,
}

impl Transfers {
    pub(crate) fn new(max: usize, wait_max: Duration) -> Self {
        let state = State { free: max.max(1), held: HashMap::new(), closed: false };
        Self { state: Mutex::new(state), freed: Notify::new(), wait_max }
    }

    /// Takes a place, or waits for one.
    ///
    /// # Errors
    /// [`Unavailable::Overloaded`] if there was none in time; [`Unavailable::ShuttingDown`].
    pub(crate) async fn take(self: &Arc<Self>, holder: Holder) -> Result<Transfer, Unavailable> {
        let take = async {
            loop {
                // Before it looks: so no place falls free between looking and waiting.
                let mut freed = pin!(self.freed.notified());
                freed.as_mut().enable();
                if self.state.lock().take(&holder)? {
                    return Ok(Transfer { transfers: Arc::clone(self), holder: holder.clone() });
                }
                freed.await;
            }
        };
        tokio::time::timeout(self.wait_max, take).await.unwrap_or(Err(Unavailable::Overloaded))
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.freed.notify_waiters();
    }
}

impl State {
    fn take(&mut self, holder: &Holder) -> Result<bool, Unavailable> {
        if self.closed {
            return Err(Unavailable::ShuttingDown);
        }
        let held = self.held.get(holder).copied().unwrap_or(0);
        if held >= self.free {
            return Ok(false);
        }
        self.free -= 1;
        self.held.insert(holder.clone(), held + 1);
        Ok(true)
    }

    fn give_back(&mut self, holder: &Holder) {
        self.free += 1;
        match self.held.get_mut(holder) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(self.held.remove(holder)),
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.transfers.state.lock().give_back(&self.holder);
        self.transfers.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(name: &str) -> Holder {
        Some(BucketName::parse(name).expect("a name"))
    }

    #[tokio::test]
    async fn no_bucket_takes_the_last_places_of_all() {
        let transfers = Arc::new(Transfers::new(9, Duration::from_millis(10)));
        let take = async |name| transfers.take(bucket(name)).await;
        let mut held = Vec::new();
        for (name, share) in [("a", 5), ("b", 2), ("c", 1), ("d", 1)] {
            for _ in 0..share {
                held.push(take(name).await.expect(name));
            }
            assert_eq!(take(name).await.err(), Some(Unavailable::Overloaded), "{name} has its share");
        }
        held.clear();
        assert!(take("b").await.is_ok());
        assert!(transfers.state.lock().held.is_empty(), "nobody is remembered who has none");
    }

    #[tokio::test]
    async fn who_waits_has_the_place_that_falls_free() {
        let transfers = Arc::new(Transfers::new(1, Duration::from_secs(60)));
        let held = transfers.take(None).await.expect("a place");
        let [mut first, mut second] = [(); 2].map(|()| Box::pin(transfers.take(bucket("a"))));
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
        drop(held);
        drop(first.await.expect("it is free"));
        let _held = second.await.expect("it is free again");
        let mut third = Box::pin(transfers.take(None));
        assert!(futures::poll!(&mut third).is_pending());
        transfers.close();
        assert_eq!(third.await.err(), Some(Unavailable::ShuttingDown));
    }
}
