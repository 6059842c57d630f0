//! What services answer in a trial for which there is no mock: in the shape of AWS's answers, and nothing is sent.

use crate::arn;
use crate::chance::Chance;
use crate::moment;
use crate::resource::Service;
use crate::run::TaskOrder;
use md5::{Digest, Md5};
use serde_json::{Value, json};

/// What a service answers when it has taken a request; `None` of one that is not known here.
pub(super) fn answer(order: &TaskOrder, seed: u64, now: u64) -> Option<Value> {
    let mut chance = Chance::seeded(seed);
    Some(match order.resource.service {
        Service::SqsSendMessage => {
            let body = order.input.get("MessageBody").map(text).unwrap_or_default();
            let digest: String = Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"MD5OfMessageBody": digest, "MessageId": chance.uuid()})
        }
        Service::SnsPublish => json!({"MessageId": chance.uuid()}),
        Service::PutEvents => {
            let entries = order.input.get("Entries").and_then(Value::as_array).map_or(0, Vec::len);
            let entries: Vec<_> = (0..entries).map(|_| json!({"EventId": chance.uuid()})).collect();
            json!({"Entries": entries, "FailedEntryCount": 0})
        }
        Service::StartExecution => {
            let text = |name| order.input.get(name).and_then(Value::as_str);
            let machine = text("StateMachineArn").unwrap_or_default().rsplit(':').next().unwrap_or_default();
            let name = text("Name").map_or_else(|| chance.uuid(), str::to_owned);
            json!({"ExecutionArn": arn::execution(machine, &name), "StartDate": moment::format(now)})
        }
        Service::Invoke => json!({"ExecutedVersion": "$LATEST", "StatusCode": 200}),
        _ => return None,
    })
}

/// A body as it is sent: a text as it is, anything else as JSON.
fn text(body: &Value) -> String {
    body.as_str().map_or_else(|| body.to_string(), str::to_owned)
}
