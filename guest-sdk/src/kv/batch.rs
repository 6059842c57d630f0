//! Several changes that are made together, or not at all.

use serde::Serialize;

use super::error::Error;
use super::store::{Put, Version, encode};
use crate::bindings::imports::flint::platform::kv as wit;

/// Changes to be made together, by [`Store::batch`](super::Store::batch).
///
/// ```
/// use flint_sdk::kv::{Batch, Error, Expect, Put};
///
/// # fn example() -> Result<Batch, Error> {
/// let batch = Batch::new()
///     .put("order/7", &"paid", Put::new().expect(Expect::Absent))?
///     .increment("orders", 1)
///     .delete("cart/7");
/// # Ok(batch)
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Batch(Vec<wit::Mutation>);

/// What one change of a batch came to, in the order of the batch.
///
/// ```
/// use flint_sdk::kv::{Batch, Error, Outcome, Store};
///
/// /// Removes a cart and answers whether there was one.
/// async fn remove(store: &Store) -> Result<bool, Error> {
///     let outcomes = store.batch(Batch::new().delete("cart/7").increment("removals", 1)).await?;
///     Ok(outcomes.first() == Some(&Outcome::Deleted(true)))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A value was written, with this version.
    Put(Version),
    /// A key was deleted, or there was none.
    Deleted(bool),
    /// The sum of a counter.
    Incremented(i64),
}

impl Batch {
    /// A batch of no changes.
    ///
    /// ```
    /// let batch = flint_sdk::kv::Batch::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the write of a value.
    ///
    /// ```
    /// # use flint_sdk::kv::{Batch, Error, Put};
    /// # fn example() -> Result<Batch, Error> {
    /// Batch::new().put("a", &1, Put::new())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Json`] if the value has no JSON form.
    pub fn put<T: Serialize + ?Sized>(self, key: &str, value: &T, put: Put) -> Result<Self, Error> {
        let value = encode(key, value)?;
        Ok(self.put_bytes(key, value, put))
    }

    /// Adds the write of bytes as they are.
    ///
    /// ```
    /// # use flint_sdk::kv::{Batch, Put};
    /// let batch = Batch::new().put_bytes("a", [1, 2, 3], Put::new());
    /// ```
    #[must_use]
    pub fn put_bytes(mut self, key: &str, value: impl Into<Vec<u8>>, put: Put) -> Self {
        self.0.push(wit::Mutation::Put(wit::KeyPut { key: key.to_owned(), value: value.into(), options: put.into() }));
        self
    }

    /// Adds the deletion of a key.
    ///
    /// ```
    /// let batch = flint_sdk::kv::Batch::new().delete("a");
    /// ```
    #[must_use]
    pub fn delete(self, key: &str) -> Self {
        self.delete_expecting(key, None)
    }

    /// Adds the deletion of a key at this very version.
    ///
    /// ```
    /// # use flint_sdk::kv::{Batch, Version};
    /// # fn example(version: Version) {
    /// let batch = Batch::new().delete_if("a", version);
    /// # }
    /// ```
    #[must_use]
    pub fn delete_if(self, key: &str, version: Version) -> Self {
        self.delete_expecting(key, Some(wit::Expectation::Version(version.0)))
    }

    /// Adds an increment of a counter.
    ///
    /// ```
    /// let batch = flint_sdk::kv::Batch::new().increment("visits", 1);
    /// ```
    #[must_use]
    pub fn increment(mut self, key: &str, delta: i64) -> Self {
        self.0.push(wit::Mutation::Increment(wit::KeyIncrement { key: key.to_owned(), delta }));
        self
    }

    fn delete_expecting(mut self, key: &str, expect: Option<wit::Expectation>) -> Self {
        self.0.push(wit::Mutation::Delete(wit::KeyDelete { key: key.to_owned(), expect }));
        self
    }

    pub(super) fn into_mutations(self) -> Vec<wit::Mutation> {
        self.0
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        match outcome {
            wit::Outcome::Put(version) => Self::Put(Version(version)),
            wit::Outcome::Deleted(deleted) => Self::Deleted(deleted),
            wit::Outcome::Incremented(sum) => Self::Incremented(sum),
        }
    }
}
