//! Definitions of a platform's workflows: read, and checked against what the platform has.

use crate::commands::workflow::{Mistakes, WorkflowError};
use crate::error::Error;
use crate::live::services;
use crate::live::workflows::Workflows;
use crate::load::Loaded;
use crate::wire;
use flint_config::Platform;
use flint_config::platform::Kind;
use flint_model::WorkflowName;
use flint_stores::Stores;
use flint_stores_embedded::Embedded;
use flint_workflows::aside::Aside;
use flint_workflows::definition::{BucketAt, Machine};
use flint_workflows::mistake::Mistake;
use flint_workflows::resource::{Service, kebab};
use flint_workflows::source;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The texts of the definitions.
pub(crate) type Definitions = BTreeMap<WorkflowName, String>;

/// Reads the definitions of a platform.
///
/// # Errors
/// If one can't be read, or has mistakes; those of the first that has are told, all of them.
pub(crate) fn read(platform: &Platform) -> Result<Definitions, Error> {
    let read = |(name, workflow): (&WorkflowName, &flint_config::platform::Workflow)| {
        let path = &workflow.definition;
        let unreadable = |source| WorkflowError::File { what: "the definition", path: path.clone(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        match source::load_for(&text, |machine| unserved(platform, workflow.kind, machine)) {
            Ok(_) => Ok((name.clone(), text)),
            Err(all) => Err(WorkflowError::Definition(Mistakes { path: path.clone(), text, all }).into()),
        }
    };
    platform.workflows.iter().map(read).collect()
}

/// What a definition wants that this platform does not have.
fn unserved(platform: &Platform, kind: Kind, machine: &Machine) -> Vec<Mistake> {
    let mistake =
        |code, message, state: &str, place, help| Mistake { code, message, place, state: Some(state.to_owned()), help };
    let mut mistakes = machine.unserved();
    for task in machine.tasks().into_iter().filter(|task| task.resource.unserved().is_none()) {
        if kind == Kind::Express && task.resource.waits() {
            let message =
                format!("`{}` waits for others to go on, which an express execution can't", task.resource.text);
            mistakes.push(mistake("workflow/express", message, task.state, task.place.clone(), help_express()));
        }
        match &task.resource.service {
            Service::Function { name } => {
                let function = services::name_of(name);
                if platform.functions.keys().all(|known| known.as_str() != function) {
                    let message = format!("there is no function `{function}`, which `{}` means", task.resource.text);
                    let help = Some(format!("add a section `[function.{function}]`"));
                    mistakes.push(mistake("workflow/no-such-function", message, task.state, task.place, help));
                }
            }
            Service::Activity { name } => {
                let queue = kebab(name);
                if platform.queues.keys().all(|known| known.as_str() != queue) {
                    let message = format!("there is no queue `{queue}`, which the activity `{name}` goes through");
                    let help = Some(format!("add a section `[queue.{queue}]`"));
                    mistakes.push(mistake("workflow/no-such-queue", message, task.state, task.place, help));
                }
            }
            Service::Invoke
            | Service::SqsSendMessage
            | Service::SnsPublish
            | Service::PutEvents
            | Service::StartExecution
            | Service::DynamoDbGetItem
            | Service::DynamoDbPutItem
            | Service::DynamoDbUpdateItem
            | Service::DynamoDbDeleteItem
            | Service::Other { .. } => {}
        }
    }
    for BucketAt { state, place, bucket } in machine.buckets() {
        if platform.buckets.keys().all(|known| known.as_str() != bucket) {
            let message = format!("there is no bucket `{bucket}`");
            let help = Some(format!("add a section `[bucket.{bucket}]`"));
            mistakes.push(mistake("workflow/no-such-bucket", message, state, place, help));
        }
    }
    if kind == Kind::Express {
        for (state, place) in machine.distributed() {
            let message = "an express execution can't run a distributed Map".to_owned();
            mistakes.push(mistake("workflow/express", message, state, place, help_express()));
        }
    }
    mistakes
}

fn help_express() -> Option<String> {
    Some("leave `type = \"express\"` out of the configuration of this workflow".to_owned())
}

impl Loaded {
    /// The executions of each workflow.
    ///
    /// # Errors
    /// A defect: the definitions were read before.
    pub(crate) fn executions(&self, stores: &Arc<Embedded>) -> Result<Workflows, Error> {
        let aside = Aside::default();
        let executions = |(name, text): (&WorkflowName, &String)| {
            let bug = || Error::Bug(format!("the definition of {name} was good, and is not any more"));
            let workflow = self.platform.workflows.get(name).ok_or_else(bug)?;
            let stores: Arc<dyn Stores> = Arc::<Embedded>::clone(stores);
            let executions =
                wire::workflow::executions(stores, name, workflow, text, aside.clone()).map_err(|_| bug())?;
            Ok((name.clone(), Arc::new(executions)))
        };
        self.definitions.iter().map(executions).collect()
    }
}
