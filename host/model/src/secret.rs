//! A value that no log, error or answer may show.

use std::fmt;
use std::sync::Arc;

/// Holds a secret: `Debug` shows stars, there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Keeps a value secret.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(Arc::from(value.into()))
    }

    /// Shows the value: to the function that it is meant for, and to nobody else.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
