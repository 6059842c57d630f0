//! The vocabulary that the host's crates share: names, ids, sizes, durations, time, schedules, filters, grants.
//!
//! Depends on nothing of ours, does no I/O and starts no task. A type lives here if it has a rule of its own *and* at
//! least three crates use it; a type with one owner lives with its owner.
//!
//! Deliberately absent: anything that knows WebAssembly, HTTP, TOML or redb.

pub mod clock;
pub mod duration;
pub mod filter;
pub mod grant;
pub mod id;
pub mod lane;
pub mod name;
pub mod schedule;
pub mod secret;
pub mod size;
pub mod trace;

pub use clock::{Clock, ManualClock, SteadyClock, SystemClock, Timestamp};
pub use grant::{Access, Capability, Grants};
pub use id::{ContentId, InvocationId, MessageId};
pub use name::{
    BucketName, FunctionName, NameError, QueueName, ScheduleName, SecretName, StoreName, TopicName, WorkflowName,
};
pub use secret::Secret;
pub use size::ByteSize;
pub use trace::TraceContext;
