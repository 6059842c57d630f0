//! Reports: who is told what became of invocations that nobody waits for.
//!
//! A report is a message of a queue of its own, which the end of its invocation sends in its own commit. So a destination that
//! takes nothing, for now or ever, keeps reports waiting, and has no function run again as long as that queue has room.

use super::{Served, invocations};
use crate::admin::api::Printable;
use bytes::Bytes;
use flint_config::Platform;
use flint_config::platform::{Asynchronous, Destination, Function};
use flint_model::{FunctionName, InvocationId, MessageId, Timestamp};
use flint_stores::queue::LARGE_PAYLOAD_MAX;
use flint_stores::{Attribute, BoxFuture, Delivery, Effect, InvocationState, Message, SendOptions, Stored, Stores};
use flint_triggers::message::{Blame, Consumer, Failed, Handled, Retry, Unanswered, Why};
use serde_json::{Value, json};
use std::sync::Arc;

/// What came of an invocation, for others.
pub(super) fn report(function: &FunctionName, id: InvocationId, attempts: u32, state: &InvocationState) -> Value {
    let mut report = json!({ "invocation": id, "function": function, "attempts": attempts });
    match state {
        InvocationState::Failed { error, message } => {
            report["status"] = "failed".into();
            report["error"] = error.as_str().into();
            report["message"] = message.as_str().into();
        }
        InvocationState::Succeeded { answer } => {
            report["status"] = "succeeded".into();
            match Printable::new(answer) {
                Printable::Text(text) => report["answer"] = text.into(),
                Printable::Base64(text) => report["answer_base64"] = text.into(),
            }
        }
        InvocationState::Queued | InvocationState::Running { .. } => {}
    }
    report
}

/// A report as bytes. An answer that makes it larger than `max` is left out: the status by its id has it.
pub(super) fn fitting(mut report: Value, max: usize) -> Bytes {
    let whole = report.to_string();
    if whole.len() <= max {
        return whole.into();
    }
    if let Some(fields) = report.as_object_mut() {
        fields.retain(|name, _| name != "answer" && name != "answer_base64");
    }
    report.to_string().into()
}

/// Passes on the reports about a function.
pub(super) struct ToDestination {
    pub(super) served: Arc<Served>,
    pub(super) stores: Arc<dyn Stores>,
    pub(super) function: FunctionName,
}

impl Consumer for ToDestination {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let current = self.served.current();
            let platform = &current.platform;
            let Some(how) = platform.functions.get(&self.function).map(|function| &function.asynchronous) else {
                let reason = format!("there is no function {}", self.function);
                return Err(Unanswered { reason, blame: Blame::Host });
            };
            let about = About { function: &self.function, platform, now: self.stores.now() };
            let mut handled = Handled::default();
            for Delivery { stored, .. } in batch {
                match about.passed_on(how, stored) {
                    Ok(effects) => handled.effects.extend(effects),
                    Err(reason) => {
                        let why = Why::Failed { reason, retry: Retry::Never };
                        handled.failures.push(Failed { id: stored.message.id, why });
                    }
                }
            }
            Ok(handled)
        })
    }
}

/// What a report is about, and where it may go.
struct About<'a> {
    function: &'a FunctionName,
    platform: &'a Platform,
    now: Timestamp,
}

impl About<'_> {
    /// What passes a report on to whom the configuration names now; nothing if nobody wants to know any more.
    fn passed_on(&self, how: &Asynchronous, stored: &Stored) -> Result<Vec<Effect>, String> {
        let report: Value =
            serde_json::from_slice(&stored.message.body).map_err(|error| format!("it is no report: {error}"))?;
        let (to, status) = match report["status"].as_str() {
            Some("succeeded") => (&how.on_success, "succeeded"),
            Some("failed") => (&how.on_failure, "failed"),
            _ => return Err("it is no report: its `status` is neither succeeded nor failed".to_owned()),
        };
        let Some(to) = to else { return Ok(Vec::new()) };
        let message = Message {
            trace: stored.message.trace.clone(),
            depth: stored.message.depth,
            attributes: if matches!(to, Destination::Topic(_)) { self.attributes(status) } else { Vec::new() },
            ..Message::new(MessageId::now(), Bytes::new())
        };
        let room = self.room(to).saturating_sub(message.size());
        self.send(to, Message { body: fitting(report, room), ..message })
    }

    fn attributes(&self, status: &str) -> Vec<Attribute> {
        let attribute = |name: &str, value: &str| Attribute { name: name.to_owned(), value: value.to_owned() };
        vec![attribute("function", self.function.as_str()), attribute("status", status)]
    }

    /// The largest message that a destination takes, in bytes.
    fn room(&self, to: &Destination) -> usize {
        let of_queue = |queue| self.platform.queues.get(queue).map(|queue| queue.message_size_max.as_usize());
        let room = match to {
            Destination::Queue(name) => match self.platform.queues.get(name) {
                Some(queue) if queue.large_payloads.is_some() => Some(LARGE_PAYLOAD_MAX),
                _ => of_queue(name),
            },
            Destination::Topic(name) => self.platform.topics.get(name).map(|topic| topic.message_size_max.as_usize()),
            Destination::Function(name) => {
                let takes = self.platform.functions.get(name).map(|function| function.request_size_max.as_usize());
                of_queue(&Function::invoke_queue(name)).into_iter().chain(takes).min()
            }
        };
        room.unwrap_or(usize::MAX)
    }

    fn send(&self, to: &Destination, message: Message) -> Result<Vec<Effect>, String> {
        match to {
            Destination::Queue(queue) => {
                // One after the other.
                let is_fifo = self.platform.queues.get(queue).is_some_and(|queue| queue.is_fifo);
                let message = Message { group: is_fifo.then(|| self.function.to_string()), ..message };
                Ok(vec![Effect::QueueSend { queue: queue.clone(), message, options: SendOptions::default() }])
            }
            Destination::Topic(topic) => Ok(vec![Effect::TopicPublish { topic: topic.clone(), message }]),
            Destination::Function(name) => {
                let function = self.platform.functions.get(name).ok_or(format!("there is no function {name}"))?;
                let max = self.platform.limits.invoke_depth_max;
                if message.depth as usize >= max {
                    return Err(format!(
                        "{max} invocations and messages led to it, each causing the next, which is `limits.invoke-depth-max`; does {name} lead to {} again?",
                        self.function
                    ));
                }
                Ok(invocations::accepted(message, name, &function.asynchronous, self.now).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_fit_is_left_out() {
        let (function, id) = (FunctionName::parse("event").expect("a name"), InvocationId::from_bytes([7; 16]));
        let of = |answer: &[u8]| {
            report(&function, id, 2, &InvocationState::Succeeded { answer: Bytes::copy_from_slice(answer) })
        };
        for (answer, field) in [(&b"text"[..], "answer"), (&b"\xff\xfe"[..], "answer_base64")] {
            let whole = of(answer);
            assert!(whole[field].is_string(), "{whole}");
            let size = whole.to_string().len();
            assert_eq!(fitting(whole.clone(), size), whole.to_string());
            let without: Value = serde_json::from_slice(&fitting(whole, size - 1)).expect("JSON");
            let expected = json!({"invocation": id, "function": "event", "attempts": 2, "status": "succeeded"});
            assert_eq!(without, expected);
        }
    }
}
