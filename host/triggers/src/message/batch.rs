//! Cutting what was leased into batches. Pure.

use std::collections::HashMap;

use flint_stores::Delivery;

/// What bounds a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// Cuts messages into batches, in their order. Messages of one group stay in one batch, since batches run side by side: so
/// such a batch may be larger than its bounds, as far as the lease itself.
pub(super) fn cut(deliveries: Vec<Delivery>, bounds: Bounds) -> Vec<Vec<Delivery>> {
    let mut batches: Vec<(usize, Vec<Delivery>)> = Vec::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    let mut open = None;
    for delivery in deliveries {
        let size = delivery.stored.message.size();
        let group = delivery.stored.message.group.clone();
        let known = group.as_ref().and_then(|group| groups.get(group).copied());
        let index = match (known, open) {
            (Some(index), _) => index,
            (None, Some(index)) if fits(&batches[index], size, bounds) => index,
            (None, _) => {
                batches.push((0, Vec::new()));
                batches.len() - 1
            }
        };
        if known.is_none() {
            open = Some(index);
        }
        if let Some(group) = group {
            groups.insert(group, index);
        }
        let (bytes, batch) = &mut batches[index];
        *bytes = bytes.saturating_add(size);
        batch.push(delivery);
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

fn fits((bytes, batch): &(usize, Vec<Delivery>), size: usize, bounds: Bounds) -> bool {
    batch.len() < bounds.messages && bytes.saturating_add(size) <= bounds.bytes
}

#[cfg(test)]
mod tests {
    use super::super::settle::tests::delivery;
    use super::*;

    fn cut_bodies(bodies: &[&str], messages: usize, bytes: usize) -> Vec<Vec<String>> {
        let deliveries = bodies.iter().map(|body| delivery(body, 1)).collect();
        let body = |delivery: Delivery| String::from_utf8_lossy(&delivery.stored.message.body).into_owned();
        let batches = cut(deliveries, Bounds { messages, bytes });
        batches.into_iter().map(|batch| batch.into_iter().map(body).collect()).collect()
    }

    #[test]
    fn batches_keep_their_bounds_and_the_order() {
        assert_eq!(cut_bodies(&["1", "2", "3", "4", "5"], 2, 99), [&["1", "2"][..], &["3", "4"], &["5"]]);
        assert_eq!(cut_bodies(&["123", "45", "6", "7890123"], 9, 5), [&["123", "45"][..], &["6"], &["7890123"]]);
        assert!(cut_bodies(&[], 2, 9).is_empty());
    }

    #[test]
    fn messages_of_a_group_stay_together() {
        let batches = cut_bodies(&["1@a", "1@b", "1@c", "2@a", "2@c", "3@a"], 2, 99);
        assert_eq!(batches, [&["1@a", "1@b", "2@a", "3@a"][..], &["1@c", "2@c"]]);
    }
}
