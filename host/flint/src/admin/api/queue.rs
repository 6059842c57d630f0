//! Queues and triggers.

use super::blob::BlobInfo;
use super::{Item, Printable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// All queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Queues {
    pub(crate) queues: Vec<Queue>,
}

/// What a queue holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Queue {
    pub(crate) queue: String,
    /// Messages that could be received now; of a FIFO queue also those behind others of their group.
    pub(crate) waiting: u64,
    /// Messages that nobody sees yet: leased or delayed.
    pub(crate) hidden: u64,
    /// For how long the oldest message has been in the queue; none if it is empty.
    pub(crate) oldest_age_ms: Option<u64>,
}

/// Messages to send: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Send {
    pub(crate) messages: Vec<Outgoing>,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Outgoing {
    #[serde(flatten)]
    pub(crate) body: Printable,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    /// For a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication_id: Option<String>,
}

/// What a send came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Sent {
    /// The ids of the messages, in their order.
    pub(crate) ids: Vec<String>,
}

/// Which messages are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct Peek {
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// At most so many; 100, if this is left out.
    #[serde(default)]
    pub(crate) limit: Option<u32>,
}

/// Some messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Messages {
    pub(crate) messages: Vec<Message>,
    /// Where to go on; none when this was the last page, or a receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
}

/// A message as its queue holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Message {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) body: Printable,
    /// What its body tells of, if it is one of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Event>,
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) sent_at_ms: u64,
    pub(crate) receive_count: u32,
    /// With which it is settled, if it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    /// When its lease ends, if it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_until_ms: Option<u64>,
    /// Why it is among dead letters, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) death: Option<Death>,
}

/// What happened in a store or a bucket. `at_ms` are milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A key changed; what was not there before, or is not any more, is left out.
    Change {
        store: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Item>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<Item>,
        at_ms: u64,
    },
    /// A blob was created; or deleted, and then there is no `created`.
    Blob {
        bucket: String,
        key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created: Option<BlobInfo>,
        sequence: u64,
        at_ms: u64,
    },
}

/// Why a message is among dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Death {
    pub(crate) queue: String,
    pub(crate) reason: String,
    pub(crate) receive_count: u32,
    pub(crate) at_ms: u64,
}

/// What is asked of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Receive {
    /// At most so many messages; 1, if this is left out.
    #[serde(default)]
    pub(crate) max: Option<usize>,
    /// How long they are leased; the queue's `visibility`, if this is left out.
    #[serde(default)]
    pub(crate) visibility_ms: Option<u64>,
    /// How long to wait for a first message, up to 20 s; 0, if this is left out.
    #[serde(default)]
    pub(crate) wait_ms: Option<u64>,
}

/// What becomes of leased messages: of all of them, or of none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Settle {
    pub(crate) receipts: Vec<String>,
    pub(crate) verdict: Verdict,
    /// With `retry`: not before so long has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    /// With `dead-letter`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Done,
    Retry,
    DeadLetter,
}

/// Has a lease end at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Extend {
    pub(crate) receipt: String,
    /// So long from now.
    pub(crate) visibility_ms: u64,
}

/// A lease that ends at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Extended {
    /// The receipt that counts from now on.
    pub(crate) receipt: String,
    pub(crate) leased_until_ms: u64,
}

/// Moves dead letters back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Redrive {
    /// The queue; each message's own, if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// At most so many; all, if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<u64>,
}

/// How many messages something was done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Counted {
    pub(crate) messages: u64,
}

/// All triggers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Triggers {
    pub(crate) triggers: Vec<Trigger>,
}

/// Who handles the messages of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Trigger {
    /// What is listened to, or where it waits.
    pub(crate) queue: String,
    /// The topic that is listened to, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// The store whose changes are listened to, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kv: Option<Changes>,
    /// The bucket of which it is listened to what happens, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bucket: Option<Events>,
    /// The function, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
    /// The workflow of which an execution is started, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<String>,
    pub(crate) batch_size: usize,
    pub(crate) batch_window_ms: u64,
    pub(crate) concurrency: usize,
    pub(crate) transactional: bool,
    /// None: all messages.
    pub(crate) filter: Option<serde_json::Value>,
    pub(crate) retry_delay_ms: u64,
    pub(crate) retry_delay_max_ms: u64,
}

/// Which changes of a store are listened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Changes {
    pub(crate) store: String,
    /// What the keys start with; none: all keys.
    pub(crate) prefix: Option<String>,
    /// `insert`, `modify`, `remove`.
    pub(crate) events: Vec<String>,
    /// `latest` or `beginning`.
    pub(crate) start: String,
}

/// Which events of a bucket are listened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Events {
    pub(crate) bucket: String,
    /// What the keys start with; none: all keys.
    pub(crate) prefix: Option<String>,
    /// What the keys end with; none: all keys.
    pub(crate) suffix: Option<String>,
    /// `created`, `deleted`.
    pub(crate) events: Vec<String>,
}

impl Eq for Trigger {}
