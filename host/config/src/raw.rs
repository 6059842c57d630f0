//! The file as written: one module a section, every value with its place, every default filled in.
//!
//! What is wrong with a single key or value (unknown, missing, of another type, not readable, out of range) is found here, by
//! the reference table; what is wrong between values is found in `check`. A value that is wrong is reported and then taken to
//! be the default, so that what does not depend on it is still looked at.

mod asynchronous;
mod bucket;
pub(crate) mod function;
mod handler;
mod kv;
mod limits;
mod listener;
mod outbound;
mod outline;
mod queue;
mod reader;
mod route;
mod scalar;
mod schedule;
mod secrets;
mod section;
mod syntax;
mod topic;
mod trigger;
mod workflow;

pub(crate) use function::{Function, Grant, Granted};
pub(crate) use handler::Handler;
pub(crate) use limits::Limits;
pub(crate) use listener::Listener;
pub(crate) use outbound::Host as HostOutbound;
pub(crate) use outline::{data_dir_default, read};
pub(crate) use queue::Queue;
pub(crate) use reader::Reader;
pub(crate) use route::Route;
pub(crate) use schedule::Schedule;
pub(crate) use secrets::{Origin, SecretEntry};
pub(crate) use syntax::{errors, only_elsewhere};
pub(crate) use topic::Subscription;
pub(crate) use trigger::{Source, Trigger};
pub(crate) use workflow::Workflow;

use crate::platform::{Bucket, KvStore, Topic};
use crate::source::Span;
use flint_model::{BucketName, FunctionName, QueueName, ScheduleName, StoreName, TopicName, WorkflowName};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

/// A value and where it stands, if it is not the default.
#[derive(Debug, Clone)]
pub(crate) struct Field<T> {
    pub(crate) value: T,
    pub(crate) at: Option<Span>,
}

/// All sections.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) data_dir: PathBuf,
    pub(crate) listener: Listener,
    pub(crate) limits: Limits,
    pub(crate) outbound: HostOutbound,
    /// Those with a valid name.
    pub(crate) functions: BTreeMap<FunctionName, Function>,
    pub(crate) routes: Vec<Route>,
    /// Those with a valid name.
    pub(crate) kv: BTreeMap<StoreName, KvStore>,
    /// As above.
    pub(crate) queues: BTreeMap<QueueName, Queue>,
    /// As above.
    pub(crate) buckets: BTreeMap<BucketName, Bucket>,
    /// As above.
    pub(crate) topics: BTreeMap<TopicName, Topic>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) triggers: Vec<Trigger>,
    /// Those with a valid name.
    pub(crate) schedules: BTreeMap<ScheduleName, Schedule>,
    /// Those with a valid name.
    pub(crate) workflows: BTreeMap<WorkflowName, Workflow>,
    /// Names that are there but break the rule for names: what refers to them is not reported again.
    pub(crate) misnamed: BTreeSet<String>,
}
