//! What the tasks of workflows call: functions, queues, topics, workflows, activities.
//!
//! A service answers what came of the call and what it changes; nothing has changed yet. Whoever asked commits that together with
//! what it tells the execution, so a task's effects happen once or not at all.

use super::Generation;
use super::messages::unanswered;
use flint_model::{FunctionName, InvocationId, MessageId, QueueName, StoreName, TopicName, WorkflowName};
use flint_stores::{Attribute, Commit, CommitError, Effect, Expectation, Message, ReadError, SendOptions};
use flint_triggers::message::{Blame, Unanswered};
use flint_workflows::dynamodb::{self, Change, Operation, Request, Schema, Write};
use flint_workflows::execution::{Beginning, ExecutionError, Executions, Origin, Work};
use flint_workflows::failure::{self, Failure};
use flint_workflows::moment;
use flint_workflows::resource::{Pattern, Resource, Service, kebab};
use flint_world::{Answered, Failure as Unfinished, Invocation};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A call of a service.
pub(super) struct Call<'c> {
    pub(super) current: &'c Generation,
    pub(super) resource: &'c Resource,
    pub(super) input: &'c Value,
    pub(super) invocation: Invocation,
    /// The executions of which one calls.
    pub(super) executions: &'c Executions,
    /// Of a standard execution, the task that can wait for what is started.
    pub(super) work: Option<&'c Work>,
}

/// What came of a call, and what it changes.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) result: Result<Value, Failure>,
    pub(super) effects: Vec<Effect>,
}

impl From<Failure> for Done {
    fn from(failure: Failure) -> Self {
        Self { result: Err(failure), effects: Vec::new() }
    }
}

