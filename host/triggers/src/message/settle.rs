//! What becomes of each message of a batch. Pure.

use std::collections::HashMap;
use std::time::Duration;

use flint_model::MessageId;
use flint_stores::{Company, Delivery, Receives, Verdict};

use super::backoff::Backoff;
use super::consumer::{Blame, Failed, Handled, Retry, Settled, Unanswered, Why};

/// How long a message waits at least that the host could not handle, so that a host without room is not kept busy by it.
const HOST_DELAY: Duration = Duration::from_millis(100);

/// By what is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) backoff: Backoff,
    /// A message that was received so often is not tried again.
    pub(super) receives_max: Option<u32>,
    /// The longest that a message may be put off.
    pub(super) delay_max: Duration,
    /// Between 0 and 1.
    pub(super) jitter: f64,
}

impl Policy {
    /// The verdict about each message, in their order.
    pub(super) fn verdicts(&self, batch: &[Delivery], result: &Result<Handled, Unanswered>) -> Vec<Verdict> {
        match result {
            Ok(handled) => {
                let failures: HashMap<MessageId, &Failed> =
                    handled.failures.iter().map(|failed| (failed.id, failed)).collect();
                let verdict = |delivery: &Delivery| match failures.get(&delivery.stored.message.id) {
                    Some(failed) => self.failed(delivery, &failed.why),
                    None => Verdict::Done,
                };
                batch.iter().map(verdict).collect()
            }
            Err(unanswered) => {
                batch.iter().map(|delivery| self.unanswered(batch.len(), delivery, unanswered)).collect()
            }
        }
    }

    fn failed(&self, delivery: &Delivery, why: &Why) -> Verdict {
        match why {
            Why::Failed { reason, retry } => self.again(delivery, reason, *retry, Company::Any),
            // It is due at once, behind the one that it waits for.
            Why::NotTried => forgiven(Duration::ZERO),
        }
    }

    fn unanswered(&self, batch: usize, delivery: &Delivery, unanswered: &Unanswered) -> Verdict {
        match unanswered.blame {
            Blame::Host => self.put_off(Company::Any),
            Blame::Messages { retry } => {
                let company = if batch > 1 { Company::Alone } else { Company::Any };
                self.again(delivery, &unanswered.reason, retry, company)
            }
        }
    }

    /// Again after a while, as if it had not been received.
    pub(super) fn put_off(&self, company: Company) -> Verdict {
        let after = self.backoff.delay(1, self.jitter).max(HOST_DELAY).min(self.delay_max);
        Verdict::Retry { after, receives: Receives::Forgive, company }
    }

    fn again(&self, delivery: &Delivery, reason: &str, retry: Retry, company: Company) -> Verdict {
        let receives = delivery.stored.receives;
        let spent = self.receives_max.is_some_and(|max| receives >= max);
        let after = match retry {
            Retry::Never => return Verdict::DeadLetter { reason: reason.to_owned() },
            _ if spent => return Verdict::DeadLetter { reason: format!("{reason} (received {receives} times)") },
            Retry::Default => self.backoff.delay(receives, self.jitter),
            Retry::After(after) => after,
        }
        .min(self.delay_max);
        Verdict::Retry { after, receives: Receives::Count, company }
    }
}

/// Again, as if it had not been received.
pub(super) fn forgiven(after: Duration) -> Verdict {
    Verdict::Retry { after, receives: Receives::Forgive, company: Company::Any }
}

