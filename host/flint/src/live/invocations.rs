//! Invocations that nobody waits for, to a function: a message each, and beside it what became of it.
//!
//! What came of the last attempt, the report to others, and the end of the message are one commit: so it is told once. The report
//! is a message too, which nobody's refusal undoes (`reports.rs`).

use super::messages::unanswered;
use super::{Served, reports};
use bytes::Bytes;
use flint_config::Platform;
use flint_config::platform::{Asynchronous, Function};
use flint_model::{FunctionName, InvocationId, MessageId, Timestamp, duration};
use flint_stores::{
    BoxFuture, Commit, Delivery, Effect, Invocation as Known, InvocationState, Message, SendOptions, Stored, Stores,
};
use flint_triggers::message::{Blame, Consumer, Failed, Handled, Retry, Unanswered, Why};
use flint_world::Invocation;
use std::sync::Arc;

/// The largest answer that is kept, in bytes: what the stores take, unless they are told otherwise.
const ANSWER_MAX: usize = 1 << 20;

/// What accepts an invocation: its message, whose id it has, and that it is known. `now` is the stores' time, which expiry goes by.
pub(crate) fn accepted(
    message: Message,
    name: &FunctionName,
    how: &Asynchronous,
    now: Timestamp,
) -> impl Iterator<Item = Effect> + use<> {
    let id = InvocationId::from_bytes(message.id.to_bytes());
    let queue = Function::invoke_queue(name);
    let send = Effect::QueueSend { queue, message, options: SendOptions::default() };
    [known(id, how, InvocationState::Queued, now), send].into_iter()
}

/// What is known of an invocation from now on. It is forgotten when it was kept long enough, had it come to its end by now; and, before
/// that, not as long as it may still be tried.
fn known(id: InvocationId, how: &Asynchronous, state: InvocationState, now: Timestamp) -> Effect {
    let ended = matches!(state, InvocationState::Succeeded { .. } | InvocationState::Failed { .. });
    let from = if ended { now } else { now.saturating_add(how.max_age) };
    Effect::InvocationPut { id, invocation: Known { state, expires_at: from.saturating_add(how.kept) } }
}

/// Hands invocations to a function.
pub(super) struct ToFunction {
    pub(super) served: Arc<Served>,
    pub(super) stores: Arc<dyn Stores>,
    pub(super) function: FunctionName,
}

impl Consumer for ToFunction {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let mut handled = Handled::default();
            // There is one: batches of invocations have a single one.
            for delivery in batch {
                let Handled { failures, effects } = self.attempt(delivery).await?;
                handled.failures.extend(failures);
                handled.effects.extend(effects);
            }
            Ok(handled)
        })
    }
}

impl ToFunction {
    async fn attempt(&self, delivery: &Delivery) -> Result<Handled, Unanswered> {
        let current = self.served.current();
        let function = current.platform.functions.get(&self.function);
        let (Some(slot), Some(function)) = (current.functions.get(&self.function), function) else {
            return Err(host(format!("there is no function {}", self.function)));
        };
        let (how, stored) = (&function.asynchronous, &delivery.stored);
        let id = InvocationId::from_bytes(stored.message.id.to_bytes());
        let ended = |state| self.ended(&current.platform, how, stored, state);
        if let Some(state) = given_up(how, stored, self.stores.now()) {
            return Ok(ended(state));
        }
        let running = known(id, how, InvocationState::Running { attempt: stored.receives }, self.stores.now());
        let noted = self.stores.commit(Commit::new(vec![running])).await;
        noted.map_err(|error| host(error.to_string()))?;
        let invocation = Invocation { id, ..Invocation::of_messages(std::slice::from_ref(delivery)) };
        let live = slot.choose();
        match live.function.invoke(invocation, stored.message.body.clone()).await {
            Ok(answer) => Ok(ended(of_answer(answer))),
            Err(failure) => {
                let error = failure.code().to_owned();
                let unanswered = unanswered(failure);
                if !is_last(how, stored.receives, unanswered.blame) {
                    return Err(unanswered);
                }
                Ok(ended(InvocationState::Failed { error, message: unanswered.reason }))
            }
        }
    }

