//! Connections that wait for their next request.
//!
//! A connection belongs to one function: its guard allowed the server, and what a function did on a connection is nothing
//! that another one should meet. So the key is the function (one loaded version of it), the scheme, the host and the port.

use super::connection::Connection;
use super::target::Target;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout_at;
use tokio_util::task::AbortOnDropHandle;

/// So long is waited for a connection that comes back, before another one is opened: more than the moment that it takes when
/// the answer is complete and the request too, and less than a connection costs.
const RETURN_MAX: Duration = Duration::from_millis(10);

/// Whose connection, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which guard allowed it: one for each loaded version of a function.
    pub(crate) guard: u64,
    pub(crate) target: Target,
}

/// Keeps connections for the next request.
pub(crate) struct Pool {
    inner: Mutex<Inner>,
    /// So many wait for a connection to close: none is kept then.
    waiting: AtomicUsize,
    /// Told whenever a connection came back, or did not.
    returned: Notify,
    idle_max: usize,
    idle_timeout: Duration,
}

#[derive(Default)]
struct Inner {
    shelves: HashMap<Key, Shelf>,
    kept: usize,
    /// Drops what nobody came for; none while nothing is kept.
    sweeper: Option<AbortOnDropHandle<()>>,
}

/// The connections of one function to one server.
#[derive(Default)]
struct Shelf {
    /// The last one used comes last.
    kept: VecDeque<Kept>,
    /// So many will be here in a moment: their answers are complete.
    returning: usize,
}

impl Shelf {
    fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.returning == 0
    }
}

struct Kept {
    connection: Connection,
    since: Instant,
}

impl Kept {
    fn is_stale(&self, now: Instant, idle_timeout: Duration) -> bool {
        self.connection.is_closed() || (self.connection.is_idle() && now.duration_since(self.since) >= idle_timeout)
    }
}

impl Pool {
    /// Keeps so many at most, each for so long.
    pub(crate) fn new(idle_max: usize, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            waiting: AtomicUsize::new(0),
            returned: Notify::new(),
            idle_max,
            idle_timeout,
        })
    }

    /// Takes a connection that is open, as far as is known; one that comes back in a moment is waited for.
    pub(crate) async fn take(&self, key: &Key) -> Option<Connection> {
        let mut patience = None;
        loop {
            let returned = self.returned.notified();
            match self.take_now(key) {
                Taken::Connection(connection) => return Some(connection),
                Taken::None => return None,
                Taken::Returning => {
                    let until = *patience.get_or_insert_with(|| tokio::time::Instant::now() + RETURN_MAX);
                    timeout_at(until, returned).await.ok()?;
                }
            }
        }
    }

    /// Takes the last one used, since the server keeps that longest.
    fn take_now(&self, key: &Key) -> Taken {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let Some(shelf) = inner.shelves.get_mut(key) else { return Taken::None };
        let (mut taken, mut dropped) = (Taken::None, 0);
        while let Some(mut kept) = shelf.kept.pop_back() {
            if kept.is_stale(now, self.idle_timeout) {
                dropped += 1;
                continue;
            }
            taken = Taken::Connection(match kept.connection.share() {
                Some(shared) => {
                    kept.since = now;
                    shelf.kept.push_back(kept);
                    shared
                }
                None => {
                    dropped += 1;
                    kept.connection
                }
            });
            break;
        }
        if matches!(taken, Taken::None) && shelf.returning > 0 {
            taken = Taken::Returning;
        }
        if shelf.is_empty() {
            inner.shelves.remove(key);
        }
        inner.kept -= dropped;
        taken
    }

    /// Keeps a connection whose answer is complete, when it takes the next request. By `deadline` at the latest: the request
    /// may still be on its way.
    pub(crate) fn give_back(self: Arc<Self>, key: Key, mut connection: Connection, deadline: tokio::time::Instant) {
        self.inner.lock().shelves.entry(key.clone()).or_default().returning += 1;
        tokio::spawn(async move {
            // The count goes down with the guard, also if the task is dropped with the runtime.
            let returning = Returning { pool: self, key };
            if let Ok(Ok(())) = timeout_at(deadline, connection.ready()).await {
                returning.pool.put(returning.key.clone(), connection);
            }
        });
    }

    /// Keeps a connection for the next request; one too many is closed.
    pub(crate) fn put(self: &Arc<Self>, key: Key, connection: Connection) {
        if connection.is_closed() || self.idle_max == 0 || self.waiting.load(Relaxed) > 0 {
            return;
        }
        let mut inner = self.inner.lock();
        if inner.kept >= self.idle_max && !inner.drop_oldest() {
            return;
        }
        inner.shelves.entry(key).or_default().kept.push_back(Kept { connection, since: Instant::now() });
        inner.kept += 1;
        if inner.sweeper.is_none() {
            let sweeping = tokio::spawn(sweep(Arc::downgrade(self), self.idle_timeout));
            inner.sweeper = Some(AbortOnDropHandle::new(sweeping));
        }
    }

    /// Makes room for another connection: closes the one that waited longest, and keeps none until the answer is dropped.
    pub(crate) fn make_room(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        self.inner.lock().drop_oldest();
        Waiting(self)
    }

    /// Closes what nobody came for; says whether anything is left.
    fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        inner.shelves.retain(|_, shelf| {
            shelf.kept.retain(|kept| !kept.is_stale(now, self.idle_timeout));
            !shelf.is_empty()
        });
        inner.kept = inner.shelves.values().map(|shelf| shelf.kept.len()).sum();
        if inner.kept == 0
            && let Some(sweeper) = inner.sweeper.take()
        {
            // It is the caller, and ends by itself.
            drop(sweeper.detach());
        }
        inner.kept > 0
    }
}

/// Somebody waits for a connection to close.
pub(crate) struct Waiting<'a>(&'a Pool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Inner {
    /// Closes the connection that waited longest; says whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let oldest = |shelf: &Shelf| shelf.kept.iter().find(|kept| kept.connection.is_idle()).map(|kept| kept.since);
        let found = self.shelves.iter().filter_map(|(key, shelf)| Some((oldest(shelf)?, key)));
        let Some(key) = found.min_by_key(|(since, _)| *since).map(|(_, key)| key.clone()) else { return false };
        let Some(shelf) = self.shelves.get_mut(&key) else { return false };
        let at = shelf.kept.iter().position(|kept| kept.connection.is_idle());
        self.kept -= usize::from(at.and_then(|at| shelf.kept.remove(at)).is_some());
        if shelf.is_empty() {
            self.shelves.remove(&key);
        }
        true
    }
}

/// A connection that comes back in a moment, or does not.
struct Returning {
    pool: Arc<Pool>,
    key: Key,
}

impl Drop for Returning {
    fn drop(&mut self) {
        let mut inner = self.pool.inner.lock();
        if let Some(shelf) = inner.shelves.get_mut(&self.key) {
            shelf.returning -= 1;
            if shelf.is_empty() {
                inner.shelves.remove(&self.key);
            }
        }
        drop(inner);
        self.pool.returned.notify_waiters();
    }
}

/// What the pool has.
enum Taken {
    Connection(Connection),
    Returning,
    None,
}

/// Looks twice in the time that a connection is kept.
async fn sweep(pool: Weak<Pool>, idle_timeout: Duration) {
    loop {
        tokio::time::sleep(idle_timeout / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}
