//! Mocks: what tasks answer in a trial.

use crate::failure::Failure;
use crate::resource::{Pattern, Service, kebab};
use crate::run::TaskOrder;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The longest delay of a mock, in seconds.
const DELAY_MAX: f64 = 99_999_999.0;

/// Answers for tasks, by the name or ARN of a function, by `Resource`, or by the name of a state.
#[derive(Clone, Debug, Default)]
pub struct Mocks {
    answers: HashMap<String, Answers>,
}

/// Answers for successive calls; the last one repeats.
#[derive(Clone, Debug)]
struct Answers {
    all: Vec<Answer>,
    given: usize,
}

#[derive(Clone, Debug)]
struct Answer {
    what: What,
    /// In milliseconds.
    delay: u64,
}

#[derive(Clone, Debug)]
enum What {
    Echo,
    Result(Value),
    Error(Failure),
}

impl Mocks {
    /// Reads mocks: `{"echo": true}`, `{"result": any}` or `{"error": "Name", "cause": "text"}`, each with an optional
    /// `"delay_seconds"`; or `{"sequence": […]}`, or a list, for successive calls.
    ///
    /// # Errors
    /// A sentence that says which key is wrong, and what it may be.
    pub fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(mocks) = value else {
            return Err(
                "mocks are a JSON object: names of functions, resources or states, and what they answer".to_owned()
            );
        };
        let read = |(key, value): (&String, &Value)| Ok((key.clone(), Answers { all: answers(key, value)?, given: 0 }));
        Ok(Self { answers: mocks.iter().map(read).collect::<Result<_, String>>()? })
    }

    /// What a task answers, and after how many milliseconds; `None`: there is no mock for it.
    pub(super) fn answer(&mut self, order: &TaskOrder) -> Option<(Result<Value, Failure>, u64)> {
        let (key, is_function) = self.key(order)?;
        let Answer { what, delay } = self.next(&key)?;
        let payload = match order.resource.service {
            Service::Invoke => order.input.get("Payload").cloned().unwrap_or(json!({})),
            _ => order.input.clone(),
        };
        let result = match what {
            What::Echo => Ok(wrapped(order, payload, true)),
            What::Result(result) => Ok(wrapped(order, result, is_function)),
            What::Error(failure) => Err(failure),
        };
        Some((result, delay))
    }

    /// What the first of these keys answers that is there.
    pub(super) fn named(&mut self, keys: &[&str]) -> Option<Result<Value, Failure>> {
        let key = keys.iter().find(|key| self.answers.contains_key(**key))?;
        Some(match self.next(key)?.what {
            What::Echo => Ok(Value::Null),
            What::Result(result) => Ok(result),
            What::Error(failure) => Err(failure),
        })
    }

    fn next(&mut self, key: &str) -> Option<Answer> {
        let answers = self.answers.get_mut(key)?;
        let answer = answers.all.get(answers.given.min(answers.all.len().checked_sub(1)?)).cloned();
        answers.given += 1;
        answer
    }

    /// The key for a task, from the narrowest to the widest, and whether it names a function.
    fn key(&self, order: &TaskOrder) -> Option<(String, bool)> {
        let has = |key: &str| self.answers.contains_key(key).then(|| key.to_owned());
        if let Some(key) = has(&order.state) {
            return Some((key, false));
        }
        let name = match &order.resource.service {
            Service::Function { name } => Some(name.as_str()),
            Service::Invoke => order.input.get("FunctionName").and_then(Value::as_str),
            Service::Activity { name } => Some(name.as_str()),
            Service::StartExecution => order.input.get("StateMachineArn").and_then(Value::as_str),
            _ => None,
        };
        if let Some(name) = name {
            let short = last_part(name);
            let found = has(name).or_else(|| has(short)).or_else(|| has(&kebab(short)));
            let found = found.or_else(|| {
                self.answers.keys().find(|key| key.starts_with("arn:") && last_part(key) == short).cloned()
            });
            let found = found.or_else(|| self.answers.keys().find(|key| kebab(key) == kebab(short)).cloned());
            if let Some(key) =
                found.filter(|key| *key != order.resource.text || !order.resource.text.contains(":states:::"))
            {
                return Some((key, true));
            }
        }
        has(&order.resource.text).map(|key| (key, false))
    }
}

/// The name in an ARN of a function or a state machine, without version or alias.
fn last_part(name: &str) -> &str {
    let after = name.split_once(":function:").or_else(|| name.split_once(":stateMachine:")).map(|(_, rest)| rest);
    after.unwrap_or(name).split(':').next().unwrap_or(name)
}

/// What the service answers when the function, or whoever is behind it, answers this.
///
/// `lambda:invoke` puts it into `Payload`, unless the mock is of the state or the resource and has one itself.
fn wrapped(order: &TaskOrder, result: Value, is_function: bool) -> Value {
    let is_invoke = order.resource.service == Service::Invoke && order.resource.pattern == Pattern::RequestResponse;
    if !is_invoke || (!is_function && result.get("Payload").is_some()) {
        return result;
    }
    json!({"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200})
}

fn answers(key: &str, value: &Value) -> Result<Vec<Answer>, String> {
    let list = match value {
        Value::Array(list) => list,
        Value::Object(fields) if fields.contains_key("sequence") => match (&fields["sequence"], fields.len()) {
            (Value::Array(list), 1) => list,
            _ => return Err(format!("the mock `{key}` has a `sequence`, which is an array, and nothing beside it")),
        },
        value => return Ok(vec![answer(key, value)?]),
    };
    if list.is_empty() {
        return Err(format!("the mock `{key}` has no answer"));
    }
    list.iter().map(|value| answer(key, value)).collect()
}

fn answer(key: &str, value: &Value) -> Result<Answer, String> {
    let may_be = "an answer is {\"echo\": true}, {\"result\": …} or {\"error\": \"Name\", \"cause\": \"text\"}, with \"delay_seconds\" if it takes time";
    let Value::Object(fields) = value else { return Err(format!("the mock `{key}` is no answer: {may_be}")) };
    let known = ["echo", "result", "error", "cause", "delay_seconds"];
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("the mock `{key}` has an unknown field `{unknown}`: {may_be}"));
    }
    let kinds = ["echo", "result", "error"].iter().filter(|kind| fields.contains_key(**kind)).count();
    if kinds != 1 {
        return Err(format!(
            "the mock `{key}` has {kinds} of `echo`, `result` and `error`, and it is one of them: {may_be}"
        ));
    }
    Ok(Answer { what: what(key, fields)?, delay: delay(key, fields)? })
}

fn what(key: &str, fields: &Map<String, Value>) -> Result<What, String> {
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("`{name}` of the mock `{key}` is a text")),
    };
    Ok(match (fields.get("echo"), fields.get("result")) {
        (Some(Value::Bool(true)), _) => What::Echo,
        (Some(_), _) => return Err(format!("`echo` of the mock `{key}` is `true`")),
        (None, Some(result)) => What::Result(result.clone()),
        (None, None) => What::Error(Failure { error: text("error")?, cause: text("cause")? }),
    })
}

fn delay(key: &str, fields: &Map<String, Value>) -> Result<u64, String> {
    let Some(value) = fields.get("delay_seconds") else { return Ok(0) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=DELAY_MAX).contains(seconds));
    let seconds = seconds
        .ok_or_else(|| format!("`delay_seconds` of the mock `{key}` is a number of seconds, {DELAY_MAX} at most"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within its range")]
    Ok((seconds * 1_000.0).round() as u64)
}
