//! Publishes to topics, on behalf of whoever runs the host: no grants are asked.

use super::api::Problem;
use super::api::queue::Sent;
use super::api::topic::Publish;
use flint_model::{MessageId, TopicName};
use flint_stores::{Attribute, Commit, CommitError, Effect, Message, Outcome, Stores};
use http::StatusCode;

/// Publishes messages, durably for everybody who listens.
///
/// # Errors
/// A problem.
pub(crate) async fn publish(stores: &dyn Stores, topic: &TopicName, publish: Publish) -> Result<Sent, Problem> {
    let mut effects = Vec::with_capacity(publish.messages.len());
    for publication in publish.messages {
        let body = publication.body.bytes().ok_or_else(|| bad("a body in base 64 can't be read"))?;
        let attributes = publication.attributes.into_iter().map(|(name, value)| Attribute { name, value }).collect();
        let message = Message { attributes, ..Message::new(MessageId::now(), body) };
        effects.push(Effect::TopicPublish { topic: topic.clone(), message });
    }
    let committed = stores.commit(Commit::new(effects)).await.map_err(of_commit)?;
    let ids = committed.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::TopicPublish { id } => Some(id.to_string()),
        _ => None,
    });
    Ok(Sent { ids: ids.collect() })
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "topic/invalid", detail)
}

fn of_commit(error: CommitError) -> Problem {
    super::problem::of_commit("topic", &error)
}
