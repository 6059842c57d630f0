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
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kv => "kv",
            Self::Queue => "queue",
        })
    }
}

/// How much is granted. `ReadWrite` holds all that `Read` does; of a queue only `Send` is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Looking only.
    Read,
    /// Looking and changing.
    ReadWrite,
    /// Sending.
    Send,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::Send => "send",
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
        self.0.get(&capability).and_then(|names| names.get(name)).is_some_and(|granted| *granted >= access)
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
        for (store, access, allowed) in [
            ("links", Access::Read, true),
            ("links", Access::ReadWrite, false),
            ("orders", Access::Read, true),
            ("orders", Access::ReadWrite, true),
            ("others", Access::Read, false),
        ] {
            assert_eq!(grants.allows(Capability::Kv, store, access), allowed, "{store} {access}");
        }
    }
}
