//! Executions that others wait for: what a task starts (`states:startExecution.sync`), and what is told when it ends.

use super::mark::Mark;
use super::{
    Beginning, ExecutionError, Executions, Head, MapEvent, News, Origin, Parent, Status, Work, exists, notice,
};
use crate::arn;
use crate::failure::{self, Failure};
use crate::resource::{Pattern, Resource};
use crate::run::Event;
use flint_model::QueueName;
use flint_stores::Effect;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An execution that a task has started and waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Child {
    inbox: String,
    name: String,
    seed: u64,
}

impl Child {
    /// What stops it.
    pub(super) fn stop(&self) -> Option<Effect> {
        let inbox = QueueName::parse(&self.inbox).ok()?;
        let failure = Failure::new("", "The execution that waited for it does not any more.");
        Some(notice(inbox, &self.name, Some(self.seed), News::Execution(Event::Stopped { failure })))
    }
}

impl Executions {
    /// What starts an execution of a workflow for a task that waits for its end, to be committed with the end of the task's own
    /// message: the end is told to the task, with input and output as JSON (`.sync:2`), or as texts.
    ///
    /// # Errors
    /// [`ExecutionError::Exists`] if there is one of this name, whatever its input; [`ExecutionError::Express`].
    pub async fn beginning_for(
        &self,
        work: &Work,
        child: &Self,
        name: &str,
        input: Value,
        seed: u64,
        origin: Origin,
    ) -> Result<Beginning, ExecutionError> {
        if child.options.is_express {
            return Err(ExecutionError::Express { workflow: child.options.workflow.clone() });
        }
        let is_json = Resource::parse(&work.resource).is_ok_and(|resource| resource.pattern == Pattern::Sync2);
        let (inbox, execution) = (self.place.inbox.to_string(), work.execution.clone());
        let parent = Parent::Task { inbox, execution, seed: work.seed, task: work.task, is_json };
        let head = Head { origin, parent: Some(parent), ..child.new_head(name, input, seed)? };
        if child.head(name).await?.is_some() {
            return Err(exists(name));
        }
        let mut effects = child.begin(name, &head).await?;
        let known = Child { inbox: child.place.inbox.to_string(), name: name.to_owned(), seed: head.seed };
        effects.push(self.noted(&work.execution, work.task, &Mark::Child(known)));
        Ok(Beginning { id: child.id(name), effects })
    }

    /// What tells whoever waits for an execution that it has ended.
    pub(super) fn to_parent(&self, name: &str, head: &Head) -> Option<Effect> {
        match head.parent.as_ref()? {
            Parent::Map { map, seed, index, .. } => {
                let is_well = head.status == Status::Succeeded;
                let news = News::Map(MapEvent::ItemEnded { index: *index, is_well, redrives: head.redrives });
                Some(notice(self.place.inbox.clone(), map, *seed, news))
            }
            Parent::Task { inbox, execution, seed, task, is_json } => {
                let inbox = QueueName::parse(inbox).ok()?;
                let result = self.as_answer(name, head, *is_json);
                Some(notice(inbox, execution, *seed, News::Execution(Event::TaskEnded { task: *task, result })))
            }
        }
    }

    /// What `DescribeExecution` tells of an execution that has ended; of one that did not succeed, as the cause of a failure.
    fn as_answer(&self, name: &str, head: &Head, is_json: bool) -> Result<Value, Failure> {
        let data = |value: &Value| if is_json { value.clone() } else { json!(value.to_string()) };
        let included = json!({ "Included": true });
        let mut told = json!({
            "ExecutionArn": self.id(name), "Input": data(&head.input), "InputDetails": included, "Name": name,
            "StartDate": head.started_at, "StateMachineArn": arn::machine(&self.options.workflow),
            "Status": head.status.name(), "StopDate": head.stopped_at,
        });
        if let Some(output) = &head.output {
            told["Output"] = data(output);
            told["OutputDetails"] = included;
            return Ok(told);
        }
        if let Some(failure) = &head.failure {
            told["Error"] = json!(failure.error);
            told["Cause"] = json!(failure.cause);
        }
        Err(Failure::new(failure::name::TASK_FAILED, told.to_string()))
    }
}