impl Call<'_> {
    /// Calls the service.
    ///
    /// # Errors
    /// What another moment would do better: the task comes again.
    pub(super) async fn make(self) -> Result<Done, Unanswered> {
        let stores = self.executions.stores();
        let Done { result, effects } = self.done().await?;
        // Nothing by itself is no commit: what tells the execution is added to it.
        if effects.is_empty() {
            return Ok(Done { result, effects });
        }
        let commit = Commit::new(effects);
        Ok(match stores.check(&commit) {
            // No retry helps: the execution is told, rather than that nobody ever commits it.
            Err(error @ (CommitError::TooLarge(_) | CommitError::Invalid(_) | CommitError::NoSuch(_))) => {
                Failure::new(failure::name::TASK_FAILED, error.to_string()).into()
            }
            _ => Done { result, effects: commit.effects },
        })
    }

    async fn done(self) -> Result<Done, Unanswered> {
        match &self.resource.service {
            Service::Function { name } => {
                let payload = self.input.clone();
                self.invoke(name, &payload).await
            }
            Service::Invoke => {
                let name = text(self.input, "FunctionName");
                let payload = self.input.get("Payload").cloned().unwrap_or_else(|| json!({}));
                let Done { result, effects } = self.invoke(&name, &payload).await?;
                let whole = |answer| json!({"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200});
                Ok(Done { result: result.map(whole), effects })
            }
            Service::SqsSendMessage => Ok(self.send().unwrap_or_else(Done::from)),
            Service::SnsPublish => Ok(self.publish().unwrap_or_else(Done::from)),
            Service::PutEvents => Ok(self.put_events().unwrap_or_else(Done::from)),
            Service::StartExecution => self.start_execution().await,
            Service::Activity { name } => self.activity(name).await,
            Service::DynamoDbGetItem => self.item(Operation::GetItem).await,
            Service::DynamoDbPutItem => self.item(Operation::PutItem).await,
            Service::DynamoDbUpdateItem => self.item(Operation::UpdateItem).await,
            Service::DynamoDbDeleteItem => self.item(Operation::DeleteItem).await,
            Service::Other { .. } => Ok(self.unserved()),
        }
    }

    fn unserved(&self) -> Done {
        let cause = format!("The resource '{}' is not served by this host.", self.resource.text);
        Failure::new(failure::name::RUNTIME, cause).into()
    }

    /// Calls a function. Its own failure is an answer: what it wrote until then stays, as with any function that is called.
    async fn invoke(self, name: &str, payload: &Value) -> Result<Done, Unanswered> {
        let found = FunctionName::parse(&name_of(name)).ok().and_then(|name| self.current.functions.get(&name));
        let Some(slot) = found else {
            return Ok(Failure::new("Lambda.ResourceNotFoundException", format!("Function not found: {name}")).into());
        };
        let answered = slot.choose().function.invoke_held(self.invocation, payload.to_string().into()).await;
        Ok(match answered {
            Ok(Answered { answer: Ok(answer), effects }) => Done { result: Ok(read(&answer)), effects },
            Ok(Answered { answer: Err(Unfinished::Handler { name, message, .. }), effects }) => {
                Done { result: Err(Failure::new(name, message)), effects }
            }
            Ok(Answered { answer: Err(failure), .. }) => {
                Failure::new(failure::name::TASK_FAILED, failure.to_string()).into()
            }
            Err(failure @ (Unfinished::TimedOut(_) | Unfinished::NoFirstByte(_) | Unfinished::CpuExceeded(_))) => {
                Failure::new(failure::name::TIMEOUT, failure.to_string()).into()
            }
            Err(
                failure @ (Unfinished::Overloaded { .. }
                | Unfinished::Exhausted
                | Unfinished::RequestMemory(_)
                | Unfinished::Draining),
            ) => return Err(unanswered(failure)),
            Err(failure) => Failure::new(failure::name::TASK_FAILED, failure.to_string()).into(),
        })
    }

    fn message(&self, id: MessageId, body: impl Into<bytes::Bytes>) -> Message {
        let cause = self.invocation.cause();
        Message { trace: cause.trace, depth: self.invocation.depth, ..Message::new(id, body) }
    }

    /// Sends a message to the queue that the last part of a URL or an ARN names.
    fn send(&self) -> Result<Done, Failure> {
        let queue = self.queue(&text(self.input, "QueueUrl"))?;
        let is_fifo = self.current.platform.queues.get(&queue).is_some_and(|queue| queue.is_fifo);
        let id = MessageId::now();
        let message = Message {
            group: is_fifo.then(|| text(self.input, "MessageGroupId")),
            attributes: attributes(self.input.get("MessageAttributes")),
            ..self.message(id, body(self.input.get("MessageBody")))
        };
        let deduplication_id = self.input.get("MessageDeduplicationId").and_then(Value::as_str).map(str::to_owned);
        let delay = self.input.get("DelaySeconds").and_then(Value::as_u64).map(std::time::Duration::from_secs);
        let options = SendOptions { deduplication_id, delay };
        Ok(Done {
            result: Ok(json!({ "MessageId": id.to_string() })),
            effects: vec![Effect::QueueSend { queue, message, options }],
        })
    }

    fn queue(&self, url: &str) -> Result<QueueName, Failure> {
        let name = url.rsplit(['/', ':']).next().unwrap_or_default();
        let queue = QueueName::parse(name).ok().filter(|queue| self.current.platform.queues.contains_key(queue));
        queue.ok_or_else(|| Failure::new("SQS.QueueDoesNotExistException", format!("There is no queue '{name}'.")))
    }

    /// Publishes to the topic that the last part of an ARN names.
    fn publish(&self) -> Result<Done, Failure> {
        let topic = self.topic(&text(self.input, "TopicArn"))?;
        let id = MessageId::now();
        let attributes = attributes(self.input.get("MessageAttributes"));
        let message = Message { attributes, ..self.message(id, body(self.input.get("Message"))) };
        let effects = vec![Effect::TopicPublish { topic, message }];
        Ok(Done { result: Ok(json!({ "MessageId": id.to_string() })), effects })
    }

    fn topic(&self, arn: &str) -> Result<TopicName, Failure> {
        let name = arn.rsplit(['/', ':']).next().unwrap_or_default();
        let topic = TopicName::parse(name).ok().filter(|topic| self.current.platform.topics.contains_key(topic));
        topic.ok_or_else(|| Failure::new("SNS.NotFoundException", format!("There is no topic '{name}'.")))
    }

    /// Publishes events to topics: an event bus is the topic of its name, `default` if nobody says.
    fn put_events(&self) -> Result<Done, Failure> {
        let entries = self.input.get("Entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (mut told, mut effects) = (Vec::new(), Vec::new());
        for entry in entries {
            let bus = entry.get("EventBusName").and_then(Value::as_str).unwrap_or("default");
            let topic = self.topic(bus).map_err(|failure| Failure::new("EventBridge.FailedEntry", failure.cause))?;
            let id = MessageId::now();
            let (source, kind) = (text(entry, "Source"), text(entry, "DetailType"));
            let detail = match entry.get("Detail") {
                Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
                Some(detail) => detail.clone(),
                None => json!({}),
            };
            let event = json!({
                "version": "0", "id": id.to_string(), "detail-type": kind, "source": source, "account": "000000000000",
                "time": moment::format(self.invocation.accepted_at.as_millis()), "region": "local",
                "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])), "detail": detail,
            });
            let attribute = |name: &str, value: &str| Attribute { name: name.to_owned(), value: value.to_owned() };
            let attributes = vec![attribute("source", &source), attribute("detail-type", &kind)];
            let message = Message { attributes, ..self.message(id, event.to_string()) };
            effects.push(Effect::TopicPublish { topic, message });
            told.push(json!({ "EventId": id.to_string() }));
        }
        Ok(Done { result: Ok(json!({"Entries": told, "FailedEntryCount": 0})), effects })
    }

    /// Reads or writes an item of the store that the last part of an ARN names. What it was decided by is a precondition of the
    /// write, so whoever changes it meanwhile has the task done again.
    async fn item(&self, operation: Operation) -> Result<Done, Unanswered> {
        let (store, request) = match self.request(operation) {
            Ok(asked) => asked,
            Err(failure) => return Ok(failure.into()),
        };
        let key = request.key().to_owned();
        let entry = match self.executions.stores().kv().get(&store, &key).await {
            Ok(entry) => entry,
            Err(error) => return unreadable(&error),
        };
        let Change { write, answer } = match request.apply(entry.as_ref().map(|entry| &entry.value[..])) {
            Ok(change) => change,
            Err(failure) => return Ok(failure.into()),
        };
        let expect = Some(entry.map_or(Expectation::Absent, |entry| Expectation::Version(entry.version)));
        let effect = match write {
            Write::Keep => None,
            Write::Put(value) => Some(Effect::KvPut { store, key, value: value.into(), expires_at: None, expect }),
            Write::Delete => Some(Effect::KvDelete { store, key, expect }),
        };
        Ok(Done { result: Ok(answer), effects: effect.into_iter().collect() })
    }

    fn request(&self, operation: Operation) -> Result<(StoreName, Request), Failure> {
        let table = dynamodb::table(self.input)?;
        let named = |name: &str| {
            let store = StoreName::parse(name).ok()?;
            Some((self.current.platform.kv.get(&store)?.key.as_ref()?, store))
        };
        let (key, store) = named(table).or_else(|| named(&kebab(table))).ok_or_else(dynamodb::table_not_found)?;
        let schema = Schema { partition: key.partition.clone(), sort: key.sort.clone() };
        Ok((store, Request::read(operation, self.input, &schema)?))
    }

    /// Starts an execution of the workflow that the last part of an ARN names.
    async fn start_execution(&self) -> Result<Done, Unanswered> {
        let arn = text(self.input, "StateMachineArn");
        let Some(executions) = self.workflow(&arn) else {
            let cause = format!("State Machine Does Not Exist: '{arn}'");
            return Ok(Failure::new("StepFunctions.StateMachineDoesNotExistException", cause).into());
        };
        let name = match self.input.get("Name").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => InvocationId::now().to_string(),
        };
        let input = match self.input.get("Input") {
            None => json!({}),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(input) => input,
                Err(error) => {
                    let cause = format!("Invalid State Machine Execution Input: '{error}'");
                    return Ok(Failure::new("StepFunctions.InvalidExecutionInputException", cause).into());
                }
            },
            Some(input) => input.clone(),
        };
        let max = self.current.platform.limits.invoke_depth_max;
        if usize::try_from(self.invocation.depth).is_ok_and(|depth| depth >= max) {
            let cause = format!(
                "More than {max} calls and messages led to this start: a workflow probably starts itself again, in a circle."
            );
            return Ok(Failure::new("StepFunctions.ExecutionLimitExceededException", cause).into());
        }
        let is_sync = matches!(self.resource.pattern, Pattern::Sync | Pattern::Sync2);
        let began = match self.work {
            Some(work) if is_sync => {
                self.executions
                    .beginning_for(work, executions, &name, input, rand::random(), origin(&self.invocation))
                    .await
            }
            _ => executions.beginning(&name, input, rand::random(), origin(&self.invocation)).await,
        };
        match began {
            Ok(Beginning { id, effects }) => {
                let at = self.invocation.accepted_at.as_millis();
                Ok(Done { result: Ok(json!({"ExecutionArn": id, "StartDate": at})), effects })
            }
            Err(error) => not_started(&error, &executions.id(&name)),
        }
    }

    fn workflow(&self, arn: &str) -> Option<&Arc<Executions>> {
        let name = arn.split_once(":stateMachine:").map_or(arn, |(_, name)| name);
        let name = name.split(':').next().unwrap_or(name);
        let found = |name: &str| self.current.workflows.get(&WorkflowName::parse(name).ok()?);
        found(name).or_else(|| found(&kebab(name)))
    }

    /// Has a worker do it: an activity is the queue of its name, whose messages are `{"taskToken", "input"}`.
    async fn activity(&self, name: &str) -> Result<Done, Unanswered> {
        let Some(work) = self.work else { return Ok(self.unserved()) };
        let queue = match self.queue(&kebab(name)) {
            Ok(queue) => queue,
            Err(failure) => return Ok(Failure::new("States.Runtime", failure.cause).into()),
        };
        let Some(token) = self.executions.token(work).await.map_err(|error| of_execution(&error))? else {
            return Ok(self.unserved());
        };
        let message = self.message(MessageId::now(), json!({"taskToken": token, "input": self.input}).to_string());
        let effects = vec![Effect::QueueSend { queue, message, options: SendOptions::default() }];
        Ok(Done { result: Ok(Value::Null), effects })
    }
}

