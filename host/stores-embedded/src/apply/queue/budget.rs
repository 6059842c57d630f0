//! What one piece of work may do to messages that nobody asked for one by one, so that commits don't wait long behind it.

/// The most messages that one step looks at.
pub(super) const STEP_MAX: usize = 1000;
/// The most bytes of messages that one step moves; the last one may be above it.
const BYTES_MAX: usize = 4 << 20;

/// What is left of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    messages: usize,
    bytes: usize,
}

impl Budget {
    /// That of up to so many messages.
    pub(super) fn of(messages: usize) -> Self {
        Self { messages: messages.min(STEP_MAX), bytes: BYTES_MAX }
    }

    /// How many more messages may be looked at.
    pub(super) fn messages(&self) -> usize {
        if self.bytes == 0 { 0 } else { self.messages }
    }

    /// Whether the rest has to wait for another step.
    pub(super) fn is_spent(&self) -> bool {
        self.messages() == 0
    }

    /// Takes a message of so many bytes off.
    pub(super) fn spend(&mut self, size: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_at_so_many_messages_or_bytes() {
        for (messages, size, steps) in [(3, 0, 3), (9, BYTES_MAX / 2, 2), (9, BYTES_MAX * 2, 1), (5000, 1, STEP_MAX)] {
            let mut budget = Budget::of(messages);
            let taken = std::iter::from_fn(|| (!budget.is_spent()).then(|| budget.spend(size))).count();
            assert_eq!(taken, steps, "{messages} of {size} bytes");
        }
    }
}
