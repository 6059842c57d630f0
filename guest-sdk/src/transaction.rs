//! Changes of key-value stores and queues that happen together, or not at all.
//!
//! In a handler of a trigger with `transactional = true`, all of its changes are one transaction anyway, with its messages being
//! done. [`transaction`](fn@transaction) is for requests and invocations, and for parts of a handler that may fail alone.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use crate::bindings::imports::flint::platform::transaction as wit;
use crate::time;

/// So often a transaction is tried that meets others.
const ATTEMPTS_MAX: u32 = 10;

/// Runs work whose changes happen together, or not at all.
///
/// What it writes to key-value stores and sends to queues is held back: its own reads show it, nobody else sees it. When it
/// answers `Ok`, all of it is made durable at once; after an error, and if the future is dropped, none of it is. If somebody
/// changed a key meanwhile that it had read or written, it is run again, from its start, up to ten times: what it does beside,
/// such as a call of another host, happens again too. A scan does not notice keys that others add.
///
/// Everything that the function writes until the end belongs to it, so nothing that should stay in any case may run beside it.
/// Within another transaction, it is a part of that, and nothing is durable before its end. A second one that is begun beside it,
/// as with [`join!`](crate::join) or in a task of its own, is [`Error::Invalid`]: it could not be told whose changes are whose.
/// Not for functions with `isolation = "shared"`.
///
/// ```no_run
/// use flint_sdk::{Failure, kv, queue, transaction};
///
/// #[flint_sdk::invoke]
/// async fn take(item: String) -> Result<i64, Failure> {
///     let stock = kv::open("stock");
///     transaction(async || {
///         let left = stock.increment(&item, -1).await?;
///         if left < 0 {
///             // Nothing was taken.
///             return Err(Failure::new("SoldOut", "there is none left").never());
///         }
///         queue::open("deliveries").send(&item).await?;
///         Ok(left)
///     })
///     .await
/// }
/// ```
///
/// # Errors
/// That of the work; or [`Error`], turned into one: [`Error::Conflict`] after too many attempts.
pub async fn transaction<T, E: From<Error>>(work: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    let mut attempt = 1;
    loop {
        let open = Open::begin()?;
        let answer = within(open.id, work()).await?;
        match open.commit().await {
            Ok(()) => return Ok(answer),
            Err(Error::Conflict(_)) if attempt < ATTEMPTS_MAX => {}
            Err(error) => return Err(error.into()),
        }
        // Of those that meet one has succeeded, and the others would meet again. Half a second in all.
        time::sleep(Duration::from_millis(1 << (attempt - 1))).await;
        attempt += 1;
    }
}

/// Why a transaction did not happen.
///
/// ```
/// use flint_sdk::transaction::Error;
///
/// fn is_busy(error: &Error) -> bool {
///     matches!(error, Error::Conflict(_) | Error::Unavailable(_))
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others changed what it had read, again and again. A retry can help, after a back-off.
    #[error("the transaction met others too often: {0}")]
    Conflict(String),
    /// It holds more changes than one commit may. A retry can't help.
    #[error("the transaction is too large: {0}")]
    TooLarge(String),
    /// None can be begun or ended here. A retry can't help.
    #[error("this can't be a transaction: {0}")]
    Invalid(String),
    /// Something stood in the way that is known at the end alone: a queue is full. A retry can help, after a back-off.
    #[error("the transaction was refused: {0}")]
    Refused(String),
    /// The store is overloaded, out of space or shutting down. It may have happened. A retry can help, after a back-off.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

impl Error {
    /// Whether the same could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::transaction::Error;
    ///
    /// assert!(Error::Conflict("`n` is not what was expected".into()).is_retryable());
    /// assert!(!Error::TooLarge("1001 changes".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Refused(_) | Self::Unavailable(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Conflict(text) => Self::Conflict(text),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Refused(text) => Self::Refused(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

thread_local! {
    /// The transaction whose work runs now.
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs work as that of a transaction. What runs beside it is not, though it takes turns with it.
async fn within<T>(transaction: u64, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        let outer = CURRENT.replace(Some(transaction));
        let poll = work.as_mut().poll(context);
        CURRENT.set(outer);
        poll
    })
    .await
}

/// A transaction that was begun. Dropped, it never was.
struct Open {
    id: u64,
    is_open: bool,
}

impl Open {
    fn begin() -> Result<Self, Error> {
        Ok(Self { id: wit::begin(CURRENT.get())?, is_open: true })
    }

    async fn commit(mut self) -> Result<(), Error> {
        // Whatever comes of it, it is over.
        self.is_open = false;
        Ok(wit::commit(self.id).await?)
    }

    fn roll_back(mut self) -> Result<(), Error> {
        self.is_open = false;
        Ok(wit::roll_back(self.id)?)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.is_open {
            // It was begun, so it can be ended.
            _ = wit::roll_back(self.id);
        }
    }
}

/// Changes that can be taken back without the rest of a transaction; none if nothing is held back. Dropped, they are.
pub(crate) struct Part(Option<Open>);

impl Part {
    pub(crate) fn begin() -> Self {
        Self(if wit::is_open() { Open::begin().ok() } else { None })
    }

    /// Runs the work whose changes they are.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.0 {
            Some(open) => within(open.id, work).await,
            None => work.await,
        }
    }

    /// Leaves the changes to the transaction around it.
    pub(crate) async fn keep(self) {
        if let Some(open) = self.0 {
            // Nothing is written by its end: there is nothing to fail.
            _ = open.commit().await;
        }
    }

    /// Takes the changes back, and says whether they could be.
    pub(crate) fn take_back(self) -> bool {
        self.0.is_some_and(|open| open.roll_back().is_ok())
    }
}
