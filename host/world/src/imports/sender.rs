//! Who sends messages: what those to queues and those to topics have in common.

use super::stores::Account;
use crate::bindings::platform::types;
use crate::invocation::Invocation;
use crate::state::Platform;
use flint_model::{MessageId, TraceContext};
use flint_stores::{Attribute, Message};
use wasmtime::component::Accessor;

/// An invocation, as far as it may send.
pub(super) struct Sender {
    pub(super) account: Account,
    /// None while an instance is made: it may send nothing then.
    invocation: Option<Invocation>,
}

pub(super) fn sender<T>(accessor: &Accessor<T, Platform>) -> Sender {
    accessor.with(|mut access| {
        let state = access.get();
        Sender { account: state.account(), invocation: state.invocation().cloned() }
    })
}

impl Sender {
    /// The trace that it belongs to.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        self.invocation.as_ref().map(|invocation| invocation.trace.clone())
    }

    /// How many calls and messages led to it, each causing the next.
    pub(super) fn depth(&self) -> u32 {
        self.invocation.as_ref().map_or(0, |invocation| invocation.depth)
    }

    /// A message that the invocation sends.
    pub(super) fn message(&self, body: Vec<u8>, attributes: Vec<types::Attribute>, group: Option<String>) -> Message {
        let attribute = |attribute: types::Attribute| Attribute { name: attribute.name, value: attribute.value };
        Message {
            id: MessageId::at(self.account.function.clock.now()),
            body: body.into(),
            attributes: attributes.into_iter().map(attribute).collect(),
            group,
            source: None,
            trace: self.invocation.as_ref().map(|invocation| invocation.trace.child()),
            depth: self.depth(),
        }
    }
}

/// The bytes that attributes take on their way.
pub(super) fn size_of_attributes(attributes: &[types::Attribute]) -> usize {
    attributes.iter().map(|one| size_of_val(one) + one.name.len() + one.value.len()).sum()
}
