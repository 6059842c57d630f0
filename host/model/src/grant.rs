//! What a function may do, decided by a pure function.
//!
//! Grants are checked in one place, where a capability is called (`world/imports`), and used by `config` to say early what
//! a component will lack.

use std::collections::BTreeMap;
use std::fmt;

/// A capability that is granted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// A key-value store.
    Kv,
    /// A queue.
    Queue,
    /// A bucket of blobs.
    Blob,
    /// A topic.
    Topic,
    /// Another function.
    Invoke,
    /// A workflow.
    Workflow,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kv => "kv",
            Self::Queue => "queue",
            Self::Blob => "blob",
            Self::Topic => "topic",
            Self::Invoke => "invoke",
            Self::Workflow => "workflow",
        })
    }
}

/// What is granted of something. `ReadWrite` holds all that `Read` does, and `Start` all that `Read` and `Callback` do; the others
/// stand by themselves: who may send may not look, and who may look, or change, may not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Looking only.
    Read,
    /// Looking and changing.
    ReadWrite,
    /// Putting something in, without seeing what is there: sending to a queue, publishing to a topic.
    Send,
    /// Having it work: calling a function, and leaving work for it.
    Call,
    /// Ending tasks of a workflow that wait, by their tokens, without seeing its executions.
    Callback,
    /// Starting and stopping executions of a workflow, looking at them, and ending their tasks.
    Start,
}

impl Access {
    /// Says whether a grant of this is one of the other too.
    pub fn holds(self, other: Self) -> bool {
        self == other
            || matches!((self, other), (Self::ReadWrite, Self::Read) | (Self::Start, Self::Read | Self::Callback))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::Send => "send",
            Self::Call => "call",
            Self::Callback => "callback",
            Self::Start => "start",
        })
    }
}

/// All that one function may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<Capability, BTreeMap<String, Access>>);

impl Grants {
    /// Grants nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a grant; a second one for the same name replaces the first.
    pub fn add(&mut self, capability: Capability, name: impl Into<String>, access: Access) {
        self.0.entry(capability).or_default().insert(name.into(), access);
    }

    /// Says whether `access` to `name` is granted.
    pub fn allows(&self, capability: Capability, name: &str, access: Access) -> bool {
        self.0.get(&capability).and_then(|names| names.get(name)).is_some_and(|granted| granted.holds(access))
    }

    /// Names what is granted of a capability, in order.
    pub fn of(&self, capability: Capability) -> impl Iterator<Item = (&str, Access)> {
        self.0.get(&capability).into_iter().flatten().map(|(name, access)| (name.as_str(), *access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_allows_what_it_names_and_nothing_else() {
        let mut grants = Grants::none();
        grants.add(Capability::Kv, "links", Access::Read);
        grants.add(Capability::Kv, "orders", Access::ReadWrite);
        grants.add(Capability::Queue, "jobs", Access::Send);
        grants.add(Capability::Workflow, "order", Access::Start);
        grants.add(Capability::Workflow, "approval", Access::Callback);
        for (capability, name, access, allowed) in [
            (Capability::Kv, "links", Access::Read, true),
            (Capability::Kv, "links", Access::ReadWrite, false),
            (Capability::Kv, "orders", Access::Read, true),
            (Capability::Kv, "orders", Access::ReadWrite, true),
            (Capability::Kv, "orders", Access::Send, false),
            (Capability::Kv, "others", Access::Read, false),
            (Capability::Queue, "jobs", Access::Send, true),
            (Capability::Queue, "jobs", Access::Read, false),
            (Capability::Queue, "jobs", Access::ReadWrite, false),
            (Capability::Queue, "orders", Access::Read, false),
            (Capability::Kv, "jobs", Access::Send, false),
            (Capability::Workflow, "order", Access::Start, true),
            (Capability::Workflow, "order", Access::Read, true),
            (Capability::Workflow, "order", Access::Callback, true),
            (Capability::Workflow, "approval", Access::Callback, true),
            (Capability::Workflow, "approval", Access::Read, false),
            (Capability::Workflow, "approval", Access::Start, false),
        ] {
            assert_eq!(grants.allows(capability, name, access), allowed, "{capability} {name} {access}");
        }
    }
}