/// What of an item's key can't be read or written.
fn unreadable(error: &ReadError) -> Result<Done, Unanswered> {
    match error {
        ReadError::Unavailable { .. } => Err(Unanswered { reason: error.to_string(), blame: Blame::Host }),
        error => Ok(Failure::new("DynamoDB.AmazonDynamoDBException", error.to_string()).into()),
    }
}

/// What led to what an invocation starts.
pub(super) fn origin(led: &Invocation) -> Origin {
    Origin::new(Some(&led.trace), led.depth)
}

/// What the host is to blame for, as far as anybody knows.
pub(super) fn of_execution(error: &ExecutionError) -> Unanswered {
    Unanswered { reason: error.to_string(), blame: Blame::Host }
}

/// That an execution can't be started.
fn not_started(error: &ExecutionError, id: &str) -> Result<Done, Unanswered> {
    let (error, cause) = match error {
        ExecutionError::Exists { .. } => {
            ("StepFunctions.ExecutionAlreadyExistsException", format!("Execution Already Exists: '{id}'"))
        }
        ExecutionError::Express { .. } => ("StepFunctions.StateMachineTypeNotSupportedException", error.to_string()),
        ExecutionError::Name { .. } => ("StepFunctions.InvalidNameException", error.to_string()),
        ExecutionError::TooLarge { .. } => ("StepFunctions.InvalidExecutionInputException", error.to_string()),
        error => return Err(of_execution(error)),
    };
    Ok(Failure::new(error, cause).into())
}

/// The last part of a name or an ARN, without version or alias, in kebab case.
pub(crate) fn name_of(function: &str) -> String {
    let name = function.split_once(":function:").map_or(function, |(_, name)| name);
    kebab(name.split(':').next().unwrap_or(name))
}

/// What a function answered: JSON, or else a text.
fn read(answer: &[u8]) -> Value {
    if answer.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(answer).unwrap_or_else(|_| json!(String::from_utf8_lossy(answer)))
}

fn text(input: &Value, field: &str) -> String {
    body(input.get(field))
}

/// A body as AWS has it: a text as it is, anything else as JSON.
fn body(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// Attributes as AWS has them: `{"name": {"DataType", "StringValue"}}`.
fn attributes(given: Option<&Value>) -> Vec<Attribute> {
    let of = |(name, value): (&String, &Value)| {
        let value = value.get("StringValue").or_else(|| value.get("BinaryValue"))?;
        Some(Attribute { name: name.clone(), value: body(Some(value)) })
    };
    given.and_then(Value::as_object).unwrap_or(&Map::new()).iter().filter_map(of).collect()
}