    /// An invocation that has come to its end: what is known of it, and the report if somebody is told. If it failed and nobody is, it
    /// is a dead letter.
    fn ended(&self, platform: &Platform, how: &Asynchronous, stored: &Stored, state: InvocationState) -> Handled {
        let id = InvocationId::from_bytes(stored.message.id.to_bytes());
        let (to, reason) = match &state {
            InvocationState::Failed { message, .. } => (&how.on_failure, Some(message.clone())),
            _ => (&how.on_success, None),
        };
        let report = to.as_ref().map(|_| self.report(platform, stored, id, &state));
        let failures = reason
            .filter(|_| report.is_none())
            .map(|reason| Failed { id: stored.message.id, why: Why::Failed { reason, retry: Retry::Never } });
        let effects = std::iter::once(known(id, how, state, self.stores.now())).chain(report);
        Handled { failures: failures.into_iter().collect(), effects: effects.collect() }
    }

    /// What has others told what became of an invocation.
    fn report(&self, platform: &Platform, stored: &Stored, id: InvocationId, state: &InvocationState) -> Effect {
        let queue = Function::report_queue(&self.function);
        let room = platform.queues.get(&queue).map_or(usize::MAX, |queue| queue.message_size_max.as_usize());
        let body = reports::fitting(reports::report(&self.function, id, stored.receives, state), room);
        let message = Message {
            trace: stored.message.trace.clone(),
            depth: stored.message.depth.saturating_add(1),
            ..Message::new(MessageId::now(), body)
        };
        Effect::QueueSend { queue, message, options: SendOptions::default() }
    }
}

fn host(reason: String) -> Unanswered {
    Unanswered { reason, blame: Blame::Host }
}

/// Whether an invocation is not tried any more: it is too old, or its last attempt took the host with it.
fn given_up(how: &Asynchronous, stored: &Stored, now: Timestamp) -> Option<InvocationState> {
    let failed = |error: &str, message: String| Some(InvocationState::Failed { error: error.to_owned(), message });
    if now > stored.sent_at.saturating_add(how.max_age) {
        let max_age = duration::display(how.max_age);
        return failed("invoke/too-old", format!("it was not done within {max_age}"));
    }
    if stored.receives as usize > how.retries.saturating_add(1) {
        return failed("invoke/no-end", "the host was gone before its last attempt had an end".to_owned());
    }
    None
}

/// Whether an attempt that failed was the last. What the host is to blame for does not count.
fn is_last(how: &Asynchronous, attempt: u32, blame: Blame) -> bool {
    match blame {
        Blame::Host => false,
        Blame::Messages { retry: Retry::Never } => true,
        Blame::Messages { .. } => attempt as usize > how.retries,
    }
}

fn of_answer(answer: Bytes) -> InvocationState {
    if answer.len() <= ANSWER_MAX {
        return InvocationState::Succeeded { answer };
    }
    let message = format!("it succeeded, and its answer of {} bytes is too large to be kept", answer.len());
    InvocationState::Failed { error: "invoke/answer-too-large".to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn how() -> Asynchronous {
        let second = Duration::from_secs(1);
        Asynchronous {
            max_age: Duration::from_secs(60),
            retries: 2,
            retry_delay: second,
            retry_delay_max: second,
            kept: second,
            on_success: None,
            on_failure: None,
        }
    }

    #[test]
    fn an_invocation_is_given_up_when_it_is_too_old_or_was_tried_too_often() {
        let stored = |receives| Stored {
            message: Message::new(MessageId::now(), "x"),
            sent_at: Timestamp::from_millis(1_000),
            receives,
            death: None,
        };
        for (seconds, receives, expected) in
            [(61, 1, None), (62, 1, Some("invoke/too-old")), (2, 3, None), (2, 4, Some("invoke/no-end"))]
        {
            let given_up = given_up(&how(), &stored(receives), Timestamp::from_millis(seconds * 1_000));
            let error = given_up.map(|state| match state {
                InvocationState::Failed { error, .. } => error,
                other => panic!("{other:?}"),
            });
            assert_eq!(error.as_deref(), expected, "{seconds} {receives}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_first_and_the_retries_unless_the_host_is_to_blame() {
        let messages = |retry| Blame::Messages { retry };
        for (attempt, blame, last) in [
            (1, messages(Retry::Default), false),
            (2, messages(Retry::Default), false),
            (3, messages(Retry::Default), true),
            (1, messages(Retry::Never), true),
            (9, Blame::Host, false),
        ] {
            assert_eq!(is_last(&how(), attempt, blame), last, "{attempt} {blame:?}");
        }
    }
}
