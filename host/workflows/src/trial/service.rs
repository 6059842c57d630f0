//! What services answer in a trial for which there is no mock: in the shape of AWS's answers, and nothing is sent.
//!
//! *Absent:* DynamoDB, and functions and state machines, of which a trial has none.

use crate::arn;
use crate::chance::Chance;
use crate::moment;
use crate::resource::Service;
use crate::run::TaskOrder;
use md5::{Digest, Md5};
use serde_json::{Value, json};

/// What a queue, a topic or a bus answers, which take whatever they are given; `None` of another service.
pub(super) fn answer(order: &TaskOrder, seed: u64) -> Option<Value> {
    let mut chance = Chance::seeded(seed);
    match order.resource.service {
        Service::SqsSendMessage => {
            let body = order.input.get("MessageBody").map(text).unwrap_or_default();
            let digest = const_hex::encode(Md5::digest(body));
            Some(json!({"MD5OfMessageBody": digest, "MessageId": chance.uuid()}))
        }
        Service::SnsPublish => Some(json!({"MessageId": chance.uuid()})),
        Service::PutEvents => {
            let entries = order.input.get("Entries").and_then(Value::as_array).map_or(0, Vec::len);
            let entries: Vec<_> = (0..entries).map(|_| json!({"EventId": chance.uuid()})).collect();
            Some(json!({"Entries": entries, "FailedEntryCount": 0}))
        }
        _ => None,
    }
}

/// What the service answered at first of which a mock tells the end.
pub(super) fn taken(order: &TaskOrder, seed: u64, now: u64) -> Value {
    let given = |name| order.input.get(name).and_then(Value::as_str);
    match order.resource.service {
        Service::StartExecution => {
            let machine = given("StateMachineArn").unwrap_or_default().rsplit(':').next().unwrap_or_default();
            let name = given("Name").map_or_else(|| Chance::seeded(seed).uuid(), str::to_owned);
            json!({"ExecutionArn": arn::execution(machine, &name), "StartDate": moment::format(now)})
        }
        Service::Invoke => json!({"ExecutedVersion": "$LATEST", "Payload": null, "StatusCode": 200}),
        _ => json!({}),
    }
}

/// A body as it is sent: a text as it is, anything else as JSON.
fn text(body: &Value) -> String {
    body.as_str().map_or_else(|| body.to_string(), str::to_owned)
}
