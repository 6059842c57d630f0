//! Configuration: the values that platform.toml gives a function under `config`.

use std::fmt::Display;
use std::str::FromStr;

use crate::bindings::imports::wasi::config0_2_0_rc_1::store as wit;

/// Why there is no value.
///
/// ```
/// use flint_sdk::config::{self, Error};
///
/// /// How often to try: three times, unless platform.toml says otherwise.
/// fn attempts() -> Result<u32, Error> {
///     match config::parse("attempts") {
///         Err(Error::Missing(_)) => Ok(3),
///         found => found,
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The function was not given this key. A retry can't help.
    #[error("there is no configuration value `{0}`")]
    Missing(String),
    /// The value is not of the expected form. A retry can't help.
    #[error("the configuration value `{key}` is invalid: {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// Why its value is not of the expected form.
        reason: String,
    },
    /// The values can't be read now. A retry can help, after a back-off.
    #[error("the configuration is unavailable: {0}")]
    Unavailable(String),
}

/// Reads a value. None if the function was not given one.
///
/// ```no_run
/// # fn example() -> Result<(), flint_sdk::config::Error> {
/// let greeting = flint_sdk::config::get("greeting")?.unwrap_or_else(|| "Hello".to_owned());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Unavailable`].
pub fn get(key: &str) -> Result<Option<String>, Error> {
    wit::get(key).map_err(unavailable)
}

/// Reads a value that has to be there, as whatever can be parsed.
///
/// ```no_run
/// # fn example() -> Result<(), flint_sdk::config::Error> {
/// let retries: u32 = flint_sdk::config::parse("retries")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any of [`Error`].
pub fn parse<T: FromStr<Err: Display>>(key: &str) -> Result<T, Error> {
    let text = get(key)?.ok_or_else(|| Error::Missing(key.to_owned()))?;
    text.parse().map_err(|reason: T::Err| Error::Invalid { key: key.to_owned(), reason: reason.to_string() })
}

/// Reads all the values, by key.
///
/// ```no_run
/// # fn example() -> Result<(), flint_sdk::config::Error> {
/// for (key, value) in flint_sdk::config::all()? {
///     println!("{key} = {value}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Unavailable`].
pub fn all() -> Result<Vec<(String, String)>, Error> {
    wit::get_all().map_err(unavailable)
}

fn unavailable(error: wit::Error) -> Error {
    match error {
        wit::Error::Upstream(text) | wit::Error::Io(text) => Error::Unavailable(text),
    }
}
