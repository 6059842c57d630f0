//! What is wrong between values: one module a family of rules. Each looks at everything, reports, and never returns early.

pub(crate) mod asynchronous;
pub(crate) mod component;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod outbound;
pub(crate) mod queue;
pub(crate) mod reference;
pub(crate) mod route;
pub(crate) mod schedule;
pub(crate) mod secret;
pub(crate) mod source;
pub(crate) mod topic;
pub(crate) mod trigger;
pub(crate) mod workflow;
