//! Changes of key-value stores and queues that happen together, or not at all.
//!
//! In a handler of a trigger with `transactional = true`, all of its changes are one transaction anyway, with its messages being
//! done. [`transaction`] is for requests and invocations, and for parts of a handler that may fail alone.

use crate::bindings::imports::flint::platform::transaction as wit;

/// Changes that can be taken back without the rest of a transaction. Dropped, they are.
pub(crate) struct Part {
    is_open: bool,
}

impl Part {
    /// Begins one, if changes are held back at all.
    pub(crate) fn begin() -> Self {
        Self { is_open: wit::is_open() && wit::begin().is_ok() }
    }

    /// Leaves the changes to the transaction around it.
    pub(crate) async fn keep(mut self) {
        if std::mem::take(&mut self.is_open) {
            // It was begun, and nothing is written by its end: there is nothing to fail.
            _ = wit::commit().await;
        }
    }

    /// Takes the changes back, and says whether they could be.
    pub(crate) fn take_back(mut self) -> bool {
        std::mem::take(&mut self.is_open) && wit::roll_back().is_ok()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.is_open {
            // It was begun, so it can be ended.
            _ = wit::roll_back();
        }
    }
}
