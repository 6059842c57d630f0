//! Why a call of a bucket failed.

use crate::bindings::imports::flint::platform::blob as wit;

/// Why a call of a bucket failed. Nothing was changed by it, but for [`Error::Unavailable`], after which it may have been.
///
/// ```
/// use flint_sdk::blob::{Bucket, Error, Expect, Put};
///
/// /// Whether the name was free, and is ours now.
/// async fn claim(uploads: &Bucket, name: &str) -> Result<bool, Error> {
///     match uploads.put(name, "", Put::new().expect(Expect::Absent)).await {
///         Ok(_info) => Ok(true),
///         Err(Error::Conflict(_)) => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bucket has this name. A retry can't help.
    #[error("there is no bucket `{0}`")]
    NoSuchBucket(String),
    /// There is no such blob. A retry can't help.
    #[error("there is no blob `{0}`")]
    NoSuchBlob(String),
    /// The function has no grant, or a read grant where the call writes. A retry can't help.
    #[error("the function may not do this with the bucket: {0}")]
    Denied(String),
    /// The blob is not what was expected; its etag now, if there is one. Look again, decide anew, then retry.
    #[error("the blob is not what was expected")]
    Conflict(Option<String>),
    /// A key, the metadata or the content is larger than a limit. A retry can't help.
    #[error("too much for the bucket: {0}")]
    TooLarge(String),
    /// An argument breaks a rule. A retry can't help.
    #[error("the call is invalid: {0}")]
    Invalid(String),
    /// The content was cut short while it was written, and nothing was stored; or it was not read to its end. A retry can help.
    #[error("the content was cut short")]
    Interrupted,
    /// The store is overloaded, out of space or shutting down. A retry can help, after a back-off.
    #[error("the bucket is unavailable: {0}")]
    Unavailable(String),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::blob::Error;
    ///
    /// assert!(Error::Interrupted.is_retryable());
    /// assert!(!Error::NoSuchBucket("uploads".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Interrupted | Self::Unavailable(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchBucket(name) => Self::NoSuchBucket(name),
            wit::Error::NoSuchBlob(key) => Self::NoSuchBlob(key),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Conflict(etag) => Self::Conflict(etag),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Interrupted => Self::Interrupted,
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
