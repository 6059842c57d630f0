//! What an invocation brings, and what it is answered with.

use std::ops::Deref;

/// The bytes of an invocation, as they are: for handlers that do not want JSON.
///
/// ```
/// use flint_sdk::{Failure, Payload};
///
/// #[flint_sdk::invoke]
/// async fn reverse(payload: Payload) -> Result<Payload, Failure> {
///     Ok(payload.iter().rev().copied().collect::<Vec<u8>>().into())
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload(
    /// The bytes.
    pub Vec<u8>,
);

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}
