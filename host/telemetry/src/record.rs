//! What is known of an invocation when it is over: the input of metrics, logs and the cost report.

use flint_model::{ByteSize, InvocationId, TraceContext};
use std::time::{Duration, Instant};

/// One invocation, after the fact.
#[derive(Debug, Clone)]
pub struct Record {
    /// Identifies it.
    pub invocation: InvocationId,
    /// Its span.
    pub trace: TraceContext,
    /// What it was for.
    pub trigger: Trigger,
    /// Where its instance came from.
    pub start: Start,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was over.
    pub ended: Instant,
    /// From the event being accepted to the end of the answer, `queued` included.
    pub wall: Duration,
    /// CPU time of the guest and of host calls on its behalf.
    pub cpu: Duration,
    /// The largest linear memory, all memories of the instance together.
    pub memory_peak: ByteSize,
    /// Bytes of request body or payload that the guest was given.
    pub bytes_in: u64,
    /// Bytes of response body or answer that it gave.
    pub bytes_out: u64,
    /// Calls of stores that it made.
    pub store_calls: u32,
    /// Requests that it made to others.
    pub outbound: Outbound,
    /// How long it waited for its turn.
    pub queued: Duration,
}

/// Requests that an invocation made to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbound {
    /// How many, those that were refused included.
    pub calls: u32,
    /// Bytes of their bodies.
    pub sent: u64,
    /// Bytes of the bodies of the answers.
    pub received: u64,
}

/// What an invocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// An HTTP request.
    Http,
    /// A payload that somebody waits for: `flint invoke`, another function, a task of a workflow.
    Invoke,
    /// Messages of a queue.
    Queue,
    /// What was published to a topic.
    Topic,
    /// What changed in a key-value store.
    Kv,
    /// What happened in a bucket of blobs.
    Blob,
    /// A tick of a schedule.
    Schedule,
}

impl Trigger {
    pub(crate) const ALL: [Self; 7] =
        [Self::Http, Self::Invoke, Self::Queue, Self::Topic, Self::Kv, Self::Blob, Self::Schedule];

    /// The value of the label `trigger`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Invoke => "invoke",
            Self::Queue => "queue",
            Self::Schedule => "schedule",
            Self::Topic => "topic",
            Self::Kv => "kv",
            Self::Blob => "blob",
        }
    }
}

/// Where an instance came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Made ahead of the event, and never used before.
    Pooled,
    /// Made for the event, while it waited.
    OnDemand,
    /// Used before, by one event after the other.
    Reused,
    /// Used by several events at once.
    Shared,
}

impl Start {
    pub(crate) const ALL: [Self; 4] = [Self::Pooled, Self::OnDemand, Self::Reused, Self::Shared];

    /// The value of the label `start`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::OnDemand => "on-demand",
            Self::Reused => "reused",
            Self::Shared => "shared",
        }
    }
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer, whatever it says.
    Ok,
    /// Without one, for a reason with this stable code, such as `function/timed-out`.
    Failed(&'static str),
}

impl Outcome {
    /// The value of the label `outcome`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(code) => code,
        }
    }
}

impl Record {
    /// Memory by time, in units of one MiB for one microsecond, both rounded up: what is priced.
    ///
    /// Clouds price the memory that was set aside; here it is what was used, since nothing is set aside. In this unit a
    /// counter of 64 bits lasts for four years of a thousand instances with 128 MiB each.
    pub(crate) fn mib_micros(&self) -> u64 {
        let mib = self.memory_peak.as_u64().div_ceil(1 << 20);
        let micros = u64::try_from(self.wall.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        mib.saturating_mul(micros)
    }
}
