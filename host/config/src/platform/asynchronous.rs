//! Invocations that nobody waits for.

use super::Function;
use flint_model::{FunctionName, QueueName, TopicName};
use std::time::Duration;

/// How a function is invoked where nobody waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asynchronous {
    /// An invocation that is older is given up.
    pub max_age: Duration,
    /// How often it is tried again.
    pub retries: usize,
    /// How long it waits after its first failure.
    pub retry_delay: Duration,
    /// How long it waits at most.
    pub retry_delay_max: Duration,
    /// How long is known what became of it, once it has come to an end.
    pub kept: Duration,
    /// Who is told that it succeeded.
    pub on_success: Option<Destination>,
    /// Who is told that it was given up.
    pub on_failure: Option<Destination>,
}

/// Who is told what became of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A function is invoked, and nobody waits for its answer either.
    Function(FunctionName),
    /// A queue gets a message.
    Queue(QueueName),
    /// Everybody hears of it who listens to a topic.
    Topic(TopicName),
}

impl Function {
    /// The queue that the host keeps for the invocations of a function that nobody waits for.
    pub fn invoke_queue(name: &FunctionName) -> QueueName {
        QueueName::parse(&format!("invoke/{name}")).expect("a path of two names is that of a queue")
    }

    /// The queue that the host keeps for reports of what became of those, if anybody is told.
    pub fn report_queue(name: &FunctionName) -> QueueName {
        QueueName::parse(&format!("invoke/{name}/reports")).expect("a path of three names is that of a queue")
    }
}
