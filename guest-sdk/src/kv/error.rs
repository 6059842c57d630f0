//! Why a call of a store failed.

use super::store::Version;
use crate::bindings::imports::flint::platform::kv as wit;

/// Why a call failed. Nothing of the call was written, but for [`Error::Unavailable`], after which it may have been.
///
/// ```
/// use flint_sdk::kv::{Error, Expect, Store};
///
/// /// Takes a name, if nobody has it.
/// async fn claim(names: &Store, name: &str) -> Result<bool, Error> {
///     match names.compare_and_set(name, Expect::Absent, "taken").await {
///         Ok(_version) => Ok(true),
///         Err(Error::Conflict(_)) => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No store has this name. A retry can't help.
    #[error("there is no key-value store `{0}`")]
    NoSuchStore(String),
    /// The function has no grant, or a read grant where the call writes. A retry can't help.
    #[error("the function may not do this to the key-value store: {0}")]
    Denied(String),
    /// A key is not what was expected. Read it again, decide anew, then retry.
    #[error("`{}` is not what was expected", .0.key)]
    Conflict(Conflict),
    /// A key, value, batch or page is larger than a limit. A retry can't help.
    #[error("the {} has a size of {}, which is over the limit of {}", .0.what, .0.size, .0.limit)]
    TooLarge(TooLarge),
    /// An argument breaks a rule, such as an empty key. A retry can't help.
    #[error("an argument is invalid: {0}")]
    Invalid(String),
    /// An increment met what is no counter, or a sum outside of 64 bits. A retry can't help.
    #[error("this is no counter, or it would overflow: {0}")]
    NotACounter(String),
    /// The store is overloaded, out of space or shutting down. A retry can help, after a back-off.
    #[error("the key-value store is unavailable: {0}")]
    Unavailable(String),
    /// The value has no JSON form, or what is stored is not of the expected form. A retry can't help.
    #[error("the value of `{key}` is not the expected JSON")]
    Json {
        /// The key whose value it is.
        key: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// What stood in the way of a conditional write.
///
/// ```
/// use flint_sdk::kv::Conflict;
///
/// fn tell(Conflict { key, current }: &Conflict) -> String {
///     match current {
///         Some(_) => format!("{key} was changed"),
///         None => format!("{key} was deleted"),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The key.
    pub key: String,
    /// The version that it has now, if it exists.
    pub current: Option<Version>,
}

/// Which limit was met.
///
/// ```
/// use flint_sdk::kv::TooLarge;
///
/// fn over(too_large: &TooLarge) -> u64 {
///     too_large.size - too_large.limit
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// What was too large: `key`, `value`, `batch` or `page`.
    pub what: String,
    /// Its size: bytes, or entries of a batch or page.
    pub size: u64,
    /// The limit, in the same unit.
    pub limit: u64,
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::kv::Error;
    ///
    /// assert!(Error::Unavailable("shutting down".into()).is_retryable());
    /// assert!(!Error::NoSuchStore("links".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the key was not as expected: somebody else was faster. Read it again, and decide anew.
    ///
    /// ```
    /// # fn example(error: flint_sdk::kv::Error) {
    /// if error.is_conflict() {
    ///     // Read the entry, and answer what it says.
    /// }
    /// # }
    /// ```
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchStore(name) => Self::NoSuchStore(name),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Conflict(wit::Conflict { key, current }) => {
                Self::Conflict(Conflict { key, current: current.map(Version) })
            }
            wit::Error::TooLarge(wit::TooLarge { what, size, limit }) => Self::TooLarge(TooLarge { what, size, limit }),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::NotACounter(text) => Self::NotACounter(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
