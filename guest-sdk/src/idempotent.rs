//! Work that happens once, however often it is asked for.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kv::{self, Expect, Put, Store, Version};
use crate::{context, transaction};

/// How much longer a claim lasts than who made it may run: until then nobody knows that he is gone.
const MARGIN: Duration = Duration::from_secs(1);

/// Does work once under a key, and answers what it came to, however often it is asked for.
///
/// The result is kept in a store under the key, for so long. It and what the work writes to stores and queues are one
/// [`transaction`](fn@crate::transaction), with its rules: it happens together or not at all, and is tried again when it meets
/// another. What the work does beside, such as a call of another host, may happen again if the function ends before.
///
/// Who comes while another one does the work gets [`Error::Running`] at once, and finds the result later. Work that fails
/// leaves nothing behind, and the next one does it. So does the next one after an invocation that was interrupted, when its claim is over: as
/// soon as that one could not run any more. Two different questions under one key get one answer: put into the key what tells them apart.
///
/// ```no_run
/// use std::time::Duration;
/// use flint_sdk::{Failure, idempotent, kv, queue};
///
/// #[flint_sdk::invoke]
/// async fn pay(order: String) -> Result<i64, Failure> {
///     let store = kv::open("payments");
///     idempotent(&store, &format!("once/{order}"), Duration::from_secs(24 * 60 * 60), async || {
///         queue::open("receipts").send(&order).await?;
///         Ok(store.increment("count", 1).await?)
///     })
///     .await
/// }
/// ```
///
/// # Errors
/// That of the work; or [`Error`], turned into one.
pub async fn idempotent<T, E>(
    store: &Store,
    key: &str,
    ttl: Duration,
    work: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned,
    E: From<Error>,
{
    let claim = match claim(store, key).await? {
        Claimed::Done(answer) => return Ok(answer),
        Claimed::ByUs(version) => version,
    };
    let put = Put::new().ttl(ttl).expect(Expect::Version(claim));
    let done = transaction(async || {
        let answer = work().await.map_err(Inside::Work)?;
        store.put_with(key, &Record::Done(&answer), put).await.map_err(Inside::Store)?;
        Ok::<_, Inside<E>>(answer)
    });
    match done.await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            // If it can't be removed it is over soon; and if another one has it, it is that one's.
            _ = store.delete_if(key, claim).await;
            Err(error.outside())
        }
    }
}

/// Why nothing is known of what the work came to.
///
/// ```
/// use flint_sdk::idempotent::Error;
///
/// fn comes_again(error: &Error) -> bool {
///     matches!(error, Error::Running)
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one does the work. A retry can help, after a back-off.
    #[error("another one does this work now")]
    Running,
    /// The store can't be read or written, or holds something else under the key.
    #[error(transparent)]
    Store(#[from] kv::Error),
    /// The work could not be made durable.
    #[error(transparent)]
    Transaction(#[from] transaction::Error),
}

impl Error {
    /// Whether the same could succeed later, after a back-off.
    ///
    /// ```
    /// assert!(flint_sdk::idempotent::Error::Running.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Running => true,
            Self::Store(error) => error.is_retryable() || error.is_conflict(),
            Self::Transaction(error) => error.is_retryable(),
        }
    }
}

/// What is kept under a key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Record<T> {
    Running,
    Done(T),
}

enum Claimed<T> {
    Done(T),
    ByUs(Version),
}

/// Finds the result, or sees to it that nobody else does the work.
async fn claim<T: Serialize + DeserializeOwned>(store: &Store, key: &str) -> Result<Claimed<T>, Error> {
    if let Some(entry) = store.entry::<Record<T>>(key).await? {
        return found(entry.value);
    }
    let lasts = context::current().remaining.saturating_add(MARGIN);
    let put = Put::new().ttl(lasts).expect(Expect::Absent);
    match store.put_with(key, &Record::<T>::Running, put).await {
        Ok(version) => Ok(Claimed::ByUs(version)),
        // Another one was faster, and may be done by now.
        Err(error) if error.is_conflict() => match store.entry::<Record<T>>(key).await? {
            Some(entry) => found(entry.value),
            None => Err(Error::Running),
        },
        Err(error) => Err(error.into()),
    }
}

fn found<T>(record: Record<T>) -> Result<Claimed<T>, Error> {
    match record {
        Record::Running => Err(Error::Running),
        Record::Done(answer) => Ok(Claimed::Done(answer)),
    }
}

/// What goes wrong within the transaction.
enum Inside<E> {
    Work(E),
    Store(kv::Error),
    Transaction(transaction::Error),
}

impl<E> From<transaction::Error> for Inside<E> {
    fn from(error: transaction::Error) -> Self {
        Self::Transaction(error)
    }
}

impl<E: From<Error>> Inside<E> {
    fn outside(self) -> E {
        match self {
            Self::Work(error) => error,
            Self::Store(error) => Error::Store(error).into(),
            Self::Transaction(error) => Error::Transaction(error).into(),
        }
    }
}
