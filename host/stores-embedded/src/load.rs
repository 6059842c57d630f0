//! What a piece of work brings to its group of commits, with the messages that it causes. Pure.

use flint_stores::{Catalog, Commit, Effect};

/// What a piece of work brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Its bytes, each as often as it is written.
    pub(crate) bytes: u64,
    /// Its effects, and the messages that are settled or caused.
    pub(crate) weight: usize,
    pub(crate) growth: Growth,
}

/// What becomes of the disk by a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// It is fuller.
    Adds,
    /// It is not: what is there goes, or moves.
    Frees,
}

impl Load {
    /// Work that adds something.
    pub(crate) fn adds(bytes: u64, weight: usize) -> Self {
        Self { bytes, weight, growth: Growth::Adds }
    }

    /// Work that removes or moves what is there.
    pub(crate) fn frees(weight: usize) -> Self {
        Self { bytes: 0, weight, growth: Growth::Frees }
    }

    /// What a commit brings. Every subscription counts, whatever it filters, and a change for what the write brings: what it
    /// replaces is known when it is made.
    pub(crate) fn of(commit: &Commit, catalog: &Catalog) -> Self {
        let frees = commit.effects.iter().all(frees);
        let growth = if frees { Growth::Frees } else { Growth::Adds };
        let settled = Self { bytes: 0, weight: commit.consumed.len(), growth };
        commit.effects.iter().fold(settled, |load, effect| {
            let (listeners, told) = told(effect, catalog);
            let bytes = effect.size().saturating_add(told.saturating_mul(listeners as u64));
            let weight = load.weight.saturating_add(listeners).saturating_add(1);
            Self { bytes: load.bytes.saturating_add(bytes), weight, growth }
        })
    }
}

/// Whether an effect only removes, or looks. Who listens may be told: that is small, or was there before.
fn frees(effect: &Effect) -> bool {
    matches!(effect, Effect::KvDelete { .. } | Effect::KvCheck { .. } | Effect::BlobUnlink { .. })
}

/// How many may be told of an effect, and about how much.
fn told(effect: &Effect, catalog: &Catalog) -> (usize, u64) {
    let listeners = match (effect, effect.key(), effect.blob()) {
        (Effect::TopicPublish { topic, .. }, ..) => {
            catalog.topics.get(topic).map_or(0, |rules| rules.subscriptions.len())
        }
        (Effect::KvCheck { .. }, ..) => 0,
        (_, Some((store, _)), _) => catalog.changes.get(store).map_or(0, Vec::len),
        (_, _, Some((bucket, key))) => return (catalog.blobs.get(bucket).map_or(0, Vec::len), key.len() as u64),
        _ => 0,
    };
    (listeners, effect.size())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flint_model::{MessageId, QueueName, StoreName, TopicName};
    use flint_stores::conformance::Setup;
    use flint_stores::{Message, Subscription, TopicRules};

    use super::*;

    fn put(store: &str) -> Effect {
        let store = StoreName::parse(store).expect("a name");
        Effect::KvPut { store, key: "k".to_owned(), value: Bytes::from_static(&[0; 9]), expires_at: None, expect: None }
    }

    fn delete() -> Effect {
        Effect::KvDelete { store: StoreName::parse("watched").expect("a name"), key: "k".to_owned(), expect: None }
    }

    #[test]
    fn whoever_listens_adds_to_the_load_of_what_is_told() {
        let mut catalog = Setup::default().catalog();
        let (topic, queue) = (TopicName::parse("news").expect("a name"), QueueName::parse("plain").expect("a name"));
        let subscriptions = vec![Subscription::all(queue); 100];
        catalog.topics.insert(topic.clone(), TopicRules { subscriptions, ..TopicRules::default() });
        let message = Message::new(MessageId::now(), vec![0; 50]);
        let publish = Effect::TopicPublish { topic, message };
        let watched = catalog.changes[&StoreName::parse("watched").expect("a name")].len();
        for (effect, listeners, bytes) in [(publish, 100, 50), (put("default"), 0, 10), (put("watched"), watched, 10)] {
            let (load, told) = (Load::of(&Commit::from(effect), &catalog), 1 + listeners);
            assert_eq!(load, Load::adds(bytes * told as u64, told), "{listeners} listeners");
        }
    }

    #[test]
    fn what_only_removes_frees() {
        let catalog = Setup::default().catalog();
        for (effects, growth) in
            [(vec![], Growth::Frees), (vec![delete()], Growth::Frees), (vec![delete(), put("default")], Growth::Adds)]
        {
            assert_eq!(Load::of(&Commit::new(effects.clone()), &catalog).growth, growth, "{effects:?}");
        }
    }
}
