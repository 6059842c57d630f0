//! `flint:platform/topic`: messages that a guest publishes.

use super::sender::{Sender, sender, size_of_attributes};
use super::stores::Spent;
use crate::bindings::platform::topic as wit;
use crate::state::{Platform, State};
use flint_model::{Access, Capability, TopicName};
use flint_stores::{CommitError, Effect, Missing, Outcome, Unavailable};
use wasmtime::component::Accessor;

impl wit::Host for &mut State {}

impl<T> wit::HostWithStore<T> for Platform {
    async fn publish(
        accessor: &Accessor<T, Self>,
        topic: String,
        message: wit::Outgoing,
    ) -> Result<String, wit::Error> {
        let ids = sender(accessor).publish_all(topic, vec![message]).await?;
        ids.into_iter().next().ok_or_else(unexpected)
    }

    async fn publish_batch(
        accessor: &Accessor<T, Self>,
        topic: String,
        messages: Vec<wit::Outgoing>,
    ) -> Result<Vec<String>, wit::Error> {
        sender(accessor).publish_all(topic, messages).await
    }
}

impl Sender {
    /// Publishes all the messages or none.
    async fn publish_all(&self, topic: String, messages: Vec<wit::Outgoing>) -> Result<Vec<String>, wit::Error> {
        if !self.account.allows(Capability::Topic, &topic, Access::Send) {
            return Err(wit::Error::Denied(format!("the function has no grant to publish to the topic {topic:?}")));
        }
        self.account.count()?;
        let topic = TopicName::parse(&topic).map_err(|_| wit::Error::NoSuchTopic(topic))?;
        let bytes = messages.iter().map(size).sum();
        self.account.spend(bytes)?;
        let _turn = self.account.enter(bytes).await.map_err(unavailable)?;
        let publish = |message: wit::Outgoing| {
            let message = self.message(message.body, message.attributes, None);
            Effect::TopicPublish { topic: topic.clone(), message }
        };
        let committed = self.account.commit(messages.into_iter().map(publish).collect()).await?;
        committed.outcomes.into_iter().map(id).collect()
    }
}

/// The bytes that a message takes on its way.
fn size(message: &wit::Outgoing) -> usize {
    size_of_val(message) + message.body.len() + size_of_attributes(&message.attributes)
}

fn id(outcome: Outcome) -> Result<String, wit::Error> {
    match outcome {
        Outcome::TopicPublish { id } => Ok(id.to_string()),
        _ => Err(unexpected()),
    }
}

fn unavailable(reason: Unavailable) -> wit::Error {
    wit::Error::Unavailable(reason.to_string())
}

/// A store engine answered a message with the outcome of another change: nothing is known of what was published.
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
            // A circle of functions that publish to what they listen to.
            CommitError::TooDeep { .. } => Self::Invalid(error.to_string()),
            CommitError::NoSuch(Missing::Topic(topic)) => Self::NoSuchTopic(topic.to_string()),
            // The queue of a subscription.
            CommitError::Full { .. } => Self::Unavailable(error.to_string()),
            CommitError::Unavailable { reason } => unavailable(reason),
            // No key, no blob and no lease has a part in it.
            CommitError::Conflict { .. }
            | CommitError::BlobConflict { .. }
            | CommitError::NotACounter { .. }
            | CommitError::Ticked { .. }
            | CommitError::LeaseLost { .. }
            | CommitError::NoSuch(Missing::Store(_) | Missing::Queue(_) | Missing::Bucket(_)) => unexpected(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::QueueName;
    use flint_stores::{Invalid, TooLarge, What};

    /// Whether a retry can help is told by the case, so each refusal has to be the right one.
    #[test]
    fn what_a_commit_refuses_is_told_by_its_case() {
        let queue = QueueName::parse("topic/orders/f").expect("a name");
        let topic = TopicName::parse("orders").expect("a name");
        let too_large = TooLarge { what: What::Message, size: 2, limit: 1 };
        for (error, expected) in [
            (CommitError::NoSuch(Missing::Topic(topic)), "no-such-topic: orders"),
            (CommitError::TooLarge(too_large), "too-large: the message is too large: 2, and at most 1 is allowed"),
            (CommitError::Invalid(Invalid::EmptyBatch), "invalid: a batch has at least one change"),
            (
                CommitError::Full { queue, limit: 5 },
                "unavailable: the queue topic/orders/f is full: it holds 5 messages",
            ),
            (Unavailable::Overloaded.into(), "unavailable: the store is overloaded"),
            (CommitError::Conflict { index: 0, key: "k".to_owned(), current: None }, "unavailable: the storage failed"),
        ] {
            let told = match wit::Error::from(error) {
                wit::Error::NoSuchTopic(topic) => format!("no-such-topic: {topic}"),
                wit::Error::Denied(why) => format!("denied: {why}"),
                wit::Error::TooLarge(why) => format!("too-large: {why}"),
                wit::Error::Invalid(why) => format!("invalid: {why}"),
                wit::Error::Unavailable(why) => format!("unavailable: {why}"),
            };
            assert_eq!(told, expected);
        }
    }
}
