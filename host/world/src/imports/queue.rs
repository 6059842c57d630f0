//! `flint:platform/queue`: messages that a guest sends.

use super::sender::{Sender, sender, size_of_attributes};
use super::stores::Spent;
use crate::bindings::platform::queue as wit;
use crate::state::{Platform, State};
use flint_model::{Access, Capability, QueueName};
use flint_stores::{CommitError, Effect, Missing, Outcome, SendOptions, Unavailable};
use std::time::Duration;
use wasmtime::component::Accessor;

impl wit::Host for &mut State {}

impl<T> wit::HostWithStore<T> for Platform {
    async fn send(accessor: &Accessor<T, Self>, queue: String, message: wit::Outgoing) -> Result<String, wit::Error> {
        let ids = sender(accessor).send_all(queue, vec![message]).await?;
        ids.into_iter().next().ok_or_else(unexpected)
    }

    async fn send_batch(
        accessor: &Accessor<T, Self>,
        queue: String,
        messages: Vec<wit::Outgoing>,
    ) -> Result<Vec<String>, wit::Error> {
        sender(accessor).send_all(queue, messages).await
    }
}

impl Sender {
    /// Sends all the messages or none.
    async fn send_all(&self, queue: String, messages: Vec<wit::Outgoing>) -> Result<Vec<String>, wit::Error> {
        if !self.account.allows(Capability::Queue, &queue, Access::Send) {
            return Err(wit::Error::Denied(format!("the function has no grant to send to the queue {queue:?}")));
        }
        self.account.count()?;
        let queue = QueueName::parse(&queue).map_err(|_| wit::Error::NoSuchQueue(queue))?;
        let bytes = messages.iter().map(size).sum();
        self.account.spend(bytes)?;
        let _turn = self.account.enter(bytes).await.map_err(unavailable)?;
        let effects = messages.into_iter().map(|message| self.queue_send(&queue, message)).collect();
        let committed = self.account.commit(effects).await?;
        committed.outcomes.into_iter().map(id).collect()
    }

    fn queue_send(&self, queue: &QueueName, message: wit::Outgoing) -> Effect {
        let options =
            SendOptions { delay: message.delay.map(Duration::from_millis), deduplication_id: message.deduplication_id };
        let message = self.message(message.body, message.attributes, message.group);
        Effect::QueueSend { queue: queue.clone(), message, options }
    }
}

/// The bytes that a message takes on its way.
fn size(message: &wit::Outgoing) -> usize {
    let texts = [&message.group, &message.deduplication_id].into_iter().flatten().map(String::len);
    size_of_val(message) + message.body.len() + size_of_attributes(&message.attributes) + texts.sum::<usize>()
}

fn id(outcome: Outcome) -> Result<String, wit::Error> {
    match outcome {
        Outcome::QueueSend { id } => Ok(id.to_string()),
        _ => Err(unexpected()),
    }
}

fn unavailable(reason: Unavailable) -> wit::Error {
    wit::Error::Unavailable(reason.to_string())
}

/// A store engine answered a message with the outcome of another change: nothing is known of what was sent.
fn unexpected() -> wit::Error {
    unavailable(Unavailable::Failed)
}

impl From<Spent> for wit::Error {
    fn from(spent: Spent) -> Self {
        Self::TooLarge(spent.to_string())
    }
}

impl From<CommitError> for wit::Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            CommitError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            CommitError::NoSuch(Missing::Queue(queue)) => Self::NoSuchQueue(queue.to_string()),
            CommitError::Full { .. } => Self::Full(error.to_string()),
            CommitError::Unavailable { reason } => unavailable(reason),
            // No key and no lease has a part in it.
            CommitError::Conflict { .. }
            | CommitError::NotACounter { .. }
            | CommitError::TooDeep { .. }
            | CommitError::Ticked { .. }
            | CommitError::BlobConflict { .. }
            | CommitError::LeaseLost { .. }
            | CommitError::NoSuch(Missing::Store(_) | Missing::Topic(_) | Missing::Bucket(_)) => unexpected(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_stores::{Invalid, TooLarge, What};

    /// Whether a retry can help is told by the case, so each refusal has to be the right one.
    #[test]
    fn what_a_commit_refuses_is_told_by_its_case() {
        let queue = QueueName::parse("jobs").expect("a name");
        let too_large = TooLarge { what: What::Message, size: 2, limit: 1 };
        for (error, expected) in [
            (CommitError::NoSuch(Missing::Queue(queue.clone())), "no-such-queue: jobs"),
            (CommitError::TooLarge(too_large), "too-large: the message is too large: 2, and at most 1 is allowed"),
            (CommitError::Invalid(Invalid::EmptyBatch), "invalid: a batch has at least one change"),
            (CommitError::Full { queue, limit: 5 }, "full: the queue jobs is full: it holds 5 messages"),
            (Unavailable::Overloaded.into(), "unavailable: the store is overloaded"),
            (CommitError::Conflict { index: 0, key: "k".to_owned(), current: None }, "unavailable: the storage failed"),
        ] {
            let told = match wit::Error::from(error) {
                wit::Error::NoSuchQueue(queue) => format!("no-such-queue: {queue}"),
                wit::Error::Denied(why) => format!("denied: {why}"),
                wit::Error::TooLarge(why) => format!("too-large: {why}"),
                wit::Error::Invalid(why) => format!("invalid: {why}"),
                wit::Error::Full(why) => format!("full: {why}"),
                wit::Error::Unavailable(why) => format!("unavailable: {why}"),
            };
            assert_eq!(told, expected);
        }
    }
}
