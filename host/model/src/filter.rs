//! Filters: which messages, blobs and keys a subscription or a trigger wants. Pure.
//!
//! A [`Filter`] looks at the attributes of a message. Its policy is the one that people know from topics of SNS:
//!
//! ```json
//! {
//!   "type": ["order.created", { "prefix": "order.paid." }],
//!   "price": [{ "numeric": [">=", 10, "<", 100] }],
//!   "$or": [{ "region": ["eu"] }, { "test": [{ "exists": false }] }]
//! }
//! ```
//!
//! All names have to pass, each by one of its conditions; `$or` passes if one of its policies does. A condition is one of:
//!
//! | condition | passes if the attribute is there and |
//! | --- | --- |
//! | `"text"`, `true` | it is exactly this |
//! | `12.5` | it is this number, however it is written |
//! | `{"prefix": "a"}`, `{"suffix": "a"}` | it starts, or ends, with this |
//! | `{"equals-ignore-case": "a"}` | it is this, in small or capital letters |
//! | `{"anything-but": …}` | it is not this: a text, a number, a boolean, a list of them, a prefix or a suffix |
//! | `{"numeric": [">", 0, "<=", 5]}` | it is a number, and all of `<`, `<=`, `=`, `>=`, `>` hold |
//! | `{"exists": true}` | (nothing more); `false` passes if it is not there |
//!
//! A [`KeyFilter`] looks at the key of a blob or of a key-value entry.
//!
//! Depends on nothing of ours. Data comes in as parsed JSON, or TOML that was read as such, and leaves as yes or no. It never
//! keeps anything of a message.

mod condition;
mod error;
mod key;
mod number;
mod parse;
#[cfg(test)]
mod tests;

pub use error::{Fault, FilterError};
pub use key::KeyFilter;

use condition::Condition;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// How many conditions a policy may have, lists in conditions counted by their entries: what a message costs at most.
pub const CONDITIONS_MAX: usize = 150;

/// How many policies may lie within each other through `$or`, the outermost counted.
pub const DEPTH_MAX: usize = 5;

/// A filter policy, parsed once.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// What it was parsed from, for listings.
    source: Value,
    policy: Policy,
}

impl Filter {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`FilterError`] says where in the policy the first fault is, and what may stand there.
    pub fn parse(policy: &Value) -> Result<Self, FilterError> {
        Ok(Self { source: policy.clone(), policy: parse::policy(policy)? })
    }

    /// Says whether a message with these attributes passes. Allocates nothing.
    pub fn matches<'a>(&self, attributes: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.policy.matches(&attributes)
    }

    /// The policy as it was parsed.
    pub fn source(&self) -> &Value {
        &self.source
    }
}

/// Writes the policy as it was parsed.
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

/// Clauses that all have to pass.
#[derive(Debug, Clone, PartialEq)]
struct Policy(Vec<Clause>);

#[derive(Debug, Clone, PartialEq)]
enum Clause {
    /// One of the conditions passes.
    Attribute { name: String, any: Vec<Condition> },
    /// One of the policies passes.
    Or(Vec<Policy>),
}

impl Policy {
    fn matches<'a>(&self, attributes: &impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|clause| match clause {
            Clause::Attribute { name, any } => {
                let attribute = attributes(name);
                any.iter().any(|condition| condition.passes(attribute))
            }
            Clause::Or(policies) => policies.iter().any(|policy| policy.matches(attributes)),
        })
    }
}
