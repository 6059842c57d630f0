//! Secrets that platform.toml gives a function: from the environment of the host, or from a file.

use crate::bindings::imports::flint::platform::secrets as wit;

/// A secret. It does not show itself when it is printed; ask for it by [`Secret::bytes`] or [`Secret::text`].
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::secrets::Error> {
/// let key = flint_sdk::secrets::get("api-key").await?;
/// let header = format!("Bearer {}", key.text()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    name: String,
    value: Vec<u8>,
}

/// Why there is no secret.
///
/// ```
/// use flint_sdk::secrets::{self, Error};
///
/// /// A key that not every platform has.
/// async fn key() -> Result<Option<secrets::Secret>, Error> {
///     match secrets::get("api-key").await {
///         Err(Error::NoSuchSecret(_)) => Ok(None),
///         found => found.map(Some),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The function was not given a secret of this name. A retry can't help.
    #[error("there is no secret `{0}`")]
    NoSuchSecret(String),
    /// The secret is no UTF-8 text. A retry can't help.
    #[error("the secret `{0}` is no text")]
    NotText(String),
    /// The secret's source can't be read now. A retry can help, after a back-off.
    #[error("the secret is unavailable: {0}")]
    Unavailable(String),
}

/// Reads a secret, at most 64 KiB.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::secrets::Error> {
/// let certificate = flint_sdk::secrets::get("cert").await?;
/// println!("{} bytes", certificate.bytes().len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::NoSuchSecret`], [`Error::Unavailable`].
pub async fn get(name: &str) -> Result<Secret, Error> {
    match wit::get(name.to_owned()).await {
        Ok(value) => Ok(Secret { name: name.to_owned(), value }),
        Err(wit::Error::NoSuchSecret(name)) => Err(Error::NoSuchSecret(name)),
        Err(wit::Error::Unavailable(text)) => Err(Error::Unavailable(text)),
    }
}

impl Error {
    /// Whether the secret could be read later.
    ///
    /// ```
    /// use flint_sdk::secrets::Error;
    /// assert!(!Error::NoSuchSecret("api-key".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Secret {
    /// The secret, as bytes.
    ///
    /// ```no_run
    /// # fn example(secret: flint_sdk::secrets::Secret) {
    /// let bytes: &[u8] = secret.bytes();
    /// # }
    /// ```
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }

    /// The secret, as text.
    ///
    /// ```no_run
    /// # fn example(secret: flint_sdk::secrets::Secret) -> Result<(), flint_sdk::secrets::Error> {
    /// let text: &str = secret.text()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotText`].
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.value).map_err(|_| Error::NotText(self.name.clone()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({}, not shown)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret { name: "api-key".into(), value: b"hunter2".to_vec() };
        assert_eq!(format!("{secret:?}"), "Secret(api-key, not shown)");
        assert_eq!(secret.text(), Ok("hunter2"));
    }
}
