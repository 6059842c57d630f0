//! What the configuration has to know of a component, and who tells it.

use crate::platform::{Function, HostLimits};
use flint_model::FunctionName;
use std::collections::BTreeMap;

/// Makes components of sources and tells what they export and import. Implemented by the binary.
pub trait Components {
    /// Hears of all the functions whose source is valid before the first is described, so that they can be built together,
    /// and of what the host allows them.
    ///
    /// What fails here is answered by [`describe`](Self::describe).
    fn prepare(&self, functions: &BTreeMap<&FunctionName, &Function>, limits: &HostLimits) {
        let _ = (functions, limits);
    }

    /// Describes the component of a function, after building it if need be. Called once for each function whose source
    /// is valid.
    ///
    /// # Errors
    /// The build failed, or what it left is no component.
    fn describe(&self, name: &FunctionName, function: &Function) -> Result<Shape, DescribeError>;
}

/// Why a component can't be described, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DescribeError {
    /// What went wrong, in one line.
    pub message: String,
    /// What to do about it; may have several lines.
    pub help: Option<String>,
}

/// The handlers that a component exports, and what it imports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The HTTP handler, if there is one.
    pub http: Option<HttpVersion>,
    /// Exports `flint:platform/invoke-handler`.
    pub invoke: bool,
    /// Exports `flint:platform/queue-handler`.
    pub queue: bool,
    /// Exports `flint:platform/kv-handler`.
    pub kv: bool,
    /// Exports `flint:platform/blob-handler`.
    pub blob: bool,
    /// Exports `flint:platform/topic-handler`.
    pub topic: bool,
    /// Exports `flint:platform/schedule-handler`.
    pub schedule: bool,
    /// Exports the init step, which is run once at build.
    pub init: bool,
    /// What it imports beyond what every function gets.
    pub imports: Vec<Import>,
}

impl Shape {
    /// Whether there is any handler at all that the host could call.
    pub fn has_handler(&self) -> bool {
        self.http.is_some() || self.has_event_handler()
    }

    /// Whether one instance can run several events at once: all handlers are asynchronous but that of `wasi:http@0.2`.
    pub fn can_be_shared(&self) -> bool {
        self.http.is_some_and(|version| version != HttpVersion::V02) || self.has_event_handler()
    }

    fn has_event_handler(&self) -> bool {
        self.invoke || self.queue || self.kv || self.blob || self.topic || self.schedule
    }
}

/// Which HTTP handler a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// `wasi:http/incoming-handler@0.2`.
    V02,
    /// `wasi:http/handler@0.3`.
    V03,
    /// `flint:platform/http-handler`: buffered.
    Buffered,
}

/// Something that a component imports and that a configuration has to give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Import {
    /// Key-value stores, by any of the interfaces.
    Kv,
    /// Queues.
    Queue,
    /// Buckets of blobs.
    Blob,
    /// Topics.
    Topic,
    /// Other functions.
    Invoke,
    /// Workflows.
    Workflow,
    /// Secrets.
    Secrets,
    /// `wasi:config`.
    Config,
    /// Outbound HTTP, by any version.
    Outbound,
    /// An interface that this host does not serve, by its full name.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_component_with_an_asynchronous_handler_can_be_shared() {
        let http = |version| Shape { http: Some(version), ..Shape::default() };
        for (shape, handler, shared) in [
            (Shape::default(), false, false),
            (Shape { init: true, ..Shape::default() }, false, false),
            (http(HttpVersion::V02), true, false),
            (http(HttpVersion::V03), true, true),
            (http(HttpVersion::Buffered), true, true),
            (Shape { invoke: true, ..http(HttpVersion::V02) }, true, true),
            (Shape { schedule: true, ..Shape::default() }, true, true),
        ] {
            assert_eq!((shape.has_handler(), shape.can_be_shared()), (handler, shared), "{shape:?}");
        }
    }
}
