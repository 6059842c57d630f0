//! Several messages, and what became of each.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::stream;

use super::message::Message;
use crate::bindings::queue::exports::flint::platform::queue_handler as wit;
use crate::handler::invoke::FromPayload;
use crate::transaction::Part;
use crate::{Failure, Retry};

/// The messages that a handler got at once.
///
/// What becomes of them is a [`BatchResult`], which only a batch can make: [`Batch::each`] tries one after the other;
/// [`Batch::into_parts`] hands all of them over, with a result in which all are done.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::queue::{Batch, BatchResult};
///
/// #[flint_sdk::queue]
/// async fn handle(batch: Batch<u64>) -> BatchResult {
///     batch
///         .each(async |message| match message.body {
///             0 => Err(Failure::new("ValidationError", "nothing to do").never()),
///             _ => Ok(()),
///         })
///         .await
/// }
/// ```
#[derive(Debug)]
pub struct Batch<T> {
    messages: Vec<Message<T>>,
    result: BatchResult,
}

/// What became of the messages of a batch: each is done, unless it is said to have failed.
///
/// A message whose body could not be read has failed already. Of a FIFO queue, the messages of a group that stand behind one
/// that failed are not done either, and come again behind it; unless that one is given up ([`Failure::never`]), since then the
/// group goes on.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::queue::{Batch, BatchResult};
///
/// /// All numbers at once, but for those that are too large.
/// fn handle(batch: Batch<u64>) -> BatchResult {
///     let (messages, mut result) = batch.into_parts();
///     for message in messages.iter().filter(|message| message.body > 1000) {
///         result.failed(message, Failure::new("ValidationError", "the number is too large").never());
///     }
///     result
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says which messages come again: answer it"]
pub struct BatchResult {
    /// All messages in their order, each with its group.
    order: Vec<(String, Option<String>)>,
    failures: BTreeMap<String, Undone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Undone {
    Failed(Failure),
    NotTried,
}

/// The messages of a call, before they were read.
pub(crate) type Received = Vec<wit::Message>;

impl<T: FromPayload> Batch<T> {
    pub(crate) fn read(received: Received) -> Self {
        let order = received.iter().map(|message| (message.id.clone(), message.group.clone())).collect();
        let mut result = BatchResult { order, failures: BTreeMap::new() };
        let mut messages = Vec::with_capacity(received.len());
        for message in received {
            let id = message.id.clone();
            match Message::read(message) {
                Ok(message) => messages.push(message),
                Err(failure) => result.fail(id, failure),
            }
        }
        Self { messages, result }
    }
}

impl<T> Batch<T> {
    /// How many messages there are to handle.
    ///
    /// ```
    /// # fn example(batch: flint_sdk::queue::Batch<u64>) {
    /// println!("{} messages", batch.len());
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none: all bodies were unreadable.
    ///
    /// ```
    /// # fn example(batch: flint_sdk::queue::Batch<u64>) {
    /// assert!(!batch.is_empty());
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Looks at the messages, in their order.
    ///
    /// ```
    /// # fn example(batch: flint_sdk::queue::Batch<u64>) {
    /// let sum: u64 = batch.iter().map(|message| message.body).sum();
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Message<T>> {
        self.messages.iter()
    }

    /// Handles the messages one after the other, and answers what became of each.
    ///
    /// In a transactional handler, what was written for a message that failed is taken back; what was written for the others
    /// stays. Messages of a group behind one that failed are not tried.
    ///
    /// ```no_run
    /// use flint_sdk::queue::{Batch, BatchResult};
    /// use flint_sdk::{Failure, kv};
    ///
    /// #[flint_sdk::queue]
    /// async fn count(batch: Batch<String>) -> BatchResult {
    ///     let words = kv::open("words");
    ///     batch
    ///         .each(async |message| {
    ///             words.increment(&message.body, 1).await?;
    ///             Ok::<_, Failure>(())
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn each<E: Into<Failure>>(self, handler: impl AsyncFn(Message<T>) -> Result<(), E>) -> BatchResult {
        let Self { messages, mut result } = self;
        for message in messages {
            if result.is_blocked(&message.id) {
                continue;
            }
            let id = message.id.clone();
            let part = Part::begin();
            match part.run(handler(message)).await {
                Ok(()) => part.keep().await,
                Err(failure) => {
                    part.take_back();
                    result.fail(id, failure.into());
                }
            }
        }
        result
    }

    /// Handles up to `at_once` messages at a time, and answers what became of each. For handlers that wait for others.
    ///
    /// Messages of a group still come one after the other. In a transactional handler it can't be told for which message
    /// something was written: if one fails, all that was written is taken back, and the messages that did not fail count as not
    /// tried.
    ///
    /// ```no_run
    /// use flint_sdk::http::{self, Request, Body};
    /// use flint_sdk::queue::{Batch, BatchResult};
    ///
    /// #[flint_sdk::queue]
    /// async fn notify(batch: Batch<String>) -> BatchResult {
    ///     batch
    ///         .each_at_once(8, async |message| {
    ///             let mut request = Request::new(Body::from(message.body));
    ///             *request.uri_mut() = "https://example.com/notify".parse().expect("a URI");
    ///             http::send(request).await.map(drop)
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn each_at_once<E: Into<Failure>>(
        self,
        at_once: usize,
        handler: impl AsyncFn(Message<T>) -> Result<(), E>,
    ) -> BatchResult {
        let Self { messages, mut result } = self;
        let part = Part::begin();
        let handler = &handler;
        let lanes = stream::iter(lanes(messages)).map(async |lane| in_turn(lane, handler).await);
        let failed: Vec<_> = part.run(lanes.buffer_unordered(at_once.max(1)).concat()).await;
        if failed.is_empty() {
            part.keep().await;
            return result;
        }
        failed.into_iter().for_each(|(id, failure)| result.fail(id, failure));
        if part.take_back() {
            result.rest_not_tried();
        }
        result
    }

