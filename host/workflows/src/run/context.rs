//! The context object ("Accessing execution data from the Context object").

use super::Run;
use super::thread::ThreadId;
use crate::moment;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Whose run it is, and what it was started with.
#[derive(Clone, Debug)]
pub struct About {
    /// `Execution.Id`.
    pub id: String,
    /// `Execution.Name`.
    pub name: String,
    /// `Execution.RoleArn`.
    pub role: String,
    /// `Execution.Input`.
    pub input: Value,
    /// `Execution.StartTime`, in milliseconds since 1970.
    pub started_at: u64,
    /// `Execution.RedriveCount`.
    pub redrives: u32,
    /// The execution's own: what is random in it follows from it. Nobody else knows it.
    pub seed: u64,
    /// `StateMachine.Id`.
    pub machine_id: String,
    /// `StateMachine.Name`.
    pub machine_name: String,
}

/// What is in the context object of some computations only.
#[derive(Debug, Default)]
pub(super) struct Besides {
    /// `Task.Token`.
    pub(super) token: Option<String>,
    /// `Map`, of an item that is about to be run.
    pub(super) item: Option<Arc<Value>>,
}

impl About {
    /// The parts of the context object that stay.
    pub(super) fn context(&self) -> Value {
        json!({
            "Execution": {
                "Id": self.id, "Input": self.input, "Name": self.name, "RoleArn": self.role,
                "StartTime": moment::format(self.started_at), "RedriveCount": self.redrives,
            },
            "StateMachine": { "Id": self.machine_id, "Name": self.machine_name },
        })
    }
}

impl Run {
    /// The context object of a thread. It is taken, and has to be put back with [`Run::give_back`].
    pub(super) fn take_context(&mut self, thread: ThreadId, besides: Besides) -> Value {
        let mut context = std::mem::take(&mut self.context);
        let Some(fields) = context.as_object_mut() else { return context };
        let Some(thread) = self.threads.get(&thread) else { return context };
        if let Some(at) = &thread.at {
            let state = json!({
                "EnteredTime": moment::format(at.entered_at), "Name": at.state, "RetryCount": at.retry_count(),
            });
            fields.insert("State".to_owned(), state);
        }
        let item = besides.item.or_else(|| thread.item.clone());
        set(fields, "Map", item.map(Arc::unwrap_or_clone));
        set(fields, "Task", besides.token.map(|token| json!({ "Token": token })));
        context
    }

    /// Puts the context object back.
    pub(super) fn give_back(&mut self, context: Value) {
        self.context = context;
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => _ = fields.insert(name.to_owned(), value),
        None => _ = fields.remove(name),
    }
}