/// What a verdict comes to, for counting.
pub(super) fn settled(verdict: &Verdict) -> Settled {
    match verdict {
        Verdict::Done => Settled::Done,
        Verdict::Retry { .. } => Settled::Retried,
        Verdict::DeadLetter { .. } => Settled::DeadLettered,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flint_model::{QueueName, Timestamp};
    use flint_stores::{Message, Receipt, Stored};

    /// A message that was received so often; of a group with `body@group`.
    pub(in super::super) fn delivery(body: &str, receives: u32) -> Delivery {
        let group = body.split_once('@').map(|(_, group)| group.to_owned());
        let message = Message { group, ..Message::new(MessageId::now(), body.to_owned()) };
        let queue = QueueName::parse("jobs").expect("a name");
        Delivery {
            receipt: Receipt { queue, lease: body.to_owned().into() },
            until: Timestamp::default(),
            stored: Stored { message, sent_at: Timestamp::default(), receives, death: None },
        }
    }

    fn policy() -> Policy {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
        Policy { backoff, receives_max: Some(3), delay_max: Duration::from_secs(100), jitter: 0.5 }
    }

    fn retried(seconds: u64, receives: Receives, company: Company) -> Verdict {
        Verdict::Retry { after: Duration::from_secs(seconds), receives, company }
    }

    fn dead(reason: &str) -> Verdict {
        Verdict::DeadLetter { reason: reason.to_owned() }
    }

    #[test]
    fn each_failed_message_is_judged_by_itself_and_the_others_are_done() {
        let batch = [delivery("a", 1), delivery("b", 2), delivery("c", 3), delivery("d", 1), delivery("e", 1)];
        let failed = |index: usize, retry| Failed {
            id: batch[index].stored.message.id,
            why: Why::Failed { reason: "x".to_owned(), retry },
        };
        let not_tried = Failed { id: batch[4].stored.message.id, why: Why::NotTried };
        let failures = vec![failed(1, Retry::Default), failed(2, Retry::Default), failed(3, Retry::Never), not_tried];
        let verdicts = policy().verdicts(&batch, &Ok(Handled { failures, effects: Vec::new() }));
        let expected = [
            Verdict::Done,
            retried(2, Receives::Count, Company::Any),
            dead("x (received 3 times)"),
            dead("x"),
            retried(0, Receives::Forgive, Company::Any),
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_batch_without_an_answer_comes_again_message_by_message() {
        let [two, one] = [vec![delivery("a", 1), delivery("b", 3)], vec![delivery("a", 1)]];
        let unanswered = |blame| Err(Unanswered { reason: "it trapped".to_owned(), blame });
        let trapped = unanswered(Blame::Messages { retry: Retry::After(Duration::from_secs(9)) });
        let alone = retried(9, Receives::Count, Company::Alone);
        assert_eq!(policy().verdicts(&two, &trapped), [alone, dead("it trapped (received 3 times)")]);
        assert_eq!(policy().verdicts(&one, &trapped), [retried(9, Receives::Count, Company::Any)]);
        let host = retried(1, Receives::Forgive, Company::Any);
        assert_eq!(policy().verdicts(&two, &unanswered(Blame::Host)), [host.clone(), host]);
    }

    #[test]
    fn a_message_is_not_put_off_for_longer_than_its_queue_allows_nor_less_than_a_busy_host_needs() {
        let failed = |blame| Err(Unanswered { reason: "x".to_owned(), blame });
        let late = failed(Blame::Messages { retry: Retry::After(Duration::from_secs(500)) });
        assert_eq!(policy().verdicts(&[delivery("a", 1)], &late), [retried(100, Receives::Count, Company::Any)]);
        let at_once = Policy { backoff: Backoff { first: Duration::ZERO, most: Duration::ZERO }, ..policy() };
        assert_eq!(at_once.verdicts(&[delivery("a", 1)], &failed(Blame::Host)), [forgiven(HOST_DELAY)]);
    }

    #[test]
    fn where_nothing_is_given_up_a_message_is_tried_for_ever() {
        let policy = Policy { receives_max: None, ..policy() };
        let failed = Err(Unanswered { reason: "x".to_owned(), blame: Blame::Messages { retry: Retry::Default } });
        assert_eq!(policy.verdicts(&[delivery("a", 1000)], &failed), [retried(60, Receives::Count, Company::Any)]);
    }
}
