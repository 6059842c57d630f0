//! Cutting what was leased into batches. Pure.

use std::collections::{HashMap, HashSet};

use flint_model::MessageId;
use flint_stores::Delivery;

/// What bounds a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// What was leased, cut.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Not more than were asked for.
    pub(super) batches: Vec<Vec<Delivery>>,
    /// What has no place in them.
    pub(super) rest: Vec<Delivery>,
}

/// Cuts messages into up to `max` batches, in their order.
///
/// Messages of one group stay in one batch, since batches run side by side. Copies of one message, which an answer could not
/// tell apart, come in different ones.
pub(super) fn cut(deliveries: Vec<Delivery>, bounds: Bounds, max: usize) -> Cut {
    let mut batches: Vec<Batch> = Vec::new();
    let mut rest = Vec::new();
    for run in runs(deliveries) {
        let mut run = Batch::of(run, bounds, &mut rest);
        let place = batches.iter().position(|batch| batch.takes(&run, bounds));
        match place {
            Some(index) => batches[index].join(&mut run),
            None if batches.len() < max => batches.push(run),
            None => rest.append(&mut run.messages),
        }
    }
    Cut { batches: batches.into_iter().map(|batch| batch.messages).collect(), rest }
}

/// The messages of each group, in the order of the groups' first ones; a message without a group stands for itself.
fn runs(deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut runs: Vec<Vec<Delivery>> = Vec::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    for delivery in deliveries {
        let next = runs.len();
        let index = match &delivery.stored.message.group {
            Some(group) => *groups.entry(group.clone()).or_insert(next),
            None => next,
        };
        if index == next {
            runs.push(Vec::new());
        }
        runs[index].push(delivery);
    }
    runs
}

#[derive(Debug, Default)]
struct Batch {
    messages: Vec<Delivery>,
    ids: HashSet<MessageId>,
    bytes: usize,
}

impl Batch {
    /// As much of a run as one batch takes, from the front; what is left over is for another time.
    fn of(run: Vec<Delivery>, bounds: Bounds, rest: &mut Vec<Delivery>) -> Self {
        let mut batch = Self::default();
        let mut run = run.into_iter().peekable();
        while let Some(delivery) = run.next_if(|delivery| batch.has_room(delivery, bounds)) {
            batch.bytes = batch.bytes.saturating_add(delivery.stored.message.size());
            batch.ids.insert(delivery.stored.message.id);
            batch.messages.push(delivery);
        }
        rest.extend(run);
        batch
    }

    fn has_room(&self, delivery: &Delivery, bounds: Bounds) -> bool {
        let bytes = self.bytes.saturating_add(delivery.stored.message.size());
        let fits = self.messages.len() < bounds.messages && bytes <= bounds.bytes;
        self.messages.is_empty() || (fits && !self.ids.contains(&delivery.stored.message.id))
    }

    fn takes(&self, run: &Self, bounds: Bounds) -> bool {
        let messages = self.messages.len() + run.messages.len();
        messages <= bounds.messages
            && self.bytes.saturating_add(run.bytes) <= bounds.bytes
            && self.ids.is_disjoint(&run.ids)
    }

    fn join(&mut self, run: &mut Self) {
        self.bytes += run.bytes;
        self.ids.extend(run.ids.drain());
        self.messages.append(&mut run.messages);
    }
}

#[cfg(test)]
mod tests {
    use super::super::settle::tests::delivery;
    use super::*;

    fn bodies(deliveries: Vec<Delivery>) -> Vec<String> {
        let body = |delivery: Delivery| String::from_utf8_lossy(&delivery.stored.message.body).into_owned();
        deliveries.into_iter().map(body).collect()
    }

    /// The batches, and what is left over.
    fn cut_bodies(of: &[&str], messages: usize, bytes: usize, max: usize) -> (Vec<Vec<String>>, Vec<String>) {
        let deliveries = of.iter().map(|body| delivery(body, 1)).collect();
        let Cut { batches, rest } = cut(deliveries, Bounds { messages, bytes }, max);
        (batches.into_iter().map(bodies).collect(), bodies(rest))
    }

    fn lists(lists: &[&[&str]]) -> Vec<Vec<String>> {
        lists.iter().map(|list| list.iter().map(|one| (*one).to_owned()).collect()).collect()
    }

    #[test]
    fn batches_keep_their_bounds_and_the_order() {
        let by_count = cut_bodies(&["1", "2", "3", "4", "5"], 2, 99, 9);
        assert_eq!(by_count, (lists(&[&["1", "2"], &["3", "4"], &["5"]]), vec![]));
        let by_bytes = cut_bodies(&["123", "45", "6", "7890123"], 9, 5, 9);
        assert_eq!(by_bytes, (lists(&[&["123", "45"], &["6"], &["7890123"]]), vec![]));
        assert_eq!(cut_bodies(&[], 2, 9, 9), (vec![], vec![]));
    }

    #[test]
    fn messages_of_a_group_stay_together() {
        let (batches, rest) = cut_bodies(&["1@a", "1@b", "1@c", "2@a", "2@c"], 2, 99, 9);
        assert_eq!((batches, rest), (lists(&[&["1@a", "2@a"], &["1@b"], &["1@c", "2@c"]]), vec![]));
    }

    #[test]
    fn what_a_group_has_too_much_of_is_left_over_and_so_is_what_no_batch_takes() {
        let (batches, rest) = cut_bodies(&["1@a", "2@a", "3@a", "1@b", "2@b", "1@c"], 2, 99, 1);
        assert_eq!(
            (batches, rest.as_slice()),
            (lists(&[&["1@a", "2@a"]]), &["3@a", "1@b", "2@b", "1@c"].map(str::to_owned)[..])
        );
    }

    #[test]
    fn copies_of_one_message_come_in_different_batches() {
        let one = delivery("1", 1);
        let Cut { batches, rest } = cut(vec![one.clone(), one, delivery("2", 1)], Bounds { messages: 9, bytes: 99 }, 9);
        assert_eq!(batches.into_iter().map(bodies).collect::<Vec<_>>(), lists(&[&["1", "2"], &["1"]]));
        assert!(rest.is_empty());
        let of_a_group = delivery("1@g", 1);
        let Cut { batches, rest } = cut(vec![of_a_group.clone(), of_a_group], Bounds { messages: 9, bytes: 99 }, 9);
        assert_eq!((batches.len(), rest.len()), (1, 1));
    }
}