    /// The messages, and a result in which all of them are done: say of each that is not that it [failed](BatchResult::failed).
    ///
    /// ```no_run
    /// use flint_sdk::queue::{Batch, BatchResult};
    /// use flint_sdk::{Failure, kv};
    ///
    /// /// Writes all words with one call.
    /// #[flint_sdk::queue]
    /// async fn store(batch: Batch<String>) -> Result<BatchResult, Failure> {
    ///     let (messages, mut result) = batch.into_parts();
    ///     let mut write = kv::Batch::new();
    ///     for message in &messages {
    ///         if message.body.is_empty() {
    ///             result.failed(message, Failure::new("ValidationError", "the word is empty").never());
    ///             continue;
    ///         }
    ///         write = write.increment(&message.body, 1);
    ///     }
    ///     kv::open("words").batch(write).await?;
    ///     Ok(result)
    /// }
    /// ```
    pub fn into_parts(self) -> (Vec<Message<T>>, BatchResult) {
        (self.messages, self.result)
    }
}

/// The messages of a group, which wait for each other; a message without a group is a lane of its own.
fn lanes<T>(messages: Vec<Message<T>>) -> Vec<Vec<Message<T>>> {
    let mut lanes: Vec<Vec<Message<T>>> = Vec::new();
    let mut of_group = BTreeMap::new();
    for message in messages {
        let next = lanes.len();
        let lane = message.group.clone().map_or(next, |group| *of_group.entry(group).or_insert(next));
        match lanes.get_mut(lane) {
            Some(lane) => lane.push(message),
            None => lanes.push(vec![message]),
        }
    }
    lanes
}

/// Handles messages until one has to come again; answers those that failed.
async fn in_turn<T, E: Into<Failure>>(
    lane: Vec<Message<T>>,
    handler: &impl AsyncFn(Message<T>) -> Result<(), E>,
) -> Vec<(String, Failure)> {
    let mut failed = Vec::new();
    for message in lane {
        let id = message.id.clone();
        let Err(failure) = handler(message).await else { continue };
        let failure = failure.into();
        let stop = comes_again(&failure);
        failed.push((id, failure));
        if stop {
            break;
        }
    }
    failed
}

fn comes_again(failure: &Failure) -> bool {
    failure.retry != Retry::Never
}

impl BatchResult {
    /// Says that a message is not done.
    ///
    /// ```
    /// use flint_sdk::Failure;
    /// use flint_sdk::queue::{BatchResult, Message};
    ///
    /// fn refuse(result: &mut BatchResult, message: &Message<String>) {
    ///     result.failed(message, Failure::new("Busy", "the printer is busy"));
    /// }
    /// ```
    pub fn failed<T>(&mut self, message: &Message<T>, failure: impl Into<Failure>) {
        self.fail(message.id.clone(), failure.into());
    }

    /// Says that a message was not looked at: it comes again, and this receive does not count.
    ///
    /// ```
    /// use flint_sdk::queue::{BatchResult, Message};
    ///
    /// fn leave(result: &mut BatchResult, rest: &[Message<String>]) {
    ///     rest.iter().for_each(|message| result.not_tried(message));
    /// }
    /// ```
    pub fn not_tried<T>(&mut self, message: &Message<T>) {
        self.failures.insert(message.id.clone(), Undone::NotTried);
    }

    fn fail(&mut self, id: String, failure: Failure) {
        self.failures.insert(id, Undone::Failed(failure));
    }

    /// Counts every message that did not fail as not tried.
    fn rest_not_tried(&mut self) {
        for (id, _) in &self.order {
            self.failures.entry(id.clone()).or_insert(Undone::NotTried);
        }
    }

    /// Whether a message stands behind one of its group that comes again.
    fn is_blocked(&self, id: &str) -> bool {
        let group = self.order.iter().find(|(of, _)| of == id).and_then(|(_, group)| group.as_ref());
        let before = self.order.iter().take_while(|(of, _)| of != id);
        group.is_some() && before.filter(|(_, of)| of.as_ref() == group).any(|(id, _)| self.holds_up(id))
    }

    /// Whether the group of a message waits for it.
    fn holds_up(&self, id: &str) -> bool {
        match self.failures.get(id) {
            Some(Undone::Failed(failure)) => comes_again(failure),
            Some(Undone::NotTried) => true,
            None => false,
        }
    }

    pub(crate) fn into_failures(mut self) -> Vec<wit::ItemFailure> {
        for (id, _) in self.order.clone() {
            if self.is_blocked(&id) {
                self.failures.entry(id).or_insert(Undone::NotTried);
            }
        }
        let reason = |undone| match undone {
            Undone::Failed(failure) => wit::Unfinished::Failed(failure.into()),
            Undone::NotTried => wit::Unfinished::NotTried,
        };
        let failures = self.order.into_iter().filter_map(|(id, _)| {
            let reason = reason(self.failures.remove(&id)?);
            Some(wit::ItemFailure { id, reason })
        });
        failures.collect()
    }
}

#[cfg(test)]
mod tests;
