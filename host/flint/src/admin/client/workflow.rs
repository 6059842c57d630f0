//! Asks a running host about executions of workflows.

use super::{Client, ClientError, encode, query};
use crate::admin::api::workflow::{
    Accepted, Draw, Drawn, Execution, Executions, History, HistoryPage, List, Start, Started, TakeTask, TakenTask,
    Told, Why,
};
use bytes::Bytes;
use clap::ValueEnum;
use flint_model::WorkflowName;
use http::Method;

impl Client {
    /// Starts an execution.
    pub(crate) async fn start_execution(&self, workflow: &WorkflowName, start: &Start) -> Result<Started, ClientError> {
        self.ask(Method::POST, &format!("/v1/workflows/{workflow}/executions"), start).await
    }

    /// Starts an execution, and waits for its end.
    pub(crate) async fn run_execution(&self, workflow: &WorkflowName, start: &Start) -> Result<Execution, ClientError> {
        self.ask(Method::POST, &format!("/v1/workflows/{workflow}/run"), start).await
    }

    /// Lists executions.
    pub(crate) async fn executions(&self, workflow: &WorkflowName, list: &List) -> Result<Executions, ClientError> {
        let query = query([("cursor", list.cursor.clone()), ("limit", list.limit.map(|limit| limit.to_string()))]);
        self.json(Method::GET, &format!("/v1/workflows/{workflow}/executions{query}"), Bytes::new()).await
    }

    /// Tells how an execution is.
    pub(crate) async fn execution(&self, workflow: &WorkflowName, name: &str) -> Result<Execution, ClientError> {
        self.json(Method::GET, &execution_path(workflow, name, ""), Bytes::new()).await
    }

    /// Tells what happened in an execution, after the page whose cursor this is.
    pub(crate) async fn history(
        &self,
        workflow: &WorkflowName,
        name: &str,
        page: &HistoryPage,
    ) -> Result<History, ClientError> {
        let query = query([("cursor", page.cursor.clone()), ("limit", page.limit.map(|limit| limit.to_string()))]);
        let path = format!("{}{query}", execution_path(workflow, name, "/history"));
        self.json(Method::GET, &path, Bytes::new()).await
    }

    /// Draws an execution.
    pub(crate) async fn draw_execution(
        &self,
        workflow: &WorkflowName,
        name: &str,
        Draw { format }: Draw,
    ) -> Result<Drawn, ClientError> {
        let format = format.to_possible_value().map(|value| value.get_name().to_owned());
        let path = format!("{}{}", execution_path(workflow, name, "/graph"), query([("format", format)]));
        self.json(Method::GET, &path, Bytes::new()).await
    }

    /// Takes on a task of an activity.
    pub(crate) async fn take_task(&self, activity: &str, take: &TakeTask) -> Result<TakenTask, ClientError> {
        self.ask(Method::POST, &format!("/v1/activities/{}/task", encode(activity)), take).await
    }

    /// Stops an execution.
    pub(crate) async fn stop_execution(
        &self,
        workflow: &WorkflowName,
        name: &str,
        why: &Why,
    ) -> Result<Accepted, ClientError> {
        self.ask(Method::POST, &execution_path(workflow, name, "/stop"), why).await
    }

    /// Has an execution go on from where it failed.
    pub(crate) async fn redrive_execution(&self, workflow: &WorkflowName, name: &str) -> Result<Accepted, ClientError> {
        self.json(Method::POST, &execution_path(workflow, name, "/redrive"), Bytes::new()).await
    }

    /// Tells the task of a token what became of it.
    pub(crate) async fn tell_task(&self, told: &Told) -> Result<Accepted, ClientError> {
        self.ask(Method::POST, "/v1/workflow-tasks", told).await
    }
}

fn execution_path(workflow: &WorkflowName, name: &str, below: &str) -> String {
    format!("/v1/workflows/{workflow}/executions/{}{below}", encode(name))
}
