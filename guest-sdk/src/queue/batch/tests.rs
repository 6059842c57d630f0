//! What the host is told of a batch.

use super::*;
use crate::bindings::imports::flint::platform::types;

/// A message by its body, of a group with `body@group`.
fn received(bodies: &[&str]) -> Received {
    let message = |(number, body): (usize, &&str)| wit::Message {
        id: number.to_string(),
        queue: "jobs".to_owned(),
        body: body.split('@').next().unwrap_or_default().into(),
        attributes: Vec::new(),
        group: body.split_once('@').map(|(_, group)| group.to_owned()),
        sent_at: 0,
        receive_count: 1,
        trace: None,
    };
    bodies.iter().enumerate().map(message).collect()
}

/// What the host is told: the id of each message that is not done, and the failure, with a `!` if no retry helps, or `-` if it
/// was not tried.
fn told(result: BatchResult) -> Vec<(String, String)> {
    let reason = |reason| match reason {
        wit::Unfinished::Failed(failure) => match failure.retry {
            types::Retry::Never => format!("{}!", failure.name),
            _ => failure.name,
        },
        wit::Unfinished::NotTried => "-".to_owned(),
    };
    result.into_failures().into_iter().map(|item| (item.id, reason(item.reason))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, reason)| ((*id).to_owned(), (*reason).to_owned())).collect()
}

fn busy() -> Failure {
    Failure::new("Busy", "later")
}

#[test]
fn a_message_that_cannot_be_read_fails_alone_and_for_good() {
    let batch: Batch<u64> = Batch::read(received(&["1", "one", "2"]));
    assert_eq!(batch.iter().map(|message| message.body).collect::<Vec<_>>(), [1, 2]);
    let (_, result) = batch.into_parts();
    assert_eq!(told(result), pairs(&[("1", "InvalidPayload!")]));
}

#[test]
fn the_rest_of_a_group_waits_for_a_message_that_comes_again() {
    let (messages, mut result) = Batch::<u64>::read(received(&["0@a", "1@b", "2@a", "3@a", "4@b"])).into_parts();
    result.failed(&messages[2], busy());
    assert!(result.is_blocked("3") && !result.is_blocked("0") && !result.is_blocked("4"));
    assert_eq!(told(result), pairs(&[("2", "Busy"), ("3", "-")]));
}

#[test]
fn a_group_goes_on_behind_a_message_that_is_given_up() {
    let (messages, mut result) = Batch::<u64>::read(received(&["0@a", "x@a", "2@a"])).into_parts();
    result.failed(&messages[0], busy().never());
    assert!(!result.is_blocked("2"));
    assert_eq!(told(result), pairs(&[("0", "Busy!"), ("1", "InvalidPayload!")]));
}

#[test]
fn messages_without_a_group_do_not_wait_for_each_other() {
    let (messages, mut result) = Batch::<u64>::read(received(&["0", "1", "2"])).into_parts();
    result.failed(&messages[0], busy());
    result.not_tried(&messages[2]);
    assert_eq!(told(result), pairs(&[("0", "Busy"), ("2", "-")]));
}

#[test]
fn messages_of_a_group_are_one_lane() {
    let (messages, _result) = Batch::<u64>::read(received(&["0@a", "1", "2@b", "3@a", "4"])).into_parts();
    let lanes: Vec<Vec<u64>> =
        lanes(messages).into_iter().map(|lane| lane.into_iter().map(|message| message.body).collect()).collect();
    assert_eq!(lanes, [vec![0, 3], vec![1], vec![2], vec![4]]);
}
